"""Makes the JSON documents of docs/json.md from surveys and plans."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..core.shellcode import names_to_unset, variables_to_set
from ..core.wording import summarise
from ..machine.ccacheprefix import ccache_prefix
from ..machine.installation import PACKAGE
from .rows import host_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.balance import Outcome, Plan
    from ..core.facts import Rejection, Worker
    from ..core.hostspec import BadEntry
    from ..core.settings import Settings

VERSION = 1


def workers_document(
    settings: Settings, results: Sequence[Worker | Rejection], plan: Plan | None, refusal: str
) -> dict[str, Any]:
    """The document of `distcc-driver workers --json`."""
    return {
        "version": VERSION,
        "command": "workers",
        "hosts": [asdict(row) for row in host_rows(settings, results, plan)],
        "bad_entries": [_bad_entry(entry) for entry in settings.bad_entries],
        "plan": _plan(plan, settings) if plan else None,
        "refusal": refusal or None,
    }


def plan_document(
    settings: Settings, results: Sequence[Worker | Rejection], plan: Plan, end: Sequence[str] | None
) -> dict[str, Any]:
    """The document of `distcc-driver plan --json`; `end` is the command that closes the tunnels."""
    return {
        "version": VERSION,
        "command": "plan",
        "hosts": [asdict(row) for row in host_rows(settings, results, plan)],
        "bad_entries": [_bad_entry(entry) for entry in settings.bad_entries],
        "plan": _plan(plan, settings),
        "end": None if end is None else list(end),
    }


def plan_text(outcome: Outcome) -> str:
    """The document of a plan as text. Its `end` is null if no tunnel stays open."""
    program = os.path.join(PACKAGE, "__main__.py")
    path = outcome.session_path
    end = [sys.executable, "-ESs", program, "release", path] if path else None
    document = plan_document(outcome.settings, outcome.results, outcome.plan, end)
    return json.dumps(document, indent=2) + "\n"


def _bad_entry(entry: BadEntry) -> dict[str, Any]:
    return {
        "position": entry.position,
        "text": entry.text,
        "column": entry.column,
        "reason": entry.reason,
    }


def _plan(plan: Plan, settings: Settings) -> dict[str, Any]:
    return {
        "jobs": plan.jobs,
        "remote_jobs": plan.remote_jobs,
        "local_jobs": plan.local_jobs,
        "local_slots": plan.local_slots,
        "preprocessing_jobs": plan.saturation_jobs,
        "limit": {"jobs": plan.limit.jobs, "cause": plan.limit.cause} if plan.limit else None,
        "pause_ms": plan.pause_ms,
        "summary": summarise(plan),
        "set": variables_to_set(plan, settings, ccache_prefix()),
        "unset": names_to_unset(settings),
    }

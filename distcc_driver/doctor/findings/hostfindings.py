"""Findings about the host list, its workers, and the build that distcc_build would start on them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...commands.rows import USED
from ...core.wording import bad_entry_cause, limit_message, summarise
from .finding import HOST_LIST, PLAN, WORKERS, Finding, Result, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...commands.rows import HostRow
    from ...commands.survey import Answers
    from ...core.errors import Message
    from ...core.hostspec import BadEntry


def error_finding(error: Message) -> Finding:
    """The finding about an error that ends every build at its start."""
    return Finding(HOST_LIST, (error.subject,), Result.PROBLEM, error.cause, error.advice)


def setting_finding(warning: Message) -> Finding:
    """The finding about a variable that has no effect; builds print the same warning."""
    return Finding(WORKERS, (warning.subject,), Result.WARNING, warning.cause, warning.advice)


def entry_findings(bad_entries: Sequence[BadEntry]) -> list[Finding]:
    """Findings about the entries of the host list that are no hosts."""
    return [
        Finding(
            HOST_LIST,
            ("DISTCC_AUTO_HOSTS",),
            Result.WARNING,
            bad_entry_cause(entry),
            "correct it; it is skipped",
        )
        for entry in bad_entries
    ]


def host_findings(rows: Sequence[HostRow]) -> list[Finding]:
    """Findings about every host of the list; the hosts that are left out come first."""
    left_out = merged(_host_finding(row) for row in rows if row.is_missed)
    return [*left_out, *(_host_finding(row) for row in rows if not row.is_missed)]


def _host_finding(row: HostRow) -> Finding:
    subjects = (row.host,)
    if row.same_as:
        return Finding(WORKERS, subjects, Result.OK, row.cause or "")
    if row.state != USED:
        return Finding(WORKERS, subjects, Result.WARNING, f"left out: {row.cause}", row.advice or "")
    load = "unknown" if row.load is None else f"{row.load:.2f}"
    memory = "unknown" if row.free_memory_mib is None else f"{row.free_memory_mib} MiB"
    jobs = row.fewer_jobs or f"{row.jobs} jobs for {row.slots} slots"
    text = f"used, reached by {row.via}, {jobs}, load {load}, free memory {memory}"
    return Finding(WORKERS, subjects, Result.OK, f"{text}, answered in {row.answer_ms or 0:.0f} ms")


def plan_finding(answers: Answers) -> Finding:
    """The finding about the build that distcc_build would start now."""
    subjects = ("distcc_build",)
    plan = answers.plan
    if plan is None:
        return Finding(PLAN, subjects, Result.PROBLEM, answers.refusal.problem, answers.refusal.advice)
    if not plan.shares:
        text = f"{summarise(plan)}: no worker is available, everything compiles here"
        return Finding(PLAN, subjects, Result.PROBLEM, text, "follow the advice about the workers above")
    if plan.limit:
        limited = limit_message(plan, plan.limit)
        return Finding(PLAN, subjects, Result.WARNING, limited.problem, limited.advice)
    return Finding(PLAN, subjects, Result.OK, summarise(plan))

"""A second look at trials that failed: it was the worker, or what distcc made of the command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .launchers import Changes
from .trial import Outcome
from .trialenviron import NO_REWRITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .compilers import Command
    from .probe import Worker
    from .trial import Trial, Trials

_AS_TOLD = Changes(variables=((NO_REWRITE, "1"),))
_FAILURES = (Outcome.MISSING, Outcome.NOT_ALLOWED, Outcome.FAILED)


def without_rewriting(
    trials: Trials, found: Sequence[Trial], local: Sequence[Trial], environ: Mapping[str, str]
) -> list[Trial]:
    """Try again what failed where distcc asked for something else than it was told, as it was told.

    What compiles so, for the same architecture as here, becomes `RENAMED`.
    """
    here = {trial.command: trial for trial in local}
    doubtful = [trial for trial in found if _is_doubtful(trial, here[trial.command], environ)]
    again = trials.try_each([_as_told(trial) for trial in doubtful])
    renamed = {
        id(first): replace(first, outcome=Outcome.RENAMED, elapsed_ms=None, made=None)
        for first, second in zip(doubtful, again, strict=True)
        if second.outcome is Outcome.COMPILED and _is_alike(second, here[first.command])
    }
    return [renamed.get(id(trial), trial) for trial in found]


def _is_doubtful(trial: Trial, local: Trial, environ: Mapping[str, str]) -> bool:
    if not trial.is_rewritten or NO_REWRITE in trial.command.changes.applied(environ):
        return False
    is_other = trial.outcome is Outcome.COMPILED and not _is_alike(trial, local)
    return is_other or trial.outcome in _FAILURES


def _is_alike(trial: Trial, local: Trial) -> bool:
    """Whether the object file is for the machine that one from here is for."""
    if trial.made is None or local.made is None:
        return trial.made is local.made
    return trial.made.architecture == local.made.architecture


def _as_told(trial: Trial) -> tuple[Worker | None, Command]:
    return trial.worker, replace(trial.command, changes=trial.command.changes + _AS_TOLD)

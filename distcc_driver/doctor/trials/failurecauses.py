"""Finds the causes of failed trials: tries them again, and compares the counters of the workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.facts import Rejection
from ...machine.launchers import Changes
from ...network.probe import ask_stats
from .hangupcauses import hangup_outcome, lacks_room
from .trial import TrialOutcome
from .trialenviron import NO_REWRITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...core.facts import Endpoint, Worker
    from ...core.stats import WorkerStats
    from ...machine.compilers import Command
    from .trial import Trial
    from .trialrunner import TrialRunner

_AS_TOLD = Changes(variables=((NO_REWRITE, "1"),))
_FAILURES = (TrialOutcome.MISSING, TrialOutcome.HUNG_UP, TrialOutcome.FAILED)
_BETWEEN_S = 2.0  # the least time between two questions to a stats port
_STATS_TIMEOUT_S = 2.0


def with_causes(
    runner: TrialRunner, found: Sequence[Trial], local: Sequence[Trial], environ: Mapping[str, str]
) -> list[Trial]:
    """The same trials, with more exact outcomes where trials failed. Raises `SignalError`."""
    return _with_hangup_causes(runner, _without_rewriting(runner, found, local, environ))


def _without_rewriting(
    runner: TrialRunner, found: Sequence[Trial], local: Sequence[Trial], environ: Mapping[str, str]
) -> list[Trial]:
    """Repeat failed trials whose command distcc rewrote, so that distcc leaves the command as it is.

    A trial becomes `RENAMED` if it then makes an object file for the same architecture as here.
    """
    here = {trial.command: trial for trial in local}
    doubtful = [trial for trial in found if _is_doubtful(trial, here[trial.command], environ)]
    as_told = runner.try_each([_as_told(trial) for trial in doubtful])
    better = [
        first
        for first, told in zip(doubtful, as_told, strict=True)
        if told.outcome is TrialOutcome.COMPILED and _is_same_architecture(told, here[first.command])
    ]
    # The worker may fail at random. Trust the difference only if the rewritten command fails again.
    again = runner.try_each([(trial.worker, trial.command) for trial in better])
    renamed = {
        id(first): replace(first, outcome=TrialOutcome.RENAMED, elapsed_ms=None, object_file=None)
        for first, second in zip(better, again, strict=True)
        if second.outcome is first.outcome
    }
    return [renamed.get(id(trial), trial) for trial in found]


def _is_doubtful(trial: Trial, local: Trial, environ: Mapping[str, str]) -> bool:
    if not trial.is_rewritten or NO_REWRITE in trial.command.changes.applied(environ):
        return False
    is_other = trial.outcome is TrialOutcome.COMPILED and not _is_same_architecture(trial, local)
    return is_other or trial.outcome in _FAILURES


def _is_same_architecture(trial: Trial, local: Trial) -> bool:
    """Whether the object files of a worker and of this machine are for the same architecture."""
    if trial.object_file is None or local.object_file is None:
        return trial.object_file is local.object_file
    return trial.object_file.architecture == local.object_file.architecture


def _as_told(trial: Trial) -> tuple[Worker | None, Command]:
    return trial.worker, replace(trial.command, changes=trial.command.changes + _AS_TOLD)


def _with_hangup_causes(runner: TrialRunner, found: Sequence[Trial]) -> list[Trial]:
    """Give the job once more to each worker that hung up, and see which counters of the worker rise.

    For a worker that failed without a hang-up only the disk space counts.
    """
    failed = [trial for trial in found if trial.outcome in (TrialOutcome.HUNG_UP, TrialOutcome.FAILED)]
    if not failed:
        return list(found)
    endpoints = list(dict.fromkeys(trial.worker.endpoint for trial in failed if trial.worker))
    hung = {
        trial.worker: trial.command for trial in reversed(failed) if trial.outcome is TrialOutcome.HUNG_UP
    }
    runner.pause(_BETWEEN_S)
    before = _stats(endpoints) if hung else {}
    again = {trial.worker: trial for trial in runner.try_each(list(hung.items()))}
    if hung:
        runner.pause(_BETWEEN_S)
    after = _stats(endpoints)
    causes = {}
    for trial in failed:
        if trial.worker is not None:
            endpoint = trial.worker.endpoint
            causes[id(trial)] = _cause(trial, again.get(trial.worker), before.get(endpoint), after[endpoint])
    return [_replaced(trial, causes.get(id(trial))) for trial in found]


def _replaced(trial: Trial, cause: tuple[TrialOutcome, str] | None) -> Trial:
    return trial if cause is None else replace(trial, outcome=cause[0], message=cause[1])


def _stats(endpoints: Sequence[Endpoint]) -> dict[Endpoint, WorkerStats | None]:
    answers = zip(endpoints, ask_stats(endpoints, _STATS_TIMEOUT_S), strict=True)
    return {endpoint: None if isinstance(answer, Rejection) else answer.stats for endpoint, answer in answers}


def _cause(
    trial: Trial, again: Trial | None, before: WorkerStats | None, after: WorkerStats | None
) -> tuple[TrialOutcome, str]:
    """The outcome and the message of a trial that failed; `again` is its repetition, if there was one."""
    if trial.outcome is TrialOutcome.FAILED:
        return (TrialOutcome.NO_ROOM, "") if lacks_room(after) else (trial.outcome, trial.message)
    if again is None:
        return trial.outcome, trial.message
    if again.outcome is TrialOutcome.COMPILED:
        return TrialOutcome.HUNG_UP, "once, and compiled at a second try"
    if again.outcome is TrialOutcome.HUNG_UP:
        return hangup_outcome(before, after), ""
    return again.outcome, again.message

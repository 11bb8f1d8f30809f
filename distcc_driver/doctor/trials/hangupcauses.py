"""Why a worker hung up on a job, from its counters before and after the job. Pure.

distccd 3.4 (`src/serve.c`, `src/prefork.c`) counts each connection that it accepts. Then it counts the end
of the job: as "other" if the compiler is not allowed, as a disconnected client if a file could not be
written. It counts no end if it refuses the client, or if the process for the job dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.selection import LEAST_ROOM_MIB
from .trial import TrialOutcome

if TYPE_CHECKING:
    from ...core.stats import WorkerStats


def hangup_outcome(before: WorkerStats | None, after: WorkerStats | None) -> TrialOutcome:
    """The cause of one hang-up between two answers of the stats page, each None if there was no answer.

    `HUNG_UP` if the cause cannot be told, for example because other clients had jobs at the same time.
    """
    if before is None:
        return TrialOutcome.HUNG_UP
    if after is None:
        return TrialOutcome.DROPPED
    rises = [
        _rise(before.accepted, after.accepted),
        _rise(before.other, after.other),
        _rise(before.disconnected, after.disconnected),
        _rise(_done(before), _done(after)),
    ]
    if None in rises:
        return TrialOutcome.HUNG_UP
    accepted, other, disconnected, done = (rise or 0 for rise in rises)
    if (
        min(accepted, other, disconnected, done) < 0
    ):  # distccd was started again, which sets its counters to 0
        return TrialOutcome.DROPPED
    if other and disconnected:
        return TrialOutcome.HUNG_UP
    if other:
        return TrialOutcome.NOT_ALLOWED
    if disconnected:
        return TrialOutcome.NO_ROOM if lacks_room(after) else TrialOutcome.NOT_STORED
    if not accepted:
        return TrialOutcome.ELSEWHERE
    return TrialOutcome.HUNG_UP if done else TrialOutcome.DROPPED


def lacks_room(stats: WorkerStats | None) -> bool:
    """Whether the worker reports less disk space than the files of a job need."""
    return stats is not None and stats.free_space_mib is not None and stats.free_space_mib < LEAST_ROOM_MIB


def _rise(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _done(stats: WorkerStats) -> int | None:
    """The number of jobs that ended regularly; None if a counter is missing."""
    counters = (stats.compiled, stats.failed, stats.refused, stats.timed_out)
    known = [counter for counter in counters if counter is not None]
    return sum(known) if len(known) == len(counters) else None

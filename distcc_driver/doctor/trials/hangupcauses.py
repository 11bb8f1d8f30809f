"""Why a worker hung up on a job, from its counters before and after. Pure.

distccd 3.4 (`src/serve.c`, `src/prefork.c`) counts each connection that it accepts, and then how the job
went: a compiler that is not allowed as "other", a file that could not be written as a client that went
away; nothing more where it refuses the client, or where the process for the job ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.selection import LEAST_ROOM_MIB
from .trial import TrialOutcome

if TYPE_CHECKING:
    from ...core.stats import WorkerStats


def outcome_of(before: WorkerStats | None, after: WorkerStats | None) -> TrialOutcome:
    """What became of one job on which a worker hung up; None where its stats page did not answer.

    `HUNG_UP` where that cannot be told, because of other clients for example.
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
    if min(accepted, other, disconnected, done) < 0:  # it was started again meanwhile
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
    """Whether it is known that there is no room for the files of a job."""
    return stats is not None and stats.free_space_mib is not None and stats.free_space_mib < LEAST_ROOM_MIB


def _rise(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _done(stats: WorkerStats) -> int | None:
    """Jobs that came to a regular end."""
    counters = (stats.compiled, stats.failed, stats.refused, stats.timed_out)
    known = [counter for counter in counters if counter is not None]
    return sum(known) if len(known) == len(counters) else None

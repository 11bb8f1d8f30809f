"""The jobs of one build from look to look: what each does, since when, and how it has ended.

The monitor looks some times a second. It does not see a job that begins and ends between two looks.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.record import Record
from .clientprocesses import is_connected, look, words_of
from .picture import Job, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .hostlist import Entry
    from .staterecords import StateRecord

_RATE_S = 10.0
_SHORTEST_RATE_S = 1.0
# No record is removed by a distccmon before it is that old.
_RECORD_LIFE_S = 60.0
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".i", ".ii", ".m", ".mm", ".s", ".S")
_NO_LINK = frozenset({"-c", "-S", "-E"})
# By the number of distcc's phase. A client that preprocesses has a slot of this machine, or has just had it.
_STEPS = (
    Step.QUEUED,
    Step.QUEUED,
    Step.CONNECTING,
    Step.SENDING,
    Step.SENDING,
    Step.COMPILING,
    Step.RECEIVING,
    Step.RECEIVING,
)


class Held(Record):
    """The slots of a client: one of a worker, one of this machine, or both."""

    entry: Entry | None
    slot: int
    has_local: bool


class Sight(Record):
    """One look at a client: its slots, its record if it has one, and when it was started if that is known."""

    held: Held
    record: StateRecord | None
    started: float | None


@dataclass(slots=True)
class Score:
    """What was seen of a worker since the view began; `why` is about the last file that failed there."""

    done: int = 0
    failed: int = 0
    why: str = ""


@dataclass(slots=True)
class _Tracked:
    entry: Entry | None
    slot: int
    file: str
    step: Step
    since: float
    is_repeated: bool = False
    sight: Sight | None = None


class JobTracker:
    """What was seen of the clients of one build. Times are seconds since 1970."""

    def __init__(self) -> None:
        self._jobs: dict[int, _Tracked] = {}
        self._left: dict[int, _Tracked] = {}  # they have let go of a worker's slot, and may not have ended
        self._ends: dict[str, deque[float]] = {}
        self._began: float | None = None
        self.scores: dict[str, Score] = {}
        self.repeated = 0

    def look(self, sights: Mapping[int, Sight], now: float) -> None:
        """Take in a look at all clients that hold a slot."""
        self._began = now if self._began is None else self._began
        for pid in self._jobs.keys() - sights.keys():
            job = self._jobs.pop(pid)
            if job.entry is not None:
                self._left[pid] = job
        for pid, sight in sights.items():
            self._jobs[pid] = self._follow(pid, sight, now)
        for pid in [pid for pid in self._left if not _is_there(pid)]:
            self._end(self._left.pop(pid), now)

    def jobs(self, now: float) -> tuple[dict[str, list[Job]], list[Job]]:
        """The jobs at each worker, by the keys of the list, and those that stay on this machine."""
        remote: dict[str, list[Job]] = {}
        local = []
        for pid, one in self._jobs.items():
            job = Job(pid, one.slot, one.file, one.step, max(0.0, now - one.since))
            if one.entry is None:
                local.append(job)
            else:
                remote.setdefault(one.entry.key, []).append(job)
        return remote, local

    def score(self, key: str) -> Score:
        """What was seen of a worker."""
        return self.scores.setdefault(key, Score())

    def rate_per_s(self, key: str, now: float) -> float:
        """Jobs that a worker has done per second, over the last seconds."""
        ends = self._ends.get(key)
        if not ends or self._began is None:
            return 0.0
        while ends and ends[0] < now - _RATE_S:
            ends.popleft()
        return len(ends) / max(_SHORTEST_RATE_S, min(_RATE_S, now - self._began))

    def _follow(self, pid: int, sight: Sight, now: float) -> _Tracked:
        """The job of a client in this picture, continued from the picture before."""
        held, before = sight.held, self._jobs.get(pid)
        if before is not None and before.sight == sight and sight.record is not None:
            return before
        left = self._left.pop(pid, None)
        record = _valid(sight)
        moved = left or before
        if before is None or (before.entry is not held.entry and before.entry != held.entry):
            is_repeated = moved is not None and moved.entry is not None
            if moved is not None and is_repeated:
                self._fail(moved, is_here=held.entry is None)
            since = now if record is None or self._began != now else min(now, record.changed)
            before = _Tracked(held.entry, held.slot, _file(pid, record), Step.UNKNOWN, since, is_repeated)
        elif record is not None and record.file:
            before.file = record.file
        before.step = self._step(pid, sight, record, before, now)
        before.sight = sight
        return before

    def _step(self, pid: int, sight: Sight, record: StateRecord | None, before: _Tracked, now: float) -> Step:
        if sight.held.entry is None:
            return _local_step(pid, before)
        if sight.held.has_local:
            return Step.PREPROCESSING
        if record is not None:
            return _STEPS[record.phase]
        if before.step not in (Step.UNKNOWN, Step.QUEUED, Step.PREPROCESSING):
            return Step.COMPILING  # a distccmon has removed its record
        is_old = sight.started is None or now - sight.started > _RECORD_LIFE_S
        return Step.COMPILING if is_old and is_connected(pid) else Step.QUEUED

    def _fail(self, job: _Tracked, *, is_here: bool) -> None:
        """A client has left a worker and goes on elsewhere: the worker did not do the job."""
        if job.entry is None:
            return
        score = self.score(job.entry.key)
        score.failed += 1
        what = job.file or "a file"
        score.why = f"{what} failed there, last seen {job.step.value}"
        self.repeated += is_here

    def _end(self, job: _Tracked, now: float) -> None:
        if job.entry is not None:
            self.score(job.entry.key).done += 1
            self._ends.setdefault(job.entry.key, deque()).append(now)


def _is_there(pid: int) -> bool:
    """Whether a client goes on: one that has ended may wait for its parent to ask how."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return look(pid) is not None or not os.path.isdir("/proc/self")


def _valid(sight: Sight) -> StateRecord | None:
    """The record, unless an earlier client with the same pid was killed and left it."""
    record = sight.record
    if record is None or (sight.started is not None and record.changed < sight.started - 1):
        return None
    return record


def _local_step(pid: int, job: _Tracked) -> Step:
    if job.step in (Step.COMPILING, Step.LINKING):
        return job.step
    words = words_of(pid)
    return Step.COMPILING if job.is_repeated or not words or _NO_LINK & set(words) else Step.LINKING


def _file(pid: int, record: StateRecord | None) -> str:
    """The source of a client, from its record or its command line; "" if neither tells."""
    if record is not None and record.file:
        return record.file
    words = words_of(pid)
    sources = [word for word in words[1:] if word.endswith(_SOURCES) and not word.startswith("-")]
    if sources:
        return os.path.basename(sources[-1])
    outputs = [word for before, word in itertools.pairwise(words) if before == "-o"]
    return os.path.basename(outputs[-1]) if outputs else ""

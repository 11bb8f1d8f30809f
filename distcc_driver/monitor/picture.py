"""What the monitor saw at one moment, as values. Pure.

All names of files, directories and commands come from builds: they are data, and no text for a terminal.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..core.record import Record


class Step(enum.Enum):
    """What a job does, in the words that people read."""

    QUEUED = "waiting to preprocess"
    PREPROCESSING = "preprocessing"
    CONNECTING = "connecting"
    SENDING = "sending"
    COMPILING = "compiling"
    RECEIVING = "receiving"
    UNKNOWN = "unknown"
    LINKING = "linking"


# A slot of the worker is taken, and the worker itself has nothing to do yet.
HELD = (Step.QUEUED, Step.PREPROCESSING)
MOVING = (Step.CONNECTING, Step.SENDING, Step.RECEIVING)


class Job(Record):
    """A client with a slot. `file` is "" where distcc tells no name; `age_s` counts from its first sight."""

    pid: int
    slot: int
    file: str
    step: Step
    age_s: float


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of a build's list under the name that people know.

    `others` are slots that clients of other builds hold. `avoided_s` tells for how many seconds more distcc
    avoids it, None if it does not; `avoided_why` what was seen of the cause. `done` and `failed` are counted
    from samples. `load` is the mean of the load averages that the worker told last, None if it is not known.
    """

    name: str
    via: str
    slots: int
    jobs: tuple[Job, ...] = ()
    others: int = 0
    avoided_s: float | None = None
    avoided_why: str | None = None
    done: int = 0
    done_per_s: float = 0.0
    failed: int = 0
    load: float | None = None

    def count(self, steps: tuple[Step, ...]) -> int:
        """How many slots are in one of these steps."""
        all_steps = [job.step for job in self.jobs]
        return sum(map(all_steps.count, steps))

    @property
    def compiling(self) -> int:
        """Slots with a file that the worker has, as far as can be told."""
        return len(self.jobs) - self.count(HELD) - self.count(MOVING)

    @property
    def idle(self) -> int:
        """Free slots."""
        return max(0, self.slots - len(self.jobs) - self.others)


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """Work of a build on this machine. `waiting` clients have no slot yet; None where they cannot be counted.

    `repeated` is how many files were seen to be compiled here after they had failed on a worker. `processors`
    is the part of the processors that was busy, from 0 to 1.
    """

    slots: int
    cpp_slots: int
    jobs: tuple[Job, ...] = ()
    preprocessing: int = 0
    queued: int = 0
    waiting: int | None = None
    repeated: int = 0
    processors: float | None = None

    @property
    def links(self) -> int:
        """Links, and whatever else has no file to compile."""
        return sum(job.step is Step.LINKING for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Limit:
    """What limits a build at the moment: a word for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Build:
    """A running build: its first process, where that runs, its command, and who works for it."""

    pid: int
    directory: str
    command: str
    workers: tuple[Worker, ...]
    here: ThisMachine
    limit: Limit
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """All builds of this user at a time (seconds since 1970), `elapsed_s` after the view began."""

    time: float
    elapsed_s: float
    builds: tuple[Build, ...] = ()
    notes: tuple[str, ...] = ()

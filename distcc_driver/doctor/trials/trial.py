"""A trial compilation that has ended: which compiler on which worker, and how it went. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...core.facts import Worker
    from ...machine.compilers import Command
    from .objectfile import ObjectFile


class TrialOutcome(str, Enum):
    """How a trial went."""

    COMPILED = "compiled"
    MISSING = "missing"  # the worker has no such compiler
    HUNG_UP = "hung_up"  # the worker closed the connection, for a cause that is not known
    NOT_ALLOWED = "not_allowed"  # the worker closed the connection: it does not allow this compiler
    NOT_STORED = "not_stored"  # ... it cannot write the files of a job
    NO_ROOM = "no_room"  # ... it has no room for the files of a job
    DROPPED = "dropped"  # ... the process for the job ended, or the worker refuses this client
    ELSEWHERE = "elsewhere"  # ... another program than the distccd of the stats page has the job port
    HUNG = "hung"  # the worker did not answer in time
    UNREACHABLE = "unreachable"  # the job port took no connection
    NOT_SENT = "not_sent"  # distcc compiles such a command on this machine
    RENAMED = "renamed"  # distcc asked for another command than it was told, and only that one fails
    FAILED = "failed"  # any other failure: `Trial.message` has the message


@dataclass(frozen=True, slots=True)
class Trial:
    """How one compiler did on one worker, or on this machine if `worker` is None.

    `sent` is the compiler that distcc asked the worker for, which may be another name of the same program.
    `added_target` is the target that distcc added to the command. `message` is from distcc or from the
    compiler. `object_file` is None if it cannot be read.
    """

    worker: Worker | None
    command: Command
    outcome: TrialOutcome
    sent: str = ""
    elapsed_ms: float | None = None
    object_file: ObjectFile | None = None
    message: str = ""
    added_target: str = ""

    @property
    def is_rewritten(self) -> bool:
        """Whether distcc asked the worker for another command than it was told."""
        return bool(self.added_target) or self.sent != self.command.compiler[0]

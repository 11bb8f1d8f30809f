"""One running trial: a process with limited memory and file size, in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...machine.children import end_posix_session
from ...machine.compilers import is_cxx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...core.facts import Worker
    from ...machine.compilers import Command

_MAX_OBJECT = 1024 * 1024
_MAX_TEXT = 64 * 1024
_MAX_MEMORY = 2 * 1024**3
_MAX_FILE = 64 * 1024**2
_SOURCE = "int distcc_driver_trial(void) { return 0; }\n"


@dataclass(slots=True)
class TrialRun:
    """A compilation before, during or after its run: on `worker`, or on this machine if that is None.

    Times are of the monotonic clock. `process` is None before the start, and if the process could not start:
    then the file `output` has the cause.
    """

    worker: Worker | None
    command: Command
    directory: str
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    ended_s: float = 0.0
    is_late: bool = False

    @property
    def source(self) -> str:
        """The file to compile, in `directory`."""
        return "trial.cc" if is_cxx(self.command.compiler[0]) else "trial.c"

    @property
    def state(self) -> str:
        """The directory for distcc's own files."""
        return os.path.join(self.directory, "state")

    def start(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run a command line, whose output goes to the file `output`."""
        with open(os.path.join(self.directory, self.source), "w", encoding="ascii") as source:
            source.write(_SOURCE)
        os.mkdir(self.state)
        self.started_s = time.monotonic()
        with open(os.path.join(self.directory, "output"), "wb") as output:
            try:
                self.process = subprocess.Popen(
                    words,
                    env=environ,
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # so end_posix_session finds all processes of the trial
                )
            except OSError as error:
                output.write(f"{words[0]}: {error.strerror}\n".encode())
            else:
                _limit(self.process.pid)

    def has_ended(self, deadline_s: float) -> bool:
        """Whether the compilation has ended; a compilation that takes longer than `deadline_s` is killed."""
        process = self.process
        if process is None or process.poll() is not None:
            self.ended_s = time.monotonic()
            return True
        if time.monotonic() < self.started_s + deadline_s:
            return False
        self.is_late = True
        end_posix_session(process)
        return True

    def text(self, name: str) -> str:
        """The text of a file in the directory; "" if there is no such file."""
        return self.data(name, _MAX_TEXT).decode("utf-8", "replace")

    def data(self, name: str, limit: int = _MAX_OBJECT) -> bytes:
        """The first `limit` bytes of a file in the directory; empty if there is no such file."""
        try:
            with open(os.path.join(self.directory, name), "rb") as file:
                return file.read(limit)
        except OSError:
            return b""


def _limit(pid: int) -> None:
    """Limit the memory and file size of a process and its children.

    A worker announces the size of its answer, and distcc's client believes any size.
    """
    for kind, most in ((resource.RLIMIT_AS, _MAX_MEMORY), (resource.RLIMIT_FSIZE, _MAX_FILE)):
        if hasattr(resource, "prlimit"):
            with contextlib.suppress(OSError):  # the process has ended
                _, hard = resource.prlimit(pid, kind)
                soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.prlimit(pid, kind, (soft, hard))

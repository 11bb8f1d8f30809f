"""A process that ends the distccd of `distcc-driver worker` if the command is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from ...machine.children import end_members
from ...machine.installation import PACKAGE

if TYPE_CHECKING:
    from contextlib import ExitStack

_MAIN = os.path.join(PACKAGE, "__main__.py")
_ALL_WELL = "done\n"


class WorkerGuard:
    """A guard process. It ends with `stack`; if the command is killed before, it removes `directory`."""

    def __init__(self, directory: str, stack: ExitStack) -> None:
        read_end, self._write_end = os.pipe()
        stack.callback(os.close, self._write_end)
        self._process = subprocess.Popen(
            [sys.executable, "-ESs", _MAIN, "worker-guard", directory],
            stdin=read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        os.close(read_end)
        stack.callback(self._dismiss)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """If the command is killed, the guard is to end the POSIX session of a process, too."""
        self._tell(f"{process.pid}\n")

    def _dismiss(self) -> None:
        self._tell(_ALL_WELL)
        self._process.wait()

    def _tell(self, text: str) -> None:
        try:
            os.write(self._write_end, text.encode())
        except BrokenPipeError:
            pass  # the guard was killed; the command goes on without it


def main(directory: str) -> None:
    """Read pids of sessions. If the input ends without the word for a normal end, clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids = []
    for line in sys.stdin:
        if line == _ALL_WELL:
            return
        pids.append(int(line))
    for pid in pids:
        end_members(pid)
    shutil.rmtree(directory, ignore_errors=True)

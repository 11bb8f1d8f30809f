"""Starts other programs, and ends them with all that they have started, also when a signal ends the command.

For the commands that people run. (The build itself is started by the shell.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from ..core.errors import SignalError
from .processtable import living, signal_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FrameType
    from typing import IO

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.02
_GRACE_S = 5.0


class Interrupts:
    """Notes INT, TERM and HUP, or other signals, when they come, and raises them when the program asks.

    So a signal interrupts neither the start of a process, before its pid is known, nor a clean-up.
    """

    def __init__(self, numbers: Iterable[signal.Signals] = _ENDINGS) -> None:
        self._caught: signal.Signals | None = None
        for number in numbers:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._caught = signal.Signals(number)

    def sleep(self, seconds: float = _POLL_S) -> None:
        """Sleep; raises `SignalError` if a signal has come."""
        time.sleep(seconds)
        self.check()

    def check(self) -> None:
        """Raise `SignalError` if a signal has come."""
        if self._caught is not None:
            raise SignalError(self._caught, self._caught.name)

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process; returns its exit code as a shell shows it. Raises `SignalError`."""
        while process.poll() is None:
            self.sleep()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode


def start_posix_session(
    command: Sequence[str], environ: Mapping[str, str], directory: str, stderr: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command without input as the leader of a POSIX session, for `end_posix_session` to find."""
    return subprocess.Popen(
        command,
        env=environ,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def end_posix_session(process: subprocess.Popen[bytes]) -> None:
    """End a command of `start_posix_session` with all that it has started, and wait for their end."""
    end_members(process.pid)
    process.wait()


def end_members(leader: int) -> None:
    """End all processes of the session that the process `leader` leads, or has led.

    Not by process group: distccd gives every compiler a group of its own.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _GRACE_S
        signalled: set[int] = set()
        while (members := _members(leader)) and time.monotonic() < deadline:
            for pid in members - signalled:
                signal_process(pid, number)
            signalled |= members
            time.sleep(_POLL_S)


def _members(leader: int) -> set[int]:
    """The living processes of a session."""
    return {pid for pid in living() if _session(pid) == leader}


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None

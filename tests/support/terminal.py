"""Runs a program in a real pty, whose controlling process the program is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_DEADLINE_S = 30.0


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Types text for a program, and reads what the program shows. Leaving hangs up and ends the program."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        self.shown = ""
        self._read = 0
        self._master, slave = pty.openpty()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environ,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        finally:
            os.close(slave)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def expect(self, text: str) -> str:
        """Read until `text` is shown; return the text shown before it."""
        deadline = time.monotonic() + _DEADLINE_S
        while text not in self.shown[self._read :]:
            ready = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"no {text!r} in {self.shown!r}"
            assert self._receive(), f"ended without {text!r} in {self.shown!r}"
        start = self._read
        end = self.shown.index(text, start)
        self._read = end + len(text)
        return self.shown[start:end]

    def read_on(self) -> None:
        """Take in what is there, so that the program can go on to write."""
        while select.select([self._master], [], [], 0)[0] and self._receive():
            pass

    def wait(self) -> int:
        """Read until the program ends; return its status."""
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            ready = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"does not end: {self.shown!r}"
            if not self._receive():
                return self._process.wait(_DEADLINE_S)

    def _receive(self) -> bool:
        """Read more. False at the end: on Linux, reading fails when no process has the terminal open."""
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._master)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGHUP)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

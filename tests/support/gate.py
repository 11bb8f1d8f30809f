"""A build command that tells the test when it runs, and waits until the test lets it end."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .shells import UserShell

_DEADLINE_S = 60.0


class Held(NamedTuple):
    """A run of the gate's command: its pid and its DISTCC_HOSTS."""

    pid: int
    distcc_hosts: str


class Gate:
    """A script for a build to run.

    It announces each run, then waits until the test says with which status to end.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        os.mkfifo(directory / "announced")
        self._announced = os.open(directory / "announced", os.O_RDWR)
        self._text = b""
        self._answers: list[int] = []
        self._held: list[int] = []
        script = directory / "gate"
        place = shlex.quote(str(directory))
        script.write_text(
            f'#!/bin/sh\nmkfifo -m 600 {place}/$$\necho "$$ $DISTCC_HOSTS" > {place}/announced\n'
            f'read -r status < {place}/$$\nexit "$status"\n'
        )
        script.chmod(0o755)
        self.program = script
        self.word = shlex.quote(str(script))

    def wait(self) -> Held:
        """Return when the next run of the command has begun."""
        while b"\n" not in self._text:
            assert select.select([self._announced], [], [], _DEADLINE_S)[0], "the build never began"
            self._text += os.read(self._announced, 4096)
        line, _, self._text = self._text.partition(b"\n")
        pid, hosts = line.decode().split(" ", 1)
        self._held.append(int(pid))
        return Held(int(pid), hosts)

    def has_run(self) -> bool:
        """Whether a run has begun since the last `wait`."""
        return bool(self._text or select.select([self._announced], [], [], 0)[0])

    def open(self, status: int = 0) -> None:
        """Let the run that the last `wait` returned end with a status."""
        answer = os.open(
            self._directory / str(self._held.pop()), os.O_RDWR
        )  # O_RDWR: it does not wait for a reader
        self._answers.append(answer)
        os.write(answer, b"%d\n" % status)

    def close(self) -> None:
        for descriptor in (self._announced, *self._answers):
            os.close(descriptor)


@contextlib.contextmanager
def running(shell: UserShell, script: str, *prefix: str) -> Iterator[subprocess.Popen[str]]:
    """A shell that sources the shim and runs a script while the test goes on; leaving kills its group.

    `prefix` are words in front of the shell's command.
    """
    process = subprocess.Popen(
        [*prefix, *shell.command(f"{shell.sourcing}\n{script}".encode())],
        env=shell.environ,
        cwd=shell.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=_DEADLINE_S)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end of a shell, and return its status, stdout and stderr."""
    stdout, stderr = process.communicate(timeout=_DEADLINE_S)
    return process.returncode, stdout, stderr

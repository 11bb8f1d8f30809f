"""A build command that says when it runs, and goes on when it is told to."""

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
    """A build command that runs: its pid, that of the sub-shell, and its DISTCC_HOSTS."""

    pid: int
    parent: int
    distcc_hosts: str


class Gate:
    """Two named pipes and a script: each run of it is announced, and ends with the status it is given."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._descriptors = []
        for name in ("up", "down"):
            os.mkfifo(directory / name)
            self._descriptors.append(os.open(directory / name, os.O_RDWR))
        script = directory / "gate"
        up, down = (shlex.quote(str(directory / name)) for name in ("up", "down"))
        script.write_text(
            f'#!/bin/sh\necho "$$ $PPID $DISTCC_HOSTS" > {up}\nread -r status < {down}\nexit "$status"\n'
        )
        script.chmod(0o755)
        self.word = shlex.quote(str(script))
        self._announced = b""

    def wait(self) -> Held:
        """Return when the next run of the command has begun."""
        while b"\n" not in self._announced:
            assert select.select([self._descriptors[0]], [], [], _DEADLINE_S)[0], "the build never began"
            self._announced += os.read(self._descriptors[0], 4096)
        line, _, self._announced = self._announced.partition(b"\n")
        pid, parent, hosts = line.decode().split(" ", 2)
        return Held(int(pid), int(parent), hosts)

    def open(self, status: int = 0) -> None:
        """Let one run end with a status."""
        os.write(self._descriptors[1], b"%d\n" % status)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


@contextlib.contextmanager
def running(shell: UserShell, script: str) -> Iterator[subprocess.Popen[str]]:
    """A shell that sources the shim and runs a script beside the test; all of its group ends with it."""
    process = subprocess.Popen(
        shell.command(f"{shell.sourcing}\n{script}".encode()),
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
    """Wait for a running shell: status, stdout, stderr."""
    stdout, stderr = process.communicate(timeout=_DEADLINE_S)
    return process.returncode, stdout, stderr

"""Runs `distcc-driver worker`, and reads what it shows."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import driver_command
from .ports import LOOPBACK, bound_socket, port_of
from .processes import arguments_of, has_in_environment, is_alive, pids, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_DEADLINE_S = 60.0
_ATTEMPTS = 20
_LAST = "jobs as they end:"


def free_job_port() -> int:
    """A port that was free a moment ago, and so was the port after it."""
    while True:
        with bound_socket() as job, socket.socket() as stats:
            try:
                stats.bind((LOOPBACK, port_of(job) + 1))
            except (OSError, OverflowError):
                continue
            return port_of(job)


class RunningWorker:
    """The running command and its output.

    The constructor returns when the command has shown that it is ready.
    """

    def __init__(self, environ: Mapping[str, str], cwd: Path, *words: str) -> None:
        self.environ = environ
        for _ in range(_ATTEMPTS):
            self.job_port = free_job_port()
            self._start(cwd, "--port", str(self.job_port), *words)
            if self._is_ready():
                return
        raise RuntimeError(f"the worker does not start: {self.shown}")

    def _start(self, cwd: Path, *words: str) -> None:
        self.shown: list[str] = []
        self.process = subprocess.Popen(
            driver_command("worker", *words),
            env=self.environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def _is_ready(self) -> bool:
        """True if the worker is ready.

        False if it has ended because another program took one of its ports.
        """
        while line := self.line():
            if line.endswith(_LAST):
                self._directory = self._find_directory()
                return True
        self._finish()
        if "listens there" not in "".join(self.shown):
            raise RuntimeError(f"the worker ended: {self.shown}")
        return False

    def line(self) -> str:
        """The next line of the output; "" at the end."""
        line = self._lines.get(timeout=_DEADLINE_S)
        self.shown.append(line)
        return line

    @property
    def hosts(self) -> list[str]:
        """The entries that the worker shows for DISTCC_AUTO_HOSTS."""
        return re.findall(r'DISTCC_AUTO_HOSTS="(.*)"', "\n".join(self.shown))

    def running_pids(self) -> list[int]:
        """Pids of the processes of its distccd, and of its guard."""
        mark = f"--port {self.job_port} "
        temporary = os.fsencode(f"TMPDIR={self.environ['TMPDIR']}")
        return [
            pid
            for pid in pids()
            if pid != self.process.pid
            and is_alive(pid)
            and (
                mark in " ".join(arguments_of(pid))
                or ("worker-guard" in arguments_of(pid) and has_in_environment(pid, temporary))
            )
        ]

    def distccd(self) -> int:
        """The pid of the first process of its distccd."""
        return min(pid for pid in self.running_pids() if arguments_of(pid)[0].endswith("distccd"))

    def end(self, number: int) -> int:
        """Send a signal and wait for the end; return the status. Then `shown` has the whole output."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(_DEADLINE_S)
        while self.line():
            pass
        self._finish()
        return status

    def _find_directory(self) -> Path:
        """The directory in which the worker keeps its files."""
        [guard] = [words for pid in self.running_pids() if "worker-guard" in (words := arguments_of(pid))]
        return Path(guard[-1])

    def wait_until_nothing_is_left(self) -> None:
        wait_until(lambda: not self.running_pids(), "nothing of the worker runs")
        assert not self._directory.exists()

    def _finish(self) -> None:
        self.process.wait(_DEADLINE_S)
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> RunningWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self._finish()
        self.wait_until_nothing_is_left()

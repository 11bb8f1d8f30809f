"""Real `distccd` daemons that serve this machine only."""

from __future__ import annotations

import os
import pwd
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.errors import DriverError
from ...machine.children import end_posix_session, start_posix_session
from .daemonoptions import DaemonOptions, arguments

if TYPE_CHECKING:
    import subprocess
    from contextlib import ExitStack

    from ...machine.children import Interrupts

ADDRESS = "127.0.0.1"

_ATTEMPTS = 5
_READY_S = 20.0
_REPLY_S = 5.0
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running distccd with `--stats`."""

    slots: int
    job_port: int
    stats_port: int
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        """The entry of this worker for DISTCC_AUTO_HOSTS."""
        return f"{ADDRESS}:{self.job_port}:{self.stats_port}"

    def compiled(self) -> int | None:
        """How many files this worker has compiled, by its counter; None if it does not answer."""
        try:
            page = _stats_page(self.stats_port)
        except OSError:
            return None
        for line in page.decode("ascii", "replace").splitlines():
            if line.startswith("dcc_compile_ok "):
                return int(line.split()[1])
        return None


def start_daemon(slots: int, directory: str, interrupts: Interrupts, stack: ExitStack) -> Daemon:
    """Start a distccd that keeps its files in `directory` and ends with `stack`.

    Waits until distccd answers. Raises `DriverError` if it does not answer, `SignalError` if a signal comes.
    """
    environ = _environ(directory)
    for _ in range(_ATTEMPTS):
        daemon = _spawn(slots, environ, directory)
        stack.callback(end_posix_session, daemon.process)
        if _is_ready(daemon, interrupts):
            return daemon
        end_posix_session(daemon.process)
    with open(_log_file(directory), encoding="utf-8", errors="replace") as log:
        last_words = log.read()[-1000:].strip() or "none"
    raise DriverError("distccd", f"does not start; its last words: {last_words}")


def _environ(directory: str) -> dict[str, str]:
    """The environment of distccd and its compilers, which keep their files in `directory`."""
    if os.geteuid() == 0:
        os.chown(directory, pwd.getpwnam(_UNPRIVILEGED).pw_uid, -1)
    return {"PATH": os.environ.get("PATH", os.defpath), "TMPDIR": directory}


def _spawn(slots: int, environ: dict[str, str], directory: str) -> Daemon:
    job_port, stats_port = _free_ports()
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    options = DaemonOptions("distccd", job_port, stats_port, slots, user=user, log_level="warning")
    with open(_log_file(directory), "ab") as log:
        return Daemon(
            slots, job_port, stats_port, start_posix_session(arguments(options), environ, directory, log)
        )


def _log_file(directory: str) -> str:
    return os.path.join(directory, "log")


def _free_ports() -> tuple[int, int]:
    """Two ports that are free now. If another program takes one of them first, distccd ends at once."""
    with socket.socket() as first, socket.socket() as second:
        first.bind((ADDRESS, 0))
        second.bind((ADDRESS, 0))
        return first.getsockname()[1], second.getsockname()[1]


def _is_ready(daemon: Daemon, interrupts: Interrupts) -> bool:
    """Wait until the stats port answers; the job port is open then. False if distccd ends or is too slow."""
    deadline = time.monotonic() + _READY_S
    while daemon.process.poll() is None and time.monotonic() < deadline:
        if daemon.compiled() is not None and daemon.process.poll() is None:
            return True
        interrupts.sleep()
    return False


def _stats_page(port: int) -> bytes:
    """The reply of a stats port. distccd may reset the connection after it."""
    reply = b""
    with socket.create_connection((ADDRESS, port), _REPLY_S) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            while data := connection.recv(4096):
                reply += data
        except ConnectionResetError:
            pass
    return reply

"""A real distccd on loopback."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .ports import LOOPBACK, free_ports, host_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEADLINE_S = 30.0
_ATTEMPTS = 20


class Distccd:
    """A distccd with `--stats`, at free ports or at the given ones. It is ready when the constructor returns.

    A distccd that root starts changes to an unprivileged user, so it gets a directory that everybody may
    use. `prefix` are words in front of its command.
    """

    def __init__(
        self,
        jobs: int = 4,
        address: str = LOOPBACK,
        environ: Mapping[str, str] | None = None,
        clients: Sequence[str] = (),
        prefix: Sequence[str] = (),
        options: Sequence[str] = (),
        ports: Sequence[int] = (),
    ) -> None:
        self.jobs = jobs
        self.address = address
        self._clients = {address, *clients}
        self._environ = environ or {}
        self._prefix = prefix
        self._options = options
        self._ports = ports
        self.directory = Path(tempfile.mkdtemp(prefix="distccd-"))
        self.directory.chmod(0o777)
        self.log_file = self.directory / "distccd.log"
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    @property
    def spec(self) -> str:
        """The entry of this worker for DISTCC_AUTO_HOSTS."""
        return host_spec(self.address, self.job_port, self.stats_port)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def distcc_host(self) -> str:
        """The entry of this worker in DISTCC_HOSTS, with all of its slots."""
        name = f"[{self.address}]" if ":" in self.address else self.address
        return f"{name}:{self.job_port}/{self.jobs},lzo"

    def stats_page(self) -> str:
        """The reply of the stats port, read until it ends or the connection is reset."""
        reply = b""
        with socket.create_connection((self.address, self.stats_port), _DEADLINE_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while data := connection.recv(4096):
                    reply += data
        return reply.decode()

    def counters(self) -> dict[str, int]:
        """The whole numbers of the stats page, such as `dcc_compile_ok`."""
        pairs = (line.partition(" ") for line in self.stats_page().splitlines())
        return {key: int(value) for key, _, value in pairs if key.startswith("dcc_") and value.isdigit()}

    @property
    def compiled(self) -> int:
        """How many files this worker has compiled without an error."""
        return self.counters()["dcc_compile_ok"]

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def stop(self) -> None:
        """End the daemon, and wait until the daemon and all of its children have ended."""
        self._end()
        shutil.rmtree(self.directory)

    def _start(self) -> None:
        for _ in range(_ATTEMPTS):
            self.job_port, self.stats_port = self._ports or free_ports(2, self.address)
            self._spawn()
            is_ready = False
            try:
                is_ready = self._is_ready()
            finally:  # Ctrl-C may interrupt the wait
                if not is_ready:
                    self._end()
            if is_ready:
                return
        raise RuntimeError(f"distccd does not start: {self.log()}")

    def _spawn(self) -> None:
        # distccd and its children inherit the pipe. When all of them have ended, reading from it gives its
        # end.
        self._all_gone, write_end = os.pipe()
        command = ["distccd", "--no-detach", "--daemon", "--stats", "--log-level", "info"]
        command += ["--listen", self.address]
        command += [word for client in sorted(self._clients) for word in ("--allow", client)]
        command += ["--port", str(self.job_port), "--stats-port", str(self.stats_port)]
        command += ["--jobs", str(self.jobs), "--log-file", str(self.log_file), *self._options]
        environ = {"PATH": os.defpath, "TMPDIR": str(self.directory), "HOME": str(self.directory)}
        environ |= self._environ
        try:
            self._process = subprocess.Popen(
                [*self._prefix, shutil.which("distccd") or "distccd", *command[1:]],
                stdin=subprocess.DEVNULL,
                env=environ,
                cwd=self.directory,
                pass_fds=[write_end],
                start_new_session=True,
            )
        finally:
            os.close(write_end)

    def _is_ready(self) -> bool:
        """True if both ports accept.

        False if distccd has ended, as when another program took one of the ports.
        """
        deadline = time.monotonic() + _DEADLINE_S
        waiting = [self.job_port, self.stats_port]
        while waiting and time.monotonic() < deadline:
            try:
                socket.create_connection((self.address, waiting[0]), _DEADLINE_S).close()
                waiting.pop(0)
            except ConnectionRefusedError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.01)
                    return False
        # A program that took one of the ports may be the one that answers.
        return not waiting and self._process.poll() is None and "dcc_max_kids" in self.stats_page()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_DEADLINE_S)
            self._signal_group(signal.SIGTERM)
            if not select.select([self._all_gone], [], [], _DEADLINE_S)[0]:
                self._signal_group(signal.SIGKILL)
                raise RuntimeError("a distccd did not end when asked to")
        finally:
            os.close(self._all_gone)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

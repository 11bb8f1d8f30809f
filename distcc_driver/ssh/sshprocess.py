"""Starts the ssh processes of a build, until a host is given up or the build ends."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import threading
import time

import sh

from ..machine.buildsignals import BLOCKED_UNTIL_EXEC, ENDINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..core.hostspec import SshHost

_ANY_STATUS = list(range(-64, 256))
_MAX_OUTPUT_BYTES = 1024 * 1024
_MAX_FILE_BYTES = 64 * 1024 * 1024
# Raised if no process, thread, descriptor or disk space is left.
START_ERRORS = (OSError, RuntimeError, sh.ForkException)


class StoppedError(Exception):
    """No ssh may be started for this host any more."""


class SshProcesses:
    """Starts ssh, and knows every ssh that still runs. Its callers are threads that no signal reaches.

    A signal handler could raise an exception in a process that was forked and is not ssh yet; that process
    would then go on as a second plan.
    """

    def __init__(self, ssh: sh.Command, hosts: Iterable[SshHost]) -> None:
        self._ssh = ssh
        self._program = str(ssh)
        self._running: dict[SshHost, list[sh.RunningCommand]] = {host: [] for host in hosts}
        self._queries: dict[int, SshHost] = {}
        self._launching = threading.Condition()
        self._stopped: set[SshHost] = set()
        self._ignored = [number for number in ENDINGS if signal.getsignal(number) == signal.SIG_IGN]

    def stop(self, hosts: Iterable[SshHost] | None = None) -> None:
        """Start no ssh for some hosts any more. Then each started ssh can be found by its command line."""
        with self._launching:
            self._stopped |= set(self._running if hosts is None else hosts)
            self._launching.notify_all()

    def pause(self, host: SshHost, pause_s: float) -> None:
        """Wait `pause_s` seconds. Raises `StoppedError` as soon as no ssh may be started for the host."""
        with self._launching:
            if self._launching.wait_for(lambda: host in self._stopped, pause_s):
                raise StoppedError

    def kill_strays(self, hosts: Iterable[SshHost] | None = None) -> None:
        """Kill children that never became ssh and outlived the session."""
        chosen = self._running if hosts is None else hosts
        for process in [one for host in chosen for one in self._running[host]]:
            try:
                if process.is_alive() and process.pgid == process.pid:
                    process.kill_group()
                elif process.is_alive():
                    process.kill()
            except ProcessLookupError:
                pass  # the process has ended meanwhile
        with self._launching:
            for pid, host in self._queries.items():
                if hosts is None or host in hosts:
                    with contextlib.suppress(OSError):  # the process has ended
                        os.killpg(pid, signal.SIGKILL)

    def query(self, host: SshHost, arguments: list[str], patience_s: float) -> bytes:
        """The output of an ssh that makes no connection; b"" if it takes too long or cannot be started.

        Every build waits for this, and `posix_spawn` takes less than half the time of `sh`. Raises
        `StoppedError`.
        """
        read_end, write_end = os.pipe()
        try:
            try:
                pid = self._spawned(host, arguments, write_end)
            except (OSError, NotImplementedError):
                return b""
            finally:
                os.close(write_end)
            try:
                return _read(read_end, time.monotonic() + patience_s)
            finally:
                with self._launching:
                    del self._queries[pid]
                    with contextlib.suppress(OSError):  # the process has ended
                        os.killpg(pid, signal.SIGKILL)  # a command of the configuration may still run
                os.waitpid(pid, 0)
        finally:
            os.close(read_end)

    def _spawned(self, host: SshHost, arguments: list[str], output: int) -> int:
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        with self._launching:
            if host in self._stopped:
                raise StoppedError
            pid = os.posix_spawn(
                self._program,
                [self._program, *arguments],
                os.environ,
                file_actions=files,
                setsid=True,
                setsigmask=[],
            )
            self._queries[pid] = host
        return pid

    @contextlib.contextmanager
    def launched(self, host: SshHost, arguments: list[str], **options: Any) -> Iterator[sh.RunningCommand]:
        """Start an ssh that runs in the context. Raises `StoppedError` if the host was given up."""
        with self._launching:
            if host in self._stopped:
                raise StoppedError
            process: sh.RunningCommand = self._ssh(
                *arguments,
                _bg=True,
                _bg_exc=False,
                _ok_code=_ANY_STATUS,
                _preexec_fn=self._become_ordinary,
                **options,
            )
            self._running[host].append(process)
        try:
            yield process
        finally:
            self._running[host].remove(process)

    def _become_ordinary(self) -> None:
        """Before exec: let signals end ssh as usual, and limit the size of its files."""
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN if number in self._ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_UNTIL_EXEC)
        # A server can make ssh write messages without end: they must not fill the disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if soft == resource.RLIM_INFINITY or soft > _MAX_FILE_BYTES:
            resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, hard))


def _read(descriptor: int, deadline: float) -> bytes:
    """Read a pipe to its end; b"" if the end does not come in time, or too much comes before."""
    poll = select.poll()
    poll.register(descriptor)
    data = b""
    while len(data) < _MAX_OUTPUT_BYTES and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        part = os.read(descriptor, 65536)
        if not part:
            return data
        data += part
    return b""

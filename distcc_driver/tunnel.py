"""Tunnels through the system's ssh: `SshHost` to `Endpoint` or `Rejection`.

Each host gets a private master connection (`ssh -M -f`), which goes to the background once it
has logged in; the two forwards are then asked of it (`ssh -O forward`), so that a port that
is taken costs no second login, and a `LocalForward` of the user's own cannot fail it.
"""

from __future__ import annotations

import _socket
import os
import resource
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import sh

from . import session
from .capacity import raise_descriptor_limit
from .endpoint import Endpoint, Rejection
from .forwardports import ForwardPorts
from .hostspec import LOOPBACK, SshHost
from .sshcommand import forward_arguments, master_arguments, target_arguments
from .sshmessages import Messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_CONNECT_TIMEOUT_S = 10
_SLOW_S = 3
_FORWARD_ATTEMPTS = 5
_ANY_STATUS = list(range(-64, 256))
_MAX_FILE_BYTES = 64 * 1024 * 1024
_DESCRIPTORS_PER_HOST = 4
_SPARE_DESCRIPTORS = 64
_STOPPED = 255  # what ssh says when it fails
_CAN_SHARE = sys.platform == "linux"  # elsewhere ssh could not bind a port that we have bound


class Tunnels:
    """The SSH hosts of a build: `start`, other work, `finish`; then `ask` those that need a person.

    Threads start every ssh, and no signal reaches them: an exception in a process that has been
    forked, but is not ssh yet, would make it a second plan.
    """

    def __init__(self, ssh: sh.Command, hosts: Sequence[SshHost], path: str, guard: _socket.socket) -> None:
        self._ssh = ssh
        self._path = path
        self._guard = guard
        self._numbers = {host: number for number, host in enumerate(hosts)}
        self._messages = {
            host: Messages(host, session.log_path(path, number)) for host, number in self._numbers.items()
        }
        self._opening: dict[SshHost, Future[Endpoint | Rejection]] = {}
        self._started = 0.0
        self._pool = ThreadPoolExecutor(
            len(hosts) + 1,  # one to ask ssh while every host is late
            initializer=signal.pthread_sigmask,
            initargs=(signal.SIG_BLOCK, session.HELD),
        )
        self._launching = threading.Lock()
        self._stopped = False
        self._ignored = [number for number in session.ENDINGS if signal.getsignal(number) == signal.SIG_IGN]
        self._null = open(os.devnull, "r+b")  # noqa: SIM115  # as long as this process

    def start(self) -> None:
        """Begin to log in everywhere at once, without asking anything."""
        raise_descriptor_limit(len(self._numbers) * _DESCRIPTORS_PER_HOST + _SPARE_DESCRIPTORS)
        self._started = time.monotonic()
        self._opening = {host: self._pool.submit(self._open, host) for host in self._numbers}

    def stop(self) -> None:
        """Start no ssh any more. Those that were started have their command line by now."""
        with self._launching:
            self._stopped = True

    def finish(self, report_slow: Callable[[SshHost], None]) -> dict[SshHost, Endpoint | Rejection]:
        """Wait until every host is there, has failed, or has used up its time."""
        for host, future in self._opening.items():
            if wait([future], self._left_s(_SLOW_S)).not_done:
                report_slow(host)
        limit_s: float = _CONNECT_TIMEOUT_S
        late = wait(self._opening.values(), self._left_s(limit_s)).not_done
        if late:
            hosts = [host for host, future in self._opening.items() if future in late]
            limits_s = {host: max(limit_s, self._configured_timeout_s(host)) for host in hosts}
            for host in sorted(hosts, key=limits_s.__getitem__):
                wait([self._opening[host]], self._left_s(limits_s[host]))
                self._give_up(host, limits_s[host])
        return {host: future.result() for host, future in self._opening.items()}

    def ask(self, host: SshHost) -> Endpoint | Rejection:
        """Log in to one host with whatever ssh wants to ask on the terminal."""
        timeout_s = None if self._configured_timeout_s(host) else _CONNECT_TIMEOUT_S
        return self._pool.submit(self._open, host, batch=False, connect_timeout_s=timeout_s).result()

    def is_open(self, host: SshHost) -> bool:
        """Whether the connection to a host that was reached is still there."""
        control = session.control_path(self._path, self._numbers[host])
        return control in session.processes(self._path).values()

    def messages(self, host: SshHost) -> Messages:
        """What ssh has written about a host."""
        return self._messages[host]

    def close(self, host: SshHost) -> None:
        """End a host's connection at once."""
        session.end(self._path, session.control_path(self._path, self._numbers[host]))

    def _left_s(self, limit_s: float) -> float:
        return max(0.0, self._started + limit_s - time.monotonic())

    def _give_up(self, host: SshHost, limit_s: float) -> None:
        if not self._opening[host].done():
            self.close(host)
            self._opening[host] = Future()
            self._opening[host].set_result(
                Rejection(
                    host, f"ssh timed out after {limit_s:g} s", "is the machine up, and does its sshd answer?"
                )
            )

    def _configured_timeout_s(self, host: SshHost) -> int:
        """`ConnectTimeout` of the user's configuration, 0 if there is none."""
        for line in self._pool.submit(self._settings, host).result().splitlines():
            key, _, value = line.partition(" ")
            if key == "connecttimeout" and value.isdigit():
                return int(value)
        return 0

    def _settings(self, host: SshHost) -> str:
        """What ssh makes of the user's configuration; "" if it cannot be had."""
        try:
            process = self._launch(["-G", *target_arguments(host)], _new_session=True, _tty_out=False)
        except (OSError, sh.ForkException):
            return ""
        return "" if process is None else str(process.wait())

    def _open(
        self, host: SshHost, batch: bool = True, connect_timeout_s: int | None = None
    ) -> Endpoint | Rejection:
        """Log in and forward both ports."""
        control = session.control_path(self._path, self._numbers[host])
        messages = self._messages[host]
        messages.forget()  # why an earlier attempt failed is no matter now
        arguments = master_arguments(host, control, messages.log, batch, connect_timeout_s)
        try:
            if self._run(host, arguments, batch):
                return messages.refusal()
            if messages.tell_of_another_key():
                self.close(host)
                return messages.refusal()
            return self._forward(host, control)
        except (OSError, sh.ForkException) as error:
            return Rejection(host, f"ssh cannot be started ({error})", "check ulimit -u and ulimit -n")

    def _forward(self, host: SshHost, control: str) -> Endpoint | Rejection:
        """Forward both ports of a host that is connected."""
        messages = self._messages[host]
        for left in reversed(range(_FORWARD_ATTEMPTS)):
            with ForwardPorts(is_shared=_CAN_SHARE and left > 0) as ports:
                if not self._run(host, forward_arguments(host, control, ports.numbers), batch=True):
                    ports.keep(self._guard)
                    return Endpoint(host, LOOPBACK, *ports.numbers)
            if not self.is_open(host):
                return messages.cut_off()
        return Rejection(
            host, f"ssh cannot forward a port: {messages.complaint()}", "check the ports of this machine"
        )

    def _run(self, host: SshHost, arguments: list[str], batch: bool) -> int:
        """Run ssh to its end; returns its exit code.

        In a session of its own it has no terminal: then not even the ssh of a `ProxyJump`,
        which knows no `BatchMode`, can ask anything.
        """
        environ = dict(os.environ, SSH_ASKPASS_REQUIRE="never") if batch else dict(os.environ)
        with self._messages[host].errors() as errors:
            process = self._launch(
                arguments,
                _new_session=batch,
                _env=environ,
                _in=self._null,
                _out=self._null,
                _err=errors,
            )
            if process is None:
                return _STOPPED
            process.wait()
        return int(process.exit_code)

    def _launch(self, arguments: list[str], **options: Any) -> sh.RunningCommand | None:
        """Start ssh, which is ssh when this returns; None if none may be started any more."""
        with self._launching:
            if self._stopped:
                return None
            process: sh.RunningCommand = self._ssh(
                *arguments,
                _bg=True,
                _bg_exc=False,
                _ok_code=_ANY_STATUS,
                _preexec_fn=self._become_ordinary,
                **options,
            )
            return process

    def _become_ordinary(self) -> None:
        """Let a process that is about to be ssh be interrupted as any other, and write no huge file."""
        for number in session.ENDINGS:
            signal.signal(number, signal.SIG_IGN if number in self._ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, session.HELD)
        # What a server makes ssh write during a build fills no disk. Beyond, ssh writes nothing.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if soft == resource.RLIM_INFINITY or soft > _MAX_FILE_BYTES:
            resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, hard))


def has_terminal() -> bool:
    """True if a question can be asked: there is a terminal, and we are in its foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

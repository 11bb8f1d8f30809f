"""Tunnels through the system's ssh: `SshHost` to `Endpoint` or `Rejection`.

Each host gets a private master connection (`ssh -M -f`), which goes to the background once it
has logged in; the two forwards are then asked of it (`ssh -O forward`), so that a port that
is taken costs no second login, and a `LocalForward` of the user's own cannot fail it.
"""

from __future__ import annotations

import _socket
import contextlib
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
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

_CONNECT_TIMEOUT_S = 10
_CONFIGURATION_S = 2.0  # it may run commands (ssh_config(5), Match exec)
_SLOW_S = 3
_FORWARD_ATTEMPTS = 5
_ANY_STATUS = list(range(-64, 256))
_MAX_FILE_BYTES = 64 * 1024 * 1024
_DESCRIPTORS_PER_HOST = 4
_SPARE_DESCRIPTORS = 64
_NO_START = (OSError, RuntimeError, sh.ForkException)  # no process, thread, descriptor or room to be had
_CAN_SHARE = sys.platform == "linux"  # elsewhere ssh could not bind a port that we have bound


class _StoppedError(Exception):
    """No ssh may be started any more."""


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
        self._running: dict[SshHost, list[sh.RunningCommand]] = {host: [] for host in hosts}
        self._started = 0.0
        self._pool = ThreadPoolExecutor(
            2 * len(hosts),  # as many to read the configuration of hosts that are late
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

    def kill_strays(self, hosts: Iterable[SshHost] | None = None) -> None:
        """Kill what was started as ssh, is none, and still runs though its session has ended."""
        for process in [one for host in hosts or self._running for one in self._running[host]]:
            try:
                if process.is_alive() and process.pgid == process.pid:
                    process.kill_group()
                elif process.is_alive():
                    process.kill()
            except ProcessLookupError:
                pass  # gone meanwhile

    def finish(self, report_slow: Callable[[list[SshHost]], None]) -> dict[SshHost, Endpoint | Rejection]:
        """Wait until every host is there, has failed, or has used up its time; tell of what takes 3 s."""
        if slow := self._late(self._opening, _SLOW_S):
            report_slow(slow)
        late = self._late(self._opening, _CONNECT_TIMEOUT_S)
        limits_s = {
            host: max(_CONNECT_TIMEOUT_S, timeout_s)
            for host, timeout_s in self._configured_timeouts_s(late).items()
        }
        for limit_s in sorted(set(limits_s.values())):
            hosts = [host for host in late if limits_s[host] == limit_s]
            self._give_up(self._late(hosts, limit_s), limit_s)
        return {host: future.result() for host, future in self._opening.items()}

    def ask(self, host: SshHost) -> Endpoint | Rejection:
        """Log in to one host with whatever ssh wants to ask on the terminal."""
        timeout_s = None if self._configured_timeouts_s([host])[host] else _CONNECT_TIMEOUT_S
        return self._pool.submit(self._open, host, batch=False, connect_timeout_s=timeout_s).result()

    def is_open(self, host: SshHost) -> bool:
        """Whether the connection to a host that was reached is still there."""
        control = session.control_path(self._path, self._numbers[host])
        return control in session.processes(self._path).values()

    def messages(self, host: SshHost) -> Messages:
        """What ssh has written about a host."""
        return self._messages[host]

    def close(self, *hosts: SshHost) -> None:
        """End the connections to some hosts at once."""
        session.end(self._path, [session.control_path(self._path, self._numbers[host]) for host in hosts])
        self.kill_strays(hosts)

    def _left_s(self, limit_s: float) -> float:
        return max(0.0, self._started + limit_s - time.monotonic())

    def _late(self, hosts: Iterable[SshHost], limit_s: float) -> list[SshHost]:
        """Those that are neither there nor have failed when their time is up, in the order of the list."""
        futures = {host: self._opening[host] for host in hosts}
        not_done = wait(futures.values(), self._left_s(limit_s)).not_done
        return [host for host, future in futures.items() if future in not_done]

    def _give_up(self, hosts: Sequence[SshHost], limit_s: float) -> None:
        if hosts:
            self.close(*hosts)
        cause, advice = f"ssh timed out after {limit_s:g} s", "is the machine up, and does its sshd answer?"
        for host in hosts:
            self._opening[host] = Future()
            self._opening[host].set_result(Rejection(host, cause, advice))

    def _configured_timeouts_s(self, hosts: Sequence[SshHost]) -> dict[SshHost, int]:
        """`ConnectTimeout` of the user's configuration, 0 if there is none, or ssh does not tell."""
        answers = {host: self._pool.submit(self._configured_timeout_s, host) for host in hosts}
        done = wait(answers.values(), _CONFIGURATION_S).done
        return {host: answer.result() if answer in done else 0 for host, answer in answers.items()}

    def _configured_timeout_s(self, host: SshHost) -> int:
        control = session.control_argument(session.control_path(self._path, self._numbers[host]))
        words = ["-S", control, "-G", *target_arguments(host)]  # -S, by which it is found
        try:
            with self._launched(host, words, _new_session=True, _tty_out=False) as process:
                process.wait()
        except (_StoppedError, *_NO_START):
            return 0
        for line in process.stdout.decode("utf-8", "replace").splitlines():
            key, _, value = line.partition(" ")
            if key == "connecttimeout" and value.isascii() and value.isdigit():
                return int(value)
        return 0

    def _open(
        self, host: SshHost, batch: bool = True, connect_timeout_s: int | None = None
    ) -> Endpoint | Rejection:
        """Log in and forward both ports."""
        control = session.control_path(self._path, self._numbers[host])
        messages = self._messages[host]
        arguments = master_arguments(host, control, messages.log, batch, connect_timeout_s)
        try:
            messages.forget()  # why an earlier attempt failed is no matter now
            if self._run(host, arguments, batch):
                return messages.refusal()
            if messages.tell_of_another_key():
                self.close(host)
                return messages.refusal()
            return self._forward(host, control)
        except _StoppedError:
            return messages.refusal()
        except _NO_START as error:
            # What sh tells of a process that could not become ssh ends with the error itself.
            cause = str(error).strip().rpartition("\n")[2]
            advice = "does ssh run by hand? check its file, ulimit -u and ulimit -n, and the room in TMPDIR"
            return Rejection(host, f"ssh cannot be started ({cause})", advice)

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
            options = {"_env": environ, "_in": self._null, "_out": self._null, "_err": errors}
            with self._launched(host, arguments, _new_session=batch, **options) as process:
                process.wait()
        return int(process.exit_code)

    @contextlib.contextmanager
    def _launched(self, host: SshHost, arguments: list[str], **options: Any) -> Iterator[sh.RunningCommand]:
        """Start ssh, which is ssh in the context; raises `_StoppedError` if none may be started any more."""
        with self._launching:
            if self._stopped:
                raise _StoppedError
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
    except OSError:  # it has gone meanwhile
        return False
    finally:
        os.close(terminal)

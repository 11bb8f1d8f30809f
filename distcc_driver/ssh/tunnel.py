"""Tunnels through the system's ssh: `SshHost` to `Endpoint` or `Rejection`.

Each host gets a private master connection (`ssh -M -f`), which goes to the background once it
has logged in; the two forwards are then asked of it (`ssh -O forward`), so that a port that
is taken costs no second login, and a `LocalForward` of the user's own cannot fail it.
"""

from __future__ import annotations

import _socket
import math
import os
import random
import signal
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import sh

from ..core.facts import Endpoint, Rejection
from ..core.hostspec import LOOPBACK, SshHost
from ..machine.buildsignals import BLOCKED_UNTIL_EXEC
from ..machine.capacity import raise_descriptor_limit
from . import confirmations
from .configurations import Configurations
from .forwardports import ForwardPorts
from .logins import Logins
from .sessionfiles import control_path, log_path
from .sessionprocesses import connections, end_connections
from .sshcommand import forward_arguments, master_arguments
from .sshmessages import Messages
from .sshprocess import NO_START, SshProcesses, StoppedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CONNECT_TIMEOUT_S = 10
_SLOW_S = 3
_LOOK_S = 0.25
_LOGIN_ATTEMPTS = 2
_LOGIN_PAUSES_S = (0.5, 1.5)
_FORWARD_ATTEMPTS = 5
_DESCRIPTORS_PER_HOST = 4
_SPARE_DESCRIPTORS = 64
_CAN_SHARE = sys.platform == "linux"  # elsewhere ssh could not bind a port that we have bound

_SILENT_ADVICE = "is the machine up, and does its sshd answer?"
_AGENT_ADVICE = "confirm the key in time, load one that needs no confirmation, or build at a terminal"


class Tunnels:
    """The SSH hosts of a build: `start`, other work, `finish`; then `ask` those that need a person."""

    def __init__(
        self, ssh: sh.Command, hosts: Sequence[SshHost], path: str, guard: _socket.socket, can_ask: bool
    ) -> None:
        self._processes = SshProcesses(ssh, hosts)
        self._path = path
        self._guard = guard
        self._can_ask = can_ask
        self._numbers = {host: number for number, host in enumerate(hosts)}
        self._messages = {
            host: Messages(host, log_path(path, number)) for host, number in self._numbers.items()
        }
        self._configurations = Configurations(self._processes)
        self._opening: dict[SshHost, Future[Endpoint | Rejection]] = {}
        self._logins = Logins()
        self._pool = ThreadPoolExecutor(
            len(hosts),
            initializer=signal.pthread_sigmask,
            initargs=(signal.SIG_BLOCK, BLOCKED_UNTIL_EXEC),
        )
        self._null = open(os.devnull, "r+b")  # noqa: SIM115  # as long as this process

    def start(self) -> None:
        """Begin to log in everywhere at once, without asking anything."""
        raise_descriptor_limit(len(self._numbers) * _DESCRIPTORS_PER_HOST + _SPARE_DESCRIPTORS)
        self._opening = {host: self._pool.submit(self._open, host) for host in self._numbers}

    def stop(self) -> None:
        """Start no ssh any more. Those that were started have their command line by now."""
        self._processes.stop()

    def kill_strays(self) -> None:
        """Kill what was started as ssh, is none, and still runs though the session has ended."""
        self._processes.kill_strays()

    def finish(
        self,
        report_slow: Callable[[list[SshHost]], None],
        report_asked: Callable[[list[SshHost]], None],
    ) -> dict[SshHost, Endpoint | Rejection]:
        """Wait until each host is open, has failed or has used up its time. Name those that take 3 s.

        The time of a person who has to confirm a key does not count, if there is a terminal to end it.
        """
        slow_at = time.monotonic() + _SLOW_S
        told: set[SshHost] = set()
        while pending := [host for host, future in self._opening.items() if not future.done()]:
            now = time.monotonic()
            if now >= slow_at and self._can_ask:
                asked = self._asked(pending)
                if new := [host for host in asked if host not in told]:
                    report_asked(new)
                told.update(asked)
                for host in asked:
                    self._logins.begin_anew(host)
            if now >= slow_at > 0:
                slow_at = 0.0
                if slow := [host for host in pending if host not in told]:
                    report_slow(slow)
            ends = {host: self._end_of_time(host) for host in pending}
            if now >= min(ends.values()):
                self._give_up([host for host, end in ends.items() if now >= end - _LOOK_S])
                continue
            # Other logins, or a person, may have moved the end of a host's time when the next look comes.
            wait([self._opening[host] for host in pending], _LOOK_S, FIRST_COMPLETED)
        return {host: future.result() for host, future in self._opening.items()}

    def ask(self, host: SshHost) -> Endpoint | Rejection:
        """Log in to one host with whatever ssh wants to ask on the terminal."""
        return self._pool.submit(self._open, host, batch=False).result()

    def is_open(self, host: SshHost) -> bool:
        """Whether the connection to a host that was reached is still there."""
        return self._control(host) in connections(self._path).values()

    def messages(self, host: SshHost) -> Messages:
        """What ssh has written about a host."""
        return self._messages[host]

    def close(self, *hosts: SshHost) -> None:
        """End the connections to some hosts at once."""
        end_connections(self._path, [self._control(host) for host in hosts])
        self._processes.kill_strays(hosts)

    def _control(self, host: SshHost) -> str:
        return control_path(self._path, self._numbers[host])

    def _limit_s(self, host: SshHost) -> int:
        return max(_CONNECT_TIMEOUT_S, self._configurations.known(host).connect_timeout_s)

    def _end_of_time(self, host: SshHost) -> float:
        since = self._logins.since(host)
        return math.inf if since is None else since + self._limit_s(host)

    def _asked(self, hosts: Sequence[SshHost]) -> list[SshHost]:
        """Those whose key a person has to confirm at this moment."""
        found = confirmations.awaited(self._path, [self._control(host) for host in hosts])
        return [host for host in hosts if self._control(host) in found]

    def _give_up(self, hosts: Sequence[SshHost]) -> None:
        asked = self._asked(hosts)
        self._processes.stop(hosts)
        for host in hosts:
            self._logins.give_up(host)
        self.close(*hosts)
        for host in hosts:
            cause, advice = f"ssh timed out after {self._limit_s(host)} s", _SILENT_ADVICE
            if host in asked:
                cause, advice = f"{cause}, waiting for the agent or a token to sign", _AGENT_ADVICE
            self._opening[host] = Future()
            self._opening[host].set_result(Rejection(host, cause, advice))

    def _open(self, host: SshHost, batch: bool = True) -> Endpoint | Rejection:
        """Log in and forward both ports."""
        messages = self._messages[host]
        try:
            locked = self._configurations.locked_key(host, self._control(host)) if batch else None
            if locked is not None and (self._can_ask or locked.is_of_jump_host):
                return messages.locked(locked.path)
            if self._log_in(host, batch, offers_keys=locked is None):
                return messages.refusal(locked.path if locked else "")
            if messages.tell_of_another_key():
                self.close(host)
                return messages.refusal()
            return self._forward(host)
        except StoppedError:
            return messages.refusal()
        except NO_START as error:
            # What sh tells of a process that could not become ssh ends with the error itself.
            cause = str(error).strip().rpartition("\n")[2]
            advice = "does ssh run by hand? check its file, ulimit -u and ulimit -n, and the room in TMPDIR"
            return Rejection(host, f"ssh cannot be started ({cause})", advice)

    def _log_in(self, host: SshHost, batch: bool, offers_keys: bool) -> int:
        """Log in, and once more if the connection was closed before; returns ssh's exit code."""
        messages, config = self._messages[host], self._configurations.ask(host, self._control(host))
        limit_s = None if batch or config.connect_timeout_s else _CONNECT_TIMEOUT_S
        arguments = master_arguments(host, self._control(host), messages.log, batch, limit_s, offers_keys)
        for left in reversed(range(_LOGIN_ATTEMPTS)):
            messages.forget()  # why an earlier attempt failed is no matter now
            with self._logins.turn(host, config.door):
                status = self._run(host, arguments, batch)
            if not status or not messages.closed_before_login() or not left:
                break
            # By chance, for those that were closed together not to come together again.
            self._processes.pause(host, random.uniform(*_LOGIN_PAUSES_S))  # noqa: S311  # no secret
        return status

    def _forward(self, host: SshHost) -> Endpoint | Rejection:
        """Forward both ports of a host that is connected."""
        messages = self._messages[host]
        for left in reversed(range(_FORWARD_ATTEMPTS)):
            with ForwardPorts(is_shared=_CAN_SHARE and left > 0) as ports:
                if not self._run(
                    host, forward_arguments(host, self._control(host), ports.numbers), batch=True
                ):
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
            with self._processes.launched(host, arguments, _new_session=batch, **options) as process:
                process.wait()
        return int(process.exit_code)


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

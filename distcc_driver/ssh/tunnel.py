"""A tunnel through the system's ssh to one host: `SshHost` to `Endpoint` or `Rejection`.

Each host gets a private master connection (`ssh -M -f`), which goes to the background after its login. Then
the master is asked for the two forwards (`ssh -O forward`). So a port that is taken costs no second login,
and a `LocalForward` of the user's configuration cannot make the login fail.
"""

from __future__ import annotations

import _socket
import os
import random
import sys

from ..core.facts import Endpoint, Rejection
from ..core.hostspec import LOOPBACK
from ..core.record import Record
from .configurations import Configurations
from .forwardports import ForwardPorts
from .loginlimit import LoginLimit
from .sessionfiles import control_path, log_path
from .sessionprocesses import connections, end_connections
from .sshcommand import forward_arguments, master_arguments
from .sshmessages import SshMessages
from .sshprocess import START_ERRORS, SshProcesses, StoppedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from ..core.hostspec import SshHost

_CONNECT_TIMEOUT_S = 10
_LOGIN_ATTEMPTS = 2
_LOGIN_PAUSES_S = (0.5, 1.5)
_FORWARD_ATTEMPTS = 5
_CAN_SHARE = sys.platform == "linux"  # on other systems, ssh cannot bind a port that this process holds


class Shared(Record):
    """What the tunnels of one session share. `guard` keeps the ports of tunnels that it is sent."""

    session_path: str
    processes: SshProcesses
    configurations: Configurations
    login_limit: LoginLimit
    guard: _socket.socket
    null: BinaryIO
    can_ask: bool


class Tunnel:
    """The connection to one SSH host, number `number` of its session, and the two forwards."""

    def __init__(self, host: SshHost, number: int, shared: Shared) -> None:
        self._host = host
        self._shared = shared
        self.control = control_path(shared.session_path, number)
        self.messages = SshMessages(host, log_path(shared.session_path, number))

    @property
    def time_limit_s(self) -> int:
        """How long the login may take."""
        return max(_CONNECT_TIMEOUT_S, self._shared.configurations.known(self._host).connect_timeout_s)

    def is_open(self) -> bool:
        """Whether the connection is still there."""
        return self.control in connections(self._shared.session_path).values()

    def open(self, batch: bool = True) -> Endpoint | Rejection:
        """Log in and forward both ports. Unless `batch`, ssh may ask on the terminal."""
        shared, messages = self._shared, self.messages
        try:
            locked = shared.configurations.locked_key(self._host, self.control) if batch else None
            if locked is not None and (shared.can_ask or locked.is_of_jump_host):
                return messages.locked(locked.path)
            if self._log_in(batch, offers_keys=locked is None):
                return messages.refusal(locked.path if locked else "")
            if messages.show_wrong_host_key():
                end_connections(shared.session_path, [self.control])
                shared.processes.kill_strays([self._host])
                return messages.refusal()
            return self._forward()
        except StoppedError:
            return messages.refusal()
        except START_ERRORS as error:
            # `sh` describes a failed exec in several lines; the last of them is the error.
            cause = str(error).strip().rpartition("\n")[2]
            advice = "does ssh run by hand? check its file, ulimit -u and ulimit -n, and the room in TMPDIR"
            return Rejection(self._host, f"ssh cannot be started ({cause})", advice)

    def _log_in(self, batch: bool, offers_keys: bool) -> int:
        """Log in, and once more if the connection was closed before the login; returns ssh's exit code."""
        shared, messages = self._shared, self.messages
        config = shared.configurations.ask(self._host, self.control)
        limit_s = None if batch or config.connect_timeout_s else _CONNECT_TIMEOUT_S
        arguments = master_arguments(self._host, self.control, messages.log, batch, limit_s, offers_keys)
        for left in reversed(range(_LOGIN_ATTEMPTS)):
            messages.forget()  # a rejection must not quote an earlier attempt
            with shared.login_limit.turn(self._host, config.first_sshd):
                status = self._run(arguments, batch)
            if not status or not messages.closed_before_login() or not left:
                break
            # A random pause: connections that were closed at the same time must not return at the same time.
            shared.processes.pause(self._host, random.uniform(*_LOGIN_PAUSES_S))  # noqa: S311  # no secret
        return status

    def _forward(self) -> Endpoint | Rejection:
        for left in reversed(range(_FORWARD_ATTEMPTS)):
            with ForwardPorts(is_shared=_CAN_SHARE and left > 0) as ports:
                arguments = forward_arguments(self._host, self.control, ports.numbers)
                if not self._run(arguments, batch=True):
                    ports.keep(self._shared.guard)
                    return Endpoint(self._host, LOOPBACK, *ports.numbers)
            if not self.is_open():
                return self.messages.cut_off()
        cause = f"ssh cannot forward a port: {self.messages.complaint()}"
        return Rejection(self._host, cause, "check the ports of this machine")

    def _run(self, arguments: Sequence[str], batch: bool) -> int:
        """Run ssh to its end; returns its exit code.

        With `batch`, ssh gets a POSIX session of its own, without a terminal: the ssh of a `ProxyJump` does
        not get our `BatchMode`, and would ask on the terminal.
        """
        environ = dict(os.environ, SSH_ASKPASS_REQUIRE="never") if batch else dict(os.environ)
        null = self._shared.null
        with self.messages.errors() as errors:
            options = {"_env": environ, "_in": null, "_out": null, "_err": errors}
            with self._shared.processes.launched(
                self._host, list(arguments), _new_session=batch, **options
            ) as process:
                process.wait()
        return int(process.exit_code)

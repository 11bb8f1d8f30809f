"""Asks all hosts as a build would, for the commands of people."""

from __future__ import annotations

import signal
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.balance import balance
from ..core.errors import Message, NoCapacityError
from ..core.facts import Endpoint, split_results
from ..core.selection import select
from ..machine.capacity import local_capacity
from ..network.probe import ask_all
from ..network.timelimit import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType
    from typing import NoReturn

    from ..core.balance import Plan
    from ..core.facts import Rejection, Worker
    from ..core.hostspec import BadEntry
    from ..core.settings import Settings
    from ..machine.log import Log
    from ..ssh.buildtunnels import BuildTunnels

_NO_REFUSAL = Message("", "")
# Signals that would end this process without an exception. Ctrl-C raises one already.
_ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one round of questions found. Results are in the order of the host list.

    `plan` is what a build would do. It is None if a build would be refused, and
    `refusal` says why; else `refusal` is empty.
    """

    results: list[Worker | Rejection]
    bad_entries: list[BadEntry]
    plan: Plan | None
    refusal: Message = _NO_REFUSAL

    @property
    def workers(self) -> list[Worker]:
        """The hosts that answered."""
        return split_results(self.results)[0]

    @property
    def rejections(self) -> list[Rejection]:
        """The hosts that a build would do without."""
        return split_results(self.results)[1]


class Survey:
    """A context in which hosts are asked, once or several times.

    Entering the context begins to connect the SSH hosts, leaving it closes their tunnels. TERM, HUP and QUIT
    raise `SystemExit` in it, so that the tunnels are closed, too; after SIGKILL, a guard closes them.
    `answered` is called when a host has answered or failed. `quiet` makes a context in which only ssh writes
    to the terminal, for it may ask for a passphrase.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        log: Log,
        answered: Callable[[], None] | None = None,
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._log = log
        self._answered = answered
        self._quiet = quiet
        self._tunnels: BuildTunnels | None = None
        self._is_connected = False
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDINGS)}

    def __enter__(self) -> Survey:
        """Begin to connect. Raises `ConfigError` if no session directory can be made."""
        for number in _ENDINGS:
            if self._handlers[number] == signal.SIG_DFL:  # a signal that nohup(1) ignores stays ignored
                signal.signal(number, _end)
        if ssh_hosts := self._settings.ssh_hosts:
            from ..ssh.buildtunnels import BuildTunnels  # needs sh, which not every installation has

            self._tunnels = BuildTunnels(ssh_hosts, self._environ, is_own=True).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the tunnels, and restore the handlers of signals."""
        if self._tunnels is not None:
            self._tunnels.__exit__()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def ask(self) -> Answers:
        """Ask every host now. An SSH host whose connection failed is not tried again."""
        direct = [Endpoint.direct(host) for host in self._settings.tcp_hosts]
        timeout_s = self._settings.connect_timeout_s
        results = ask_all(direct, TimeLimit(timeout_s), self._answered)
        if self._tunnels is not None:
            if not self._is_connected:
                self._tunnels.connect(self._log, self._quiet)
                self._is_connected = True
            results += self._tunnels.ask_all(TimeLimit(timeout_s), self._answered)
        return _answers(self._settings, results)


def _answers(settings: Settings, results: Sequence[Worker | Rejection]) -> Answers:
    in_order = select(settings.hosts, results)
    workers, _ = split_results(in_order)
    try:
        plan = balance(settings, workers, local_capacity())
    except NoCapacityError as error:
        return Answers(in_order, settings.bad_entries, None, error.message)
    return Answers(in_order, settings.bad_entries, plan)


def _end(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)

"""When the logins of a build begin, and since when the time of each counts.

sshd drops connections by chance from the tenth on that has not logged in yet (sshd_config(5),
MaxStartups 10:30:100); each login through a jump host is one there.
"""

from __future__ import annotations

import contextlib
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.hostspec import SshHost

_AT_ONCE = 8
_SPARE = 2  # in the place of logins that take longer than that, which are most often to dead machines
_LONG_S = 5.0


class Logins:
    """Those of one build, to any number of doors: the sshds that the connections come to first."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._changed = threading.Condition()
        self._doors: dict[SshHost, _Door] = {}
        self._named: dict[str, _Door] = {}
        self._began: dict[SshHost, float] = {}

    @contextlib.contextmanager
    def turn(self, host: SshHost, door_name: str) -> Iterator[None]:
        """Wait for a place among the logins that may be under way at a door; the context has it."""
        with self._changed:
            door = self._doors[host] = self._named.setdefault(door_name or host.text, _Door())
            while (pause_s := door.pause_s()) > 0:
                self._changed.wait(pause_s)
            turn = time.monotonic()
            door.turns.append(turn)
            self._began.setdefault(host, turn)
        try:
            yield
        finally:
            with self._changed:
                door.turns.remove(turn)
                self._changed.notify_all()

    def begin_anew(self, host: SshHost) -> None:
        """Let the time of a host count from now: a person was asked."""
        with self._changed:
            self._began[host] = time.monotonic()

    def give_up(self, host: SshHost) -> None:
        """Take note that the time of a host is over: those behind it wait no longer, all may be as silent."""
        with self._changed:
            if door := self._doors.get(host):
                door.is_silent = True
                self._changed.notify_all()

    def since(self, host: SshHost) -> float | None:
        """The moment from which the time of a host counts, None while it waits for others."""
        return self._began.get(host) if host in self._doors else self._started


class _Door:
    """One sshd: the moments at which the logins began that are under way."""

    def __init__(self) -> None:
        self.turns: list[float] = []
        self.is_silent = False

    def pause_s(self) -> float:
        """How long the next login has to wait, unless one ends before."""
        long = time.monotonic() - _LONG_S
        spare = min(_SPARE, sum(turn <= long for turn in self.turns))
        if self.is_silent or len(self.turns) < _AT_ONCE + spare:
            return 0.0
        return min((turn - long for turn in self.turns if turn > long), default=_LONG_S)

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

    from .hostspec import SshHost

_AT_ONCE = 8
_TURN_S = 5.0  # machines that do not answer must not hold up those behind them for longer


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
        """Wait for a place among the eight logins that may be under way at a door; the context has it.

        Where none has ended for 5 s, eight more begin.
        """
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
                door.has_answered = True
                door.last_end = time.monotonic()
                self._changed.notify_all()

    def begin_anew(self, host: SshHost) -> None:
        """Let the time of a host count from now, and that of those behind it: a person was asked."""
        with self._changed:
            door = self._doors[host]
            self._began[host] = door.began = door.last_end = time.monotonic()

    def since(self, host: SshHost) -> float | None:
        """The moment from which the time of a host counts, None while it waits for others.

        Where no login at its door has come to an end, the host may be as dead as those before it.
        """
        door = self._doors.get(host)
        if door is None:
            return self._started
        return self._began.get(host) if door.has_answered else door.began


class _Door:
    """One sshd: the moments at which the logins began that are under way."""

    def __init__(self) -> None:
        self.began = self.last_end = time.monotonic()
        self.turns: list[float] = []
        self.has_answered = False

    def pause_s(self) -> float:
        """How long the next login has to wait, unless one ends before."""
        if len(self.turns) < _AT_ONCE:
            return 0.0
        last_move = max(self.last_end, sorted(self.turns)[-_AT_ONCE])
        return max(0.0, last_move + _TURN_S - time.monotonic())

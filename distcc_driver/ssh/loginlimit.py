"""How many logins of a build may be under way at one sshd, and since when the time of each host counts.

sshd drops connections at random when more than ten have not logged in yet (sshd_config(5), MaxStartups
10:30:100). A login through a jump host counts at the jump host.
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
# This many more may begin in place of logins that take longer than _LONG_S: most of those never end.
_SPARE = 2
_LONG_S = 5.0


class LoginLimit:
    """Lets the logins of one build begin, so that no sshd gets too many at once."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._changed = threading.Condition()
        self._of_host: dict[SshHost, _FirstSshd] = {}
        self._by_name: dict[str, _FirstSshd] = {}
        self._began: dict[SshHost, float] = {}

    @contextlib.contextmanager
    def turn(self, host: SshHost, first_sshd: str) -> Iterator[None]:
        """Wait until a host may log in; its login is under way as long as the context lasts.

        `first_sshd` names the sshd to which its connection comes first, "" if that is not known.
        """
        with self._changed:
            sshd = self._of_host[host] = self._by_name.setdefault(first_sshd or host.text, _FirstSshd())
            while (pause_s := sshd.pause_s()) > 0:
                self._changed.wait(pause_s)
            began = time.monotonic()
            sshd.logins.append(began)
            self._began.setdefault(host, began)
        try:
            yield
        finally:
            with self._changed:
                sshd.logins.remove(began)
                self._changed.notify_all()

    def begin_anew(self, host: SshHost) -> None:
        """Let the time of a host count from now, because a person was asked."""
        with self._changed:
            self._began[host] = time.monotonic()

    def give_up(self, host: SshHost) -> None:
        """Note that the time of a host is over: its sshd may be dead, so no other login waits for it."""
        with self._changed:
            if sshd := self._of_host.get(host):
                sshd.is_silent = True
                self._changed.notify_all()

    def since(self, host: SshHost) -> float | None:
        """The moment from which the time of a host counts, None while the host waits for other logins."""
        return self._began.get(host) if host in self._of_host else self._started


class _FirstSshd:
    """An sshd to which connections come first: its logins that are under way, by the moment they began."""

    def __init__(self) -> None:
        self.logins: list[float] = []
        self.is_silent = False

    def pause_s(self) -> float:
        """How long the next login has to wait at most; it may begin earlier, when another login ends."""
        long_ago = time.monotonic() - _LONG_S
        spare = min(_SPARE, sum(began <= long_ago for began in self.logins))
        if self.is_silent or len(self.logins) < _AT_ONCE + spare:
            return 0.0
        return min((began - long_ago for began in self.logins if began > long_ago), default=_LONG_S)

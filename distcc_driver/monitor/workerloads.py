"""The loads of workers, from their stats ports: a thread asks, and the view never waits for it.

A port is asked once in 10 s at most. A port that does not answer the first time is never asked again, because
perhaps no distccd is there.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..core.facts import Endpoint, Worker
from ..core.hostspec import DISTCC_PORT, STATS_PORT, TcpHost
from ..core.record import Record
from ..network.probe import ask_stats

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..core.facts import Rejection
    from ..ssh.session import OpenTunnel
    from .hostlist import Entry

_PERIOD_S = 10.0
_TIMEOUT_S = 5.0
_AT_ONCE = 16  # each connection needs descriptors, and the lock files of all slots are open, too
_MAX_PORT = 65535


class StatsPort(Record):
    """Where a worker tells its load."""

    address: str
    number: int


def find_stats_ports(entries: Collection[Entry], tunnels: dict[str, OpenTunnel]) -> dict[str, StatsPort]:
    """The stats ports of the workers of a host list, by the keys of their entries, as `tunnels` are, too.

    The session has the stats port of a tunnel. For other workers the host list has only the job port. The
    stats port is then the port after it, as 3633 is after 3632, unless that is a job port of the list itself.
    """
    found = {}
    jobs = {(entry.address, entry.port) for entry in entries}
    for entry in entries:
        if entry.key in tunnels:
            number = tunnels[entry.key].stats_port
        else:
            number = None if entry.port is None else entry.port + STATS_PORT - DISTCC_PORT
            number = None if (entry.address, number) in jobs else number
        if number is not None and number <= _MAX_PORT and entry.address.isascii():
            found[entry.key] = StatsPort(entry.address, number)
    return found


class WorkerLoads:
    """What workers have said about their loads."""

    def __init__(self, period_s: float = _PERIOD_S) -> None:
        self._period_s = period_s
        self._answers: dict[StatsPort, float | None] = {}  # None: it has stopped answering
        self._asked_s: dict[StatsPort, float] = {}
        self._thread: threading.Thread | None = None

    def of(self, port: StatsPort | None) -> float | None:
        """The mean of the three load averages of a worker, None if it is not known."""
        return None if port is None else self._answers.get(port)

    def ask(self, ports: Collection[StatsPort]) -> None:
        """Begin to ask those of these ports whose time has come."""
        if self._thread is not None and self._thread.is_alive():
            return
        due_s = time.monotonic() - self._period_s
        due = [port for port in dict.fromkeys(ports) if self._is_due(port, due_s)]
        if due:
            self._thread = threading.Thread(target=self._ask, args=(due,), daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until all answers are there, for so many seconds at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _is_due(self, port: StatsPort, due_s: float) -> bool:
        return port not in self._asked_s or (port in self._answers and self._asked_s[port] <= due_s)

    def _ask(self, ports: list[StatsPort]) -> None:
        for start in range(0, len(ports), _AT_ONCE):
            some = ports[start : start + _AT_ONCE]
            ask_stats([_endpoint(port) for port in some], _TIMEOUT_S, self._note)
            self._asked_s.update(dict.fromkeys(some, time.monotonic()))

    def _note(self, endpoint: Endpoint, answer: Worker | Rejection) -> None:
        port = StatsPort(endpoint.address, endpoint.stats_port)
        if isinstance(answer, Worker):
            self._answers[port] = answer.stats.load
        elif port in self._answers:
            self._answers[port] = None


def _endpoint(port: StatsPort) -> Endpoint:
    """The endpoint of a worker of which only the stats port counts."""
    return Endpoint.direct(TcpHost(port.address, port.address, port.number, port.number))

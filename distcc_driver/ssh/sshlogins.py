"""Logs in to all SSH hosts of a build at once, and gives up those that take too long."""

from __future__ import annotations

import _socket
import math
import os
import signal
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import sh

from ..core.facts import Endpoint, Rejection
from ..machine.buildsignals import BLOCKED_UNTIL_EXEC
from ..machine.capacity import raise_descriptor_limit
from .configurations import Configurations
from .confirmations import awaited
from .loginlimit import LoginLimit
from .sessionprocesses import end_connections
from .sshprocess import SshProcesses
from .tunnel import Shared, Tunnel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..core.hostspec import SshHost
    from .sshmessages import SshMessages

    Report = Callable[[list[SshHost]], None]

_SLOW_S = 3
_LOOK_S = 0.25
_DESCRIPTORS_PER_HOST = 4
_SPARE_DESCRIPTORS = 64

_SILENT_ADVICE = "is the machine up, and does its sshd answer?"
_AGENT_ADVICE = "confirm the key in time, load one that needs no confirmation, or build at a terminal"


class SshLogins:
    """Opens a tunnel to each host: `start`, other work, `finish`; then `ask` for each that needs a person."""

    def __init__(
        self, ssh: sh.Command, hosts: Sequence[SshHost], path: str, guard: _socket.socket, can_ask: bool
    ) -> None:
        self._path = path
        self._can_ask = can_ask
        self._processes = SshProcesses(ssh, hosts)
        self._limit = LoginLimit()
        null = open(os.devnull, "r+b")  # noqa: SIM115  # open as long as this process lives
        configurations = Configurations(self._processes)
        shared = Shared(path, self._processes, configurations, self._limit, guard, null, can_ask)
        self._tunnels = {host: Tunnel(host, number, shared) for number, host in enumerate(hosts)}
        self._opening: dict[SshHost, Future[Endpoint | Rejection]] = {}
        self._pool = ThreadPoolExecutor(
            len(hosts),
            initializer=signal.pthread_sigmask,
            initargs=(signal.SIG_BLOCK, BLOCKED_UNTIL_EXEC),
        )

    def start(self) -> None:
        """Begin to log in everywhere at once, without asking anything."""
        raise_descriptor_limit(len(self._tunnels) * _DESCRIPTORS_PER_HOST + _SPARE_DESCRIPTORS)
        self._opening = {host: self._pool.submit(tunnel.open) for host, tunnel in self._tunnels.items()}

    def stop(self) -> None:
        """Start no ssh any more. Then each started ssh can be found by its command line."""
        self._processes.stop()

    def kill_strays(self) -> None:
        """Kill children that never became ssh and outlived the session."""
        self._processes.kill_strays()

    def finish(self, report_slow: Report, report_asked: Report) -> dict[SshHost, Endpoint | Rejection]:
        """Wait until each host is open, has failed or has used up its time. Report those that take 3 s.

        The time in which a person has to confirm a key does not count at a terminal: Ctrl-C can end the wait.
        """
        slow_at = time.monotonic() + _SLOW_S
        is_slow_reported = False
        asked: set[SshHost] = set()
        while pending := [host for host, future in self._opening.items() if not future.done()]:
            now = time.monotonic()
            if now >= slow_at and self._can_ask:
                waiting = self._waiting_for_person(pending)
                if new := [host for host in waiting if host not in asked]:
                    report_asked(new)
                asked.update(waiting)
                for host in waiting:
                    self._limit.begin_anew(host)
            if now >= slow_at and not is_slow_reported:
                is_slow_reported = True
                if slow := [host for host in pending if host not in asked]:
                    report_slow(slow)
            ends = {host: self._end_of_time(host) for host in pending}
            if now >= min(ends.values()):
                self._give_up([host for host, end in ends.items() if now >= end - _LOOK_S])
                continue
            # Look again soon: other logins, or a person who is asked, may move the end of a host's time.
            wait([self._opening[host] for host in pending], _LOOK_S, FIRST_COMPLETED)
        return {host: future.result() for host, future in self._opening.items()}

    def ask(self, host: SshHost) -> Endpoint | Rejection:
        """Log in to one host; ssh may ask a person on the terminal."""
        future = self._pool.submit(self._tunnels[host].open, batch=False)
        # A wait without a timeout would hold back a signal that comes just before it, until the wait ends.
        while not future.done():
            wait([future], _LOOK_S)
        return future.result()

    def is_open(self, host: SshHost) -> bool:
        """Whether the connection to a host that was reached is still there."""
        return self._tunnels[host].is_open()

    def messages(self, host: SshHost) -> SshMessages:
        """What ssh has written about a host."""
        return self._tunnels[host].messages

    def close(self, *hosts: SshHost) -> None:
        """End the connections to some hosts at once."""
        end_connections(self._path, [self._tunnels[host].control for host in hosts])
        self._processes.kill_strays(hosts)

    def _end_of_time(self, host: SshHost) -> float:
        since = self._limit.since(host)
        return math.inf if since is None else since + self._tunnels[host].time_limit_s

    def _waiting_for_person(self, hosts: Sequence[SshHost]) -> list[SshHost]:
        """The hosts whose key a person has to confirm at this moment."""
        controls = awaited(self._path, [self._tunnels[host].control for host in hosts])
        return [host for host in hosts if self._tunnels[host].control in controls]

    def _give_up(self, hosts: Sequence[SshHost]) -> None:
        waiting = self._waiting_for_person(hosts)
        self._processes.stop(hosts)
        for host in hosts:
            self._limit.give_up(host)
        self.close(*hosts)
        for host in hosts:
            self._opening[host] = Future()
            late = _late(host, self._tunnels[host].time_limit_s, host in waiting)
            self._opening[host].set_result(late)


def _late(host: SshHost, time_limit_s: int, waits_for_person: bool) -> Rejection:
    cause, advice = f"ssh timed out after {time_limit_s} s", _SILENT_ADVICE
    if waits_for_person:
        cause, advice = f"{cause}, waiting for the agent or a token to sign", _AGENT_ADVICE
    return Rejection(host, cause, advice)

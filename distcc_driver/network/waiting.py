"""Waits until enough workers can be used: DISTCC_AUTO_WAIT_FOR and DISTCC_AUTO_WAIT_TIMEOUT."""

from __future__ import annotations

import sys
import time

from ..core.balance import usable
from ..core.facts import split_results
from ..core.selection import select
from ..machine import stdout
from .probe import ask_all
from .timelimit import TimeLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.facts import Endpoint, Rejection, Worker
    from ..core.settings import Settings
    from ..machine.log import Log

_SHORTEST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 10.0
_LOGIN_PAUSE_S = 15.0  # each round logs in to all SSH hosts anew
_TICK_S = 1.0


class Waiting:
    """The time that a plan waits for its workers. It begins when the first answers are not enough."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._wanted = min(settings.wait_for, len(settings.hosts))
        self._pause_s = _LOGIN_PAUSE_S if settings.ssh_hosts else _SHORTEST_PAUSE_S
        self._end_s: float | None = None
        self._width = 0

    def pause(self, results: Sequence[Worker | Rejection]) -> bool:
        """Sleep until workers may be asked again; False at once if they are enough or the time is over."""
        count = len(self._usable(results))
        now_s = time.monotonic()
        if self._end_s is None:
            self._end_s = now_s + self._settings.wait_timeout_s
            if count < self._wanted:
                self._say(count)
        if count >= self._wanted or now_s >= self._end_s:
            self._clear()
            return False
        self._sleep(min(now_s + self._pause_s, self._end_s), count)
        self._pause_s = max(self._pause_s, min(self._pause_s * 1.5, _LONGEST_PAUSE_S))
        return True

    def ask_direct(self, endpoints: Sequence[Endpoint]) -> list[Worker | Rejection]:
        """Ask until enough workers can be used. One that can be used is asked once more at the end only."""
        results = self._ask(endpoints)
        while self.pause(results):
            kept = {worker.endpoint.host: worker for worker in self._usable(results)}
            results = self._ask([one for one in endpoints if one.host not in kept])
            results += kept.values()
            if len(self._usable(results)) >= self._wanted:
                results = self._ask(endpoints)
        return results

    def _ask(self, endpoints: Sequence[Endpoint]) -> list[Worker | Rejection]:
        return ask_all(endpoints, TimeLimit(self._settings.connect_timeout_s))

    def _usable(self, results: Sequence[Worker | Rejection]) -> list[Worker]:
        workers, _ = split_results(select(self._settings.hosts, results))
        return usable(self._settings, workers)

    def _say(self, count: int) -> None:
        """One line; at a terminal it changes in its place instead."""
        noun = "worker" if self._wanted == 1 else "workers"
        text = f"waiting up to {self._settings.wait_timeout_s:g} s for {self._wanted} {noun}"
        if not _is_terminal():
            self._log.info(f"{text}; {count} can be used now")

    def _sleep(self, until_s: float, count: int) -> None:
        while (left_s := until_s - time.monotonic()) > 0:
            stdout.end_if_gone()  # the shell may be killed meanwhile
            self._show(count)
            time.sleep(min(left_s, _TICK_S))

    def _show(self, count: int) -> None:
        if self._end_s is None or not _is_terminal() or self._settings.log_level not in ("debug", "info"):
            return
        left_s = max(0.0, self._end_s - time.monotonic())
        text = f"distcc-driver: {count} of {self._wanted} workers can be used; waiting, {left_s:.0f} s left"
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()
        self._width = len(text)

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{'':<{self._width}}\r")
            sys.stderr.flush()
            self._width = 0


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()

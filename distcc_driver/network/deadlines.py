"""Deadlines that may move: functions that return seconds of time.monotonic()."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .timelimit import TimeLimit

    Deadline = Callable[[], float]


def fixed(moment: float) -> Deadline:
    """A deadline that does not move."""
    return lambda: moment


def earlier(first: Deadline, second: Deadline) -> Deadline:
    """The earlier of two deadlines."""
    return lambda: min(first(), second())


def part(deadline: Deadline, parts: int) -> Deadline:
    """The end of the first of `parts` equal parts of the time from now to `deadline`."""
    now = time.monotonic()
    return lambda: now + (deadline() - now) / parts


class Clock:
    """The deadlines of a host; it began to be asked at `started`, and nothing may last beyond `end`."""

    def __init__(self, time_limit: TimeLimit, end: float) -> None:
        self.time_limit = time_limit
        self.started = time.monotonic()
        self._end = end

    def connect_by(self) -> float:
        """When the name has to be resolved and a connection made."""
        return min(self.started + self.time_limit.limit_s, self._end)

    def later_connect_by(self, spent_s: float) -> Deadline:
        """The moment of `connect_by`, moved by `spent_s` seconds that do not count."""
        return lambda: min(self.connect_by() + spent_s, self.answer_by())

    def answer_by(self) -> float:
        """When the answer has to be whole."""
        return min(self.started + 2 * self.time_limit.limit_s, self._end)

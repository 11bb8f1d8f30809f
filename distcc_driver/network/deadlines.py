"""Deadlines that may move: functions that return seconds of time.monotonic()."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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

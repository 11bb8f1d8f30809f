"""Runs many generators, called tasks, in one thread: one poll(2) loop waits for all of them.

With 1000 hosts, starting a thread for each takes longer than waiting for all answers.
"""

from __future__ import annotations

import select
import time

from ..core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any, TypeVar

    from .deadlines import Deadline
    from .resolve import Resolver
    from .timelimit import TimeLimit

    Result = TypeVar("Result")
    Task = Generator["Wait", bool | None, Any]

_LONGEST_POLL_S = 60.0


class Wait(Record):
    """A task yields this to wait for `events` of poll(2) on descriptors, or until a `name` is resolved.

    `deadline` returns seconds of time.monotonic(); it may move when the `TimeLimit` does. When an event has
    come, the task is sent True; at the deadline, False. Without descriptors and a name, the task lingers: it
    goes on when all other tasks have ended or linger, too, or when a task that has not started needs its
    place.
    """

    deadline: Deadline
    descriptors: tuple[int, ...] = ()
    events: int = 0
    name: str = ""


def run_all(
    tasks: Sequence[Generator[Wait, bool | None, Result]],
    resolver: Resolver,
    time_limit: TimeLimit,
    at_once: int,
) -> list[Result]:
    """Run all tasks, at most `at_once` of them at the same time; returns their results in the same order."""
    return _Loop(resolver, time_limit).run(tasks, at_once)


class _Loop:
    """The tasks that have started and not ended, by number, and what each of them waits for."""

    def __init__(self, resolver: Resolver, time_limit: TimeLimit) -> None:
        self._resolver = resolver
        self._patience = time_limit
        self._limit_s = time_limit.limit_s
        self._poll = select.poll()
        self._poll.register(resolver.fileno(), select.POLLIN)
        self._waits: dict[int, Wait] = {}
        self._by_descriptor: dict[int, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self._lingering: set[int] = set()
        self._tasks: dict[int, Task] = {}
        self._results: dict[int, Any] = {}
        self._next_scan = 0.0

    def run(self, tasks: Sequence[Task], at_once: int) -> list[Any]:
        started = 0
        while started < len(tasks) or self._tasks:
            while started < len(tasks) and len(self._tasks) < at_once:
                self._tasks[started] = tasks[started]
                self._advance(started, None)
                started += 1
            if self._lingering and (started < len(tasks) or len(self._lingering) == len(self._tasks)):
                for number in list(self._lingering):
                    self._resume(number, True)
            elif self._tasks:
                self._wait()
        return [self._results[number] for number in range(len(tasks))]

    def _wait(self) -> None:
        """Resume the tasks whose event has come, then those whose deadline has.

        On a busy machine this process may sleep beyond a deadline: an event that came meanwhile counts.
        """
        now = time.monotonic()
        is_due = now >= self._next_scan or self._patience.limit_s < self._limit_s
        pause_s = 0.0 if is_due else min(self._next_scan - now, _LONGEST_POLL_S)
        ready = {descriptor for descriptor, _ in self._poll.poll(pause_s * 1000)}
        # Resume a task once: it may close its other descriptors, and open new ones with their numbers.
        numbers = {self._by_descriptor[descriptor] for descriptor in ready - {self._resolver.fileno()}}
        for name in self._resolver.take_finished() if self._resolver.fileno() in ready else ():
            numbers.update(self._by_name.pop(name, []))
        for number in sorted(numbers):
            self._resume(number, True)
        if is_due:
            self._limit_s = self._patience.limit_s
            self._expire(now)

    def _expire(self, now: float) -> None:
        for number in [number for number, wait in self._waits.items() if wait.deadline() <= now]:
            self._resume(number, False)
        self._next_scan = min((wait.deadline() for wait in self._waits.values()), default=now)

    def _resume(self, number: int, ready: bool) -> None:
        wait = self._waits.pop(number, None)
        if wait is None:
            return
        for descriptor in wait.descriptors:
            self._poll.unregister(descriptor)
            del self._by_descriptor[descriptor]
        self._lingering.discard(number)
        self._advance(number, ready)

    def _advance(self, number: int, value: bool | None) -> None:
        try:
            wait = self._tasks[number].send(value)
        except StopIteration as stop:
            self._results[number] = stop.value
            del self._tasks[number]
            return
        self._waits[number] = wait
        self._next_scan = min(self._next_scan, wait.deadline())
        if wait.name:
            self._by_name.setdefault(wait.name, []).append(number)
        elif not wait.descriptors:
            self._lingering.add(number)
        for descriptor in wait.descriptors:
            self._by_descriptor[descriptor] = number
            self._poll.register(descriptor, wait.events)

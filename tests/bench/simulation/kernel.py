"""A discrete-event kernel: a clock, processes (generators), and processor cores that the processes share."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from itertools import count

# A process yields a function. The kernel calls it with the process, and the function resumes the process
# later.
Wait = Callable[["Process"], None]
Process = Generator[Wait, bool, None]


class Clock:
    """Simulated time in seconds since the start, and a queue of future actions."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()  # actions for the same time happen in the order in which they were added

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Add an action for a time that is not in the past."""
        heapq.heappush(self._events, (time_s, next(self._numbers), action))

    def run_while(self, condition: Callable[[], bool]) -> None:
        """Let time pass while the condition is true and actions are left."""
        while self._events and condition():
            self.now_s, _, action = heapq.heappop(self._events)
            action()

    def start(self, process: Process) -> None:
        """Start a process now."""
        wait = next(process, None)
        if wait:
            wait(process)

    def resume(self, process: Process, answer: bool = True) -> None:
        """Resume a process. `answer` becomes the value of the `yield` at which the process waits."""
        try:
            wait = process.send(answer)
        except StopIteration:
            return
        wait(process)

    def sleep(self, seconds: float) -> Wait:
        """Wait without using a core."""
        return lambda process: self.at(self.now_s + seconds, lambda: self.resume(process))


class Cores:
    """The processor cores of a machine. All ready processes share them evenly; each uses at most one core.

    All ready processes advance at the same rate. So one common number, the CPU seconds that each process has
    had since the start, is enough to order them by the time of their end.
    """

    def __init__(self, clock: Clock, number: int) -> None:
        self.used_s = 0.0
        self._clock = clock
        self._number = number
        self._progress_s = 0.0
        self._updated_s = 0.0
        self._ready: list[tuple[float, int, Process]] = []
        self._numbers = count()
        self._alarm = 0

    def use(self, seconds: float) -> Wait:
        """Wait until the process has had this many CPU seconds."""
        return lambda process: self._add(seconds, process)

    def _add(self, seconds: float, process: Process) -> None:
        self._update()
        self.used_s += seconds
        heapq.heappush(self._ready, (self._progress_s + seconds, next(self._numbers), process))
        self._set_alarm()

    def _rate(self) -> float:
        return min(1.0, self._number / len(self._ready))

    def _update(self) -> None:
        if self._ready:
            self._progress_s += (self._clock.now_s - self._updated_s) * self._rate()
        self._updated_s = self._clock.now_s

    def _set_alarm(self) -> None:
        """Add an action for the time at which the first process will be done.

        Earlier alarms have no effect.
        """
        self._alarm += 1
        if self._ready:
            alarm = self._alarm
            left_s = max(0.0, self._ready[0][0] - self._progress_s)
            self._clock.at(self._clock.now_s + left_s / self._rate(), lambda: self._ring(alarm))

    def _ring(self, alarm: int) -> None:
        if alarm != self._alarm:
            return
        self._update()
        done_s, _, process = heapq.heappop(self._ready)
        self._progress_s = max(self._progress_s, done_s)
        self._set_alarm()
        self._clock.resume(process)

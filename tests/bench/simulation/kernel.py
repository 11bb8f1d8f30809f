"""A discrete-event kernel: a clock, processes as generators, and processor cores that they share."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from itertools import count

# A process yields what it waits for: a function that sees to it that the process goes on.
Wait = Callable[["Process"], None]
Process = Generator[Wait, bool, None]


class Clock:
    """Simulated time in seconds since the start, and what is to happen at which time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()  # what is to happen at one time happens in the order of mention

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Call `action` at a time that is not in the past."""
        heapq.heappush(self._events, (time_s, next(self._numbers), action))

    def run_while(self, condition: Callable[[], bool]) -> None:
        """Let time pass as long as the condition holds and there is anything to come."""
        while self._events and condition():
            self.now_s, _, action = heapq.heappop(self._events)
            action()

    def start(self, process: Process) -> None:
        """Begin a process now."""
        wait = next(process, None)
        if wait:
            wait(process)

    def resume(self, process: Process, answer: bool = True) -> None:
        """Go on with a process: `answer` is the value of the `yield` at which it waits."""
        try:
            wait = process.send(answer)
        except StopIteration:
            return
        wait(process)

    def sleep(self, seconds: float) -> Wait:
        """Wait without using a core."""
        return lambda process: self.at(self.now_s + seconds, lambda: self.resume(process))


class Cores:
    """Processor cores that all ready processes of a machine share evenly, each using one at most.

    Every ready process advances at the same rate, so a common progress (CPU seconds that each
    has had) orders them by when they will be done.
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
        """Wait until this many CPU seconds have been had."""
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
        """Ask to be called when the first will be done; earlier alarms are void."""
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

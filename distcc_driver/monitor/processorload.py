"""How busy the processors of this machine are, from /proc/stat of proc(5)."""

from __future__ import annotations


class ProcessorLoad:
    """The part of the processors that was busy between two looks."""

    def __init__(self) -> None:
        self._last = _times()

    def busy(self) -> float | None:
        """From 0 to 1, since the last look; None where /proc does not tell, or nothing has passed."""
        last, self._last = self._last, _times()
        if last is None or self._last is None or self._last[1] <= last[1]:
            return None
        return round((self._last[0] - last[0]) / (self._last[1] - last[1]), 3)


def _times() -> tuple[int, int] | None:
    """Busy and all ticks of all processors."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            _, *fields = file.readline().split()
    except OSError:
        return None
    ticks = [int(field) for field in fields[:8]]  # the guests' are in user and nice, too
    idle = sum(ticks[3:5])
    return sum(ticks) - idle, sum(ticks)

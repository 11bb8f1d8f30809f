"""What a case measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Takes the number of runs that count.
Case = Callable[[int], Iterator["Result"]]


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of each run, and of what it is compared with, taken in turns in the same minute."""

    case: str
    shell: str
    measured: str
    measured_runs_s: list[float]
    reference: str
    reference_runs_s: list[float]
    target: float

    @property
    def measured_s(self) -> float:
        return statistics.median(self.measured_runs_s)

    @property
    def reference_s(self) -> float:
        return statistics.median(self.reference_runs_s)

    @property
    def ratio(self) -> float:
        """Median by median, to be at most `target`."""
        return self.measured_s / self.reference_s

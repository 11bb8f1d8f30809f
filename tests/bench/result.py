"""The result of a case: one row of the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# A function that takes the number of runs, and yields results.
Case = Callable[[int], Iterator["Result"]]


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of all runs, and of a reference. Both were measured in turns, in the same minute.

    All figures have the same `unit`. The ratio of the two medians should be at most `limit`. If `limit` is
    None, the figure is only for information.
    """

    case: str
    way: str
    measured: str
    measured_runs: list[float]
    reference: str
    reference_runs: list[float]
    limit: float | None
    unit: str = "ms"

    @property
    def measured_median(self) -> float:
        return statistics.median(self.measured_runs)

    @property
    def reference_median(self) -> float:
        return statistics.median(self.reference_runs)

    @property
    def ratio(self) -> float:
        return self.measured_median / self.reference_median

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "met" if self.ratio <= self.limit else "MISSED"


def milliseconds(start_s: float, end_s: float) -> float:
    return (end_s - start_s) * 1000


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for each row, with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [line.rstrip() for line in lines]

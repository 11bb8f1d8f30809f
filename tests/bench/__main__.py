"""Runs every case and prints the table: `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from . import start, tunnels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .result import Case, Result

_CASES: list[Case] = [*start.CASES, *tunnels.CASES]


def main() -> None:
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that daemons are stopped
    print("The figures count only if nothing else runs on this machine.")
    machine = _machine()
    print(f"{machine}. Medians of {options.runs} runs:\n", flush=True)
    results = [result for case in _CASES for result in case(options.runs)]
    print(_table(results))
    if options.json:
        options.json.write_text(json.dumps(_document(results, machine), indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the time of every run to FILE too")
    parser.add_argument("--runs", type=int, default=7, help="runs of each case that count (default: 7)")
    return parser.parse_args()


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} threads, load average {load:.2f}"


def _table(results: Sequence[Result]) -> str:
    """A line for each result, columns aligned."""
    rows = [("case", "shell", "measured", "ms", "compared with", "ms", "ratio", "target", "")]
    for result in results:
        rows.append(
            (
                result.case,
                result.shell,
                result.measured,
                f"{result.measured_s * 1000:.1f}",
                result.reference,
                f"{result.reference_s * 1000:.1f}",
                f"{result.ratio:.2f}",
                f"<= {result.target:.2f}",
                "met" if result.ratio <= result.target else "MISSED",
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _document(results: Sequence[Result], machine: str) -> dict[str, object]:
    rows = [asdict(result) | {"ratio": result.ratio} for result in results]
    return {"machine": machine, "results": rows}


if __name__ == "__main__":
    main()

"""Runs the cases and prints a table for each section: `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from . import build, feeding, monitoring, start, tunnels, waiting
from .result import aligned
from .simulation import cases as simulation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .result import Case, Result

# Each section's name, and its cases by name.
_SECTIONS: dict[str, dict[str, Case]] = {
    "start": start.CASES,
    "tunnels": tunnels.CASES,
    "build": build.CASES,
    "waiting": waiting.CASES,
    "feeding": feeding.CASES,
    "monitor": monitoring.CASES,
    "simulation": simulation.CASES,
}


def main() -> None:
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # an exception lets the cases stop their daemons
    print("The figures count only if nothing else runs on this machine.")
    machine = _machine()
    print(f"{machine}. Medians of {options.runs} runs, of 3 at most where one takes seconds.", flush=True)
    results: dict[str, list[Result]] = {}
    for section, cases in _selected(options.cases):
        results[section] = [result for case in cases for result in case(options.runs)]
        print(f"\n{section}\n{_table(results[section])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(_document(results, machine), indent=2) + "\n")


def _options() -> argparse.Namespace:
    names = [f"{section}/{name}" for section, cases in _SECTIONS.items() for name in cases]
    parser = argparse.ArgumentParser(prog="make bench", epilog=f"cases: {' '.join(names)}")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a case, or a section (default: all)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures of every run to FILE too"
    )
    parser.add_argument("--runs", type=int, default=7, help="runs of each case that count (default: 7)")
    options = parser.parse_args()
    for name in options.cases:
        if name not in names and name not in _SECTIONS:
            parser.error(f"no such case: {name}; there are: {' '.join(names)}")
    return options


def _selected(wanted: Sequence[str]) -> Iterator[tuple[str, list[Case]]]:
    """The sections with the cases named on the command line; all cases if the user names no case."""
    for section, cases in _SECTIONS.items():
        chosen = [
            case
            for name, case in cases.items()
            if not wanted or section in wanted or f"{section}/{name}" in wanted
        ]
        if chosen:
            yield section, chosen


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} threads, load average {load:.2f}"


def _table(results: Sequence[Result]) -> str:
    """One line for each result, with aligned columns."""
    rows = [("case", "way", "measured", "", "", "compared with", "", "", "ratio", "target", "")]
    for result in results:
        rows.append(
            (
                result.case,
                result.way,
                result.measured,
                f"{result.measured_median:.2f}",
                result.unit,
                result.reference,
                f"{result.reference_median:.2f}",
                result.unit,
                f"{result.ratio:.2f}",
                "" if result.limit is None else f"<= {result.limit:.2f}",
                result.verdict,
            )
        )
    return "\n".join(aligned(rows))


def _document(results: dict[str, list[Result]], machine: str) -> dict[str, object]:
    rows = [
        {"section": section, **asdict(result), "ratio": result.ratio}
        for section, found in results.items()
        for result in found
    ]
    return {"machine": machine, "results": rows}


if __name__ == "__main__":
    main()

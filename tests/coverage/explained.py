"""Whether every line and branch that no test reaches is explained, in `explained.txt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ARMS = ("except", "elif", "else", "finally")
_TABLE = Path(__file__).with_name("explained.txt")


def faults(files: dict[str, dict[str, Any]], checkout: Path) -> list[str]:
    """What is not reached and not explained, and explanations of what is not there; for people to read.

    `files` is that part of a JSON report of coverage.py, with names relative to `checkout`.
    """
    explained = _read_table()
    modules = {Path(name).stem for name in files}
    found = [
        f"{_TABLE.name}: there is no module {module}" for module, _ in explained if module not in modules
    ]
    for name, measured in files.items():
        lines = [line.strip() for line in (checkout / name).read_text().splitlines()]
        module = Path(name).stem
        found += [
            f"{name}:{number}: not reached, and not explained in {_TABLE.name}: {lines[number - 1]}"
            for number in _places(measured, lines)
            if (module, lines[number - 1]) not in explained
        ]
        found += [
            f"{_TABLE.name}: {name} has no line: {text}"
            for other, text in explained
            if other == module and text not in lines
        ]
    return found


def _places(measured: dict[str, Any], lines: list[str]) -> list[int]:
    """First lines of runs and of arms of missing ones, and lines that were left in some ways only."""
    missing, executed = measured["missing_lines"], measured["executed_lines"]
    runs = [
        number
        for number, before in zip(missing, [0, *missing], strict=False)
        if before == 0
        or lines[number - 1].startswith(_ARMS)
        or any(before < line < number for line in executed)
    ]
    branches = [start for start, end in measured["missing_branches"] if abs(end) not in missing]
    return sorted({*runs, *branches} - (set(missing) - set(runs)))


def _read_table() -> set[tuple[str, str]]:
    """Module and text of each line. A reason stands above its lines, behind `# `."""
    entries = [line for line in _TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {(module, text) for module, _, text in (entry.partition(": ") for entry in entries)}

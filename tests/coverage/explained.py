"""Checks that `explained.txt` has a reason for every line and branch that no test reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ARMS = ("except", "elif", "else", "finally")
_TABLE = Path(__file__).with_name("explained.txt")


def faults(files: dict[str, dict[str, Any]], checkout: Path) -> list[str]:
    """Lines that are neither reached nor explained, and explanations without a line, as text for people.

    `files` is the part of that name in a JSON report of coverage.py. Its names are relative to `checkout`.
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
    """The lines to explain: the first of each unreached block, and each line with an unreached branch."""
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
    """The module and the text of each explained line. A reason is a comment above its lines."""
    entries = [line for line in _TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {(module, text) for module, _, text in (entry.partition(": ") for entry in entries)}

"""Shows a survey to people: as a table on a terminal, else as lines.

Workers choose parts of the texts. So no text is read as markup, and unprintable characters are escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..core.shellcode import distcc_hosts
from ..core.wording import enumerated, limit_message, rejection_lines, summarise
from ..machine.log import printable
from .rows import USED, bad_entry_rows, host_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import JustifyMethod, RenderableType

    from ..core.settings import Settings
    from .rows import HostRow
    from .survey import Answers

_UNKNOWN = "-"
_GAP = "  "
# For each column: its name, its value in a row, and the side at which the value stands.
_COLUMNS: tuple[tuple[str, Callable[[HostRow], object], JustifyMethod], ...] = (
    ("host", lambda row: row.host, "left"),
    ("via", lambda row: row.via, "left"),
    ("state", lambda row: row.state, "left"),
    ("slots", lambda row: row.slots, "right"),
    ("jobs", lambda row: row.jobs, "right"),
    ("load", lambda row: None if row.load is None else f"{row.load:.2f}", "right"),
    ("free MiB", lambda row: row.free_memory_mib, "right"),
    ("run", lambda row: row.running_processes, "right"),
    ("ms", lambda row: None if row.answer_ms is None else f"{row.answer_ms:.0f}", "right"),
    ("compiled", lambda row: row.compiled, "right"),
)
_MORE_COLUMNS: tuple[tuple[str, Callable[[HostRow], object], JustifyMethod], ...] = (
    ("failed", lambda row: row.failed, "right"),
    ("refused", lambda row: row.refused, "right"),
    ("why", lambda row: row.reason, "left"),
)


def plain_lines(settings: Settings, answers: Answers) -> list[str]:
    """A heading, one line for each host however long it is, and lines about the plan."""
    columns = [*_COLUMNS, *_MORE_COLUMNS]
    table = [[name.replace(" ", "-") for name, _, _ in columns]]
    table += [[_cell(value(row)) for _, value, _ in columns] for row in _rows(settings, answers)]
    return [*aligned_lines(table, [justify for _, _, justify in columns]), "", *plan_lines(answers)]


def aligned_lines(table: Sequence[Sequence[str]], sides: Sequence[JustifyMethod]) -> list[str]:
    """The rows of a table, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [_aligned(cells, widths, sides) for cells in table]


def terminal_view(settings: Settings, answers: Answers) -> RenderableType:
    """A table that fits into 80 columns, then the notes, then lines about the plan."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name, _, justify in _COLUMNS:
        table.add_column(name, justify=justify, overflow="fold")
    for row in _rows(settings, answers):
        cells = [Text(_cell(value(row)), overflow="fold") for _, value, _ in _COLUMNS]
        cells[2].stylize("green" if row.state == USED else "bold red")
        table.add_row(*cells)
    notes = [Text(printable(note), overflow="fold") for note in note_lines(settings, answers)]
    plan = [Text(line, overflow="fold") for line in plan_lines(answers)]
    parts: list[Sequence[RenderableType]] = [[table], notes, plan]
    return Group(*_separated([part for part in parts if part]))


def note_lines(settings: Settings, answers: Answers) -> list[str]:
    """Why hosts are left out or get fewer jobs, each reason once; and jobs that workers did not compile."""
    rows = _rows(settings, answers)
    rejected = {rejection.host.text for rejection in answers.rejections}
    hosts_by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row.reason and row.host not in rejected:
            hosts_by_reason.setdefault(row.reason, []).append(row.host)
    lines = rejection_lines(answers.rejections)
    lines += [f"{enumerated(hosts)}: {reason}" for reason, hosts in hosts_by_reason.items()]
    for row in rows:
        counts = ((row.failed, "failed there"), (row.refused, "refused, for it was full"))
        told = [f"{count} {what}" for count, what in counts if count]
        if told:
            lines.append(f"{row.host}: since its distccd was started, {' and '.join(told)}")
    return lines


def plan_lines(answers: Answers) -> list[str]:
    """The local jobs, `-j` and `DISTCC_HOSTS` of a build that started now, or why it would be refused."""
    plan = answers.plan
    if plan is None:
        return [printable(answers.refusal.line)]
    summary = summarise(plan)
    if not plan.shares:
        summary += ": no worker is available"
    elif plan.limit:
        summary = limit_message(plan, plan.limit).line
    return [
        f"this machine: {_count(plan.local_jobs, 'local job')}, "
        f"{_count(plan.saturation_jobs, 'preprocessing job')}, "
        f"{_count(plan.local_slots, 'slot')} for what cannot be distributed",
        printable(summary),
        f"DISTCC_HOSTS={distcc_hosts(plan)}",
    ]


def _rows(settings: Settings, answers: Answers) -> list[HostRow]:
    return [*host_rows(settings, answers.results, answers.plan), *bad_entry_rows(settings)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cell(value: object) -> str:
    return _UNKNOWN if value in (None, "") else printable(str(value))


def _aligned(cells: Sequence[str], widths: Sequence[int], sides: Sequence[JustifyMethod]) -> str:
    words = [
        cell.rjust(width) if side == "right" else cell.ljust(width)
        for cell, width, side in zip(cells, widths, sides, strict=True)
    ]
    return _GAP.join(words).rstrip()


def _separated(parts: Sequence[Sequence[RenderableType]]) -> list[RenderableType]:
    """All parts, with an empty line between two parts."""
    found: list[RenderableType] = []
    for part in parts:
        found += [*([Text("")] if found else []), *part]
    return found

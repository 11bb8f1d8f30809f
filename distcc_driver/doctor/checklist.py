"""The doctor's steps as people see them: under headings on a terminal, else a line for each.

Names and words come from outside: they are never read as markup, and what is not printable is escaped.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..machine.log import printable
from .steps import Result, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from .steps import Step

_MARKS = {Result.OK: "\N{CHECK MARK}", Result.WARNING: "!", Result.PROBLEM: "\N{BALLOT X}"}
_STYLES = {Result.OK: "green", Result.WARNING: "bold yellow", Result.PROBLEM: "bold red"}
_WIDTH = max(len(result.value) for result in Result)


def plain_lines(steps: Sequence[Step], is_known: bool) -> list[str]:
    """One line for each step, whatever its width, and the result of all, as `conclusion` has it."""
    lines = [f"{step.result.value:{_WIDTH}}  {step.part}: {_sentence(step)}" for step in steps]
    return [*lines, "", conclusion(steps, is_known)]


def terminal_view(steps: Sequence[Step], is_known: bool, has_marks: bool) -> RenderableType:
    """Steps below the headings of their parts; `has_marks` where the terminal has more than ASCII."""
    parts: list[RenderableType] = []
    for part, group in groupby(steps, lambda step: step.part):
        parts += [Text(part, style="bold"), _grid(list(group), has_marks)]
    result = worst(steps)
    return Group(*parts, Text(), Text(conclusion(steps, is_known), style=_STYLES[result]))


def conclusion(steps: Sequence[Step], is_known: bool) -> str:
    """What all steps come to, in one line; `is_known` if the build's own commands were read."""
    counts = {result: sum(step.result is result for step in steps) for result in Result}
    found = [_count(counts[result], result.value) for result in (Result.PROBLEM, Result.WARNING)]
    found = [text for text in found if text]
    if found:
        return f"found: {' and '.join(found)}"
    if is_known:
        return "all is well: a build would be distributed as the host list says"
    return (
        "nothing is wrong, but the commands of the build cannot be told: "
        "in a build with DISTCC_VERBOSE=1, distcc says of each file where it compiles, and why"
    )


def _count(number: int, word: str) -> str:
    if not number:
        return ""
    return f"1 {word}" if number == 1 else f"{number} {word}s"


def _grid(steps: Sequence[Step], has_marks: bool) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for step in steps:
        mark = f"{_MARKS[step.result]} " if has_marks else ""
        head = Text(f"  {mark}{step.result.value:{_WIDTH}}", style=_STYLES[step.result])
        grid.add_row(head, _body(step))
    return grid


def _body(step: Step) -> Text:
    body = Text(f"{printable(step.subject)}: {printable(step.text)}", overflow="fold")
    body.stylize("bold", 0, len(printable(step.subject)))
    if step.advice:
        body.append(f"\nto do: {printable(step.advice)}", style="italic")
    return body


def _sentence(step: Step) -> str:
    text = f"{step.subject}: {step.text}"
    return printable(f"{text}; {step.advice}" if step.advice else text)

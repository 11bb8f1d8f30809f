"""The findings as text: below headings on a terminal, elsewhere one plain line for each.

Names and messages come from outside. They are never read as markup, and unprintable characters are escaped.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..machine.log import printable
from .findings.finding import Result, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from .findings.finding import Finding

_MARKS = {Result.OK: "\N{CHECK MARK}", Result.WARNING: "!", Result.PROBLEM: "\N{BALLOT X}"}
_STYLES = {Result.OK: "green", Result.WARNING: "bold yellow", Result.PROBLEM: "bold red"}
_WIDTH = max(len(result.value) for result in Result)


def plain_lines(findings: Sequence[Finding], has_commands: bool) -> list[str]:
    """One line for each finding, however long it is, then a blank line and the conclusion."""
    lines = [f"{finding.result.value:{_WIDTH}}  {finding.part}: {_sentence(finding)}" for finding in findings]
    return [*lines, "", conclusion(findings, has_commands)]


def terminal_view(findings: Sequence[Finding], has_commands: bool, has_marks: bool) -> RenderableType:
    """The findings below the headings of their parts; with `has_marks` a sign in front of each result.

    The signs are not ASCII, so not every terminal can show them.
    """
    parts: list[RenderableType] = []
    for part, group in groupby(findings, lambda finding: finding.part):
        parts += [Text(part, style="bold"), _grid(list(group), has_marks)]
    result = worst(findings)
    return Group(*parts, Text(), Text(conclusion(findings, has_commands), style=_STYLES[result]))


def conclusion(findings: Sequence[Finding], has_commands: bool) -> str:
    """All findings in one line; `has_commands` tells whether the compile commands of the build are known."""
    counts = {result: sum(finding.result is result for finding in findings) for result in Result}
    found = [_count(counts[result], result.value) for result in (Result.PROBLEM, Result.WARNING)]
    found = [text for text in found if text]
    if found:
        return f"found: {' and '.join(found)}"
    if has_commands:
        return "all is well: a build would be distributed as the host list says"
    return (
        "nothing is wrong, but the compile commands of the build are not known: "
        "build with DISTCC_VERBOSE=1, and distcc says where it compiles each file, and why"
    )


def _count(number: int, word: str) -> str:
    if not number:
        return ""
    return f"1 {word}" if number == 1 else f"{number} {word}s"


def _grid(findings: Sequence[Finding], has_marks: bool) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        mark = f"{_MARKS[finding.result]} " if has_marks else ""
        head = Text(f"  {mark}{finding.result.value:{_WIDTH}}", style=_STYLES[finding.result])
        grid.add_row(head, _body(finding))
    return grid


def _body(finding: Finding) -> Text:
    body = Text(f"{printable(finding.subject)}: {printable(finding.text)}", overflow="fold")
    body.stylize("bold", 0, len(printable(finding.subject)))
    if finding.advice:
        body.append(f"\nto do: {printable(finding.advice)}", style="italic")
    return body


def _sentence(finding: Finding) -> str:
    text = f"{finding.subject}: {finding.text}"
    return printable(f"{text}; {finding.advice}" if finding.advice else text)

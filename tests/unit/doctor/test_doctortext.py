"""The conclusion of the doctor, and its plain lines."""

from __future__ import annotations

from distcc_driver.doctor.doctortext import conclusion, plain_lines
from distcc_driver.doctor.findings.finding import Finding, Result


def test_conclusion_counts_warnings_and_problems() -> None:
    findings = [
        Finding("p", ("s",), result, "t") for result in (Result.WARNING, Result.PROBLEM, Result.WARNING)
    ]
    assert conclusion(findings, has_commands=True) == "found: 1 problem and 2 warnings"
    assert conclusion(findings[:1], has_commands=False) == "found: 1 warning"
    assert conclusion([], has_commands=True).startswith("all is well: ")


def test_conclusion_without_known_compile_commands() -> None:
    assert conclusion([], has_commands=False).startswith("nothing is wrong, but ")


def test_plain_lines_escape_unprintable_characters() -> None:
    [line, *_] = plain_lines(
        [Finding("p", ("a\nb",), Result.OK, "\x1b[2J", "do \u202e it")], has_commands=True
    )
    assert line == "ok       p: a\\nb: \\x1b[2J; do \\u202e it"

"""Findings that are united, and their subjects and results."""

from __future__ import annotations

from distcc_driver.doctor.findings import Finding, Result, merged, worst


def test_worst_result_counts() -> None:
    findings = [Finding("p", ("s",), result, "t") for result in (Result.OK, Result.PROBLEM, Result.WARNING)]
    assert worst(findings) is Result.PROBLEM
    assert worst(findings[:1]) is Result.OK
    assert worst([]) is Result.OK


def test_steps_that_say_the_same_become_one_in_the_place_of_the_first() -> None:
    findings = [Finding("p", (name,), Result.OK, text) for name, text in [("a", "x"), ("b", "y"), ("c", "x")]]
    assert [(finding.subject, finding.text) for finding in merged(findings)] == [("a, c", "x"), ("b", "y")]


def test_many_subjects_are_counted() -> None:
    finding = Finding("p", tuple(map(str, range(10))), Result.OK, "t")
    assert finding.subject == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"

"""The worst of several findings, and findings that become one."""

from __future__ import annotations

from distcc_driver.doctor.findings.finding import Finding, Result, merged, worst


def test_worst_of_several_results() -> None:
    findings = [Finding("p", ("s",), result, "t") for result in (Result.OK, Result.PROBLEM, Result.WARNING)]
    assert worst(findings) is Result.PROBLEM
    assert worst(findings[:1]) is Result.OK
    assert worst([]) is Result.OK


def test_findings_with_the_same_text_become_one_at_the_place_of_the_first() -> None:
    findings = [Finding("p", (name,), Result.OK, text) for name, text in [("a", "x"), ("b", "y"), ("c", "x")]]
    assert [(finding.subject, finding.text) for finding in merged(findings)] == [("a, c", "x"), ("b", "y")]


def test_only_the_first_subjects_are_named() -> None:
    finding = Finding("p", tuple(map(str, range(10))), Result.OK, "t")
    assert finding.subject == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"

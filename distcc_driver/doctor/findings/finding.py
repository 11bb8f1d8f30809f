"""A finding: one line of the doctor, with its result and its advice. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from ...core.wording import enumerated

if TYPE_CHECKING:
    from collections.abc import Iterable

# The headings of findings, in the order of the doctor.
CLIENT = "distcc client"
COMPILERS = "compilers"
BUILD_DIRECTORY = "build directory"
HOST_LIST = "host list"
WORKERS = "workers"
PLAN = "plan"
TRIALS = "trial compilations"


class Result(str, Enum):
    """How bad a finding is, the least bad first: `worst` relies on the order."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what it found, and what the user can do about it ("" if nothing).

    `part` is the heading above the line. `subjects` are what the line is about, such as hosts.
    """

    part: str
    subjects: tuple[str, ...]
    result: Result
    text: str
    advice: str = ""

    @property
    def subject(self) -> str:
        """The subjects as one text, which names the first few and counts the others."""
        return enumerated(self.subjects)


def in_build_directory(directory: str, result: Result, text: str, advice: str = "") -> Finding:
    """A finding about a build directory."""
    return Finding(BUILD_DIRECTORY, (directory,), result, text, advice)


def worst(findings: Iterable[Finding]) -> Result:
    """The worst result of all findings; OK if there are no findings."""
    order = list(Result)
    return max((finding.result for finding in findings), key=order.index, default=Result.OK)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with those that differ only in their subjects united at the place of the first."""
    found: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        key = (finding.part, finding.result, finding.text, finding.advice)
        before = found.get(key)
        found[key] = replace(before, subjects=before.subjects + finding.subjects) if before else finding
    return list(found.values())

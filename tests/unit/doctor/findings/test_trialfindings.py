"""Findings about trials that compiled, that failed, and that made another object file than this machine."""

from __future__ import annotations

import pytest

from distcc_driver.doctor.findings.finding import Result
from distcc_driver.doctor.findings.trialfindings import local_findings, trial_findings
from distcc_driver.doctor.trials.objectfile import ObjectFile
from distcc_driver.doctor.trials.trial import Trial, TrialOutcome
from distcc_driver.machine.compilers import Command, Kind

from ...samples import worker_of

GCC = Command(("gcc",), Kind.COMPILER, "/usr/bin/gcc", ("gcc",), "/usr/bin/gcc-12")
GXX = Command(("g++",), Kind.COMPILER, "/usr/bin/g++", ("g++",), "/usr/bin/g++-12")
HERE = ObjectFile("x86-64", "GCC: (Debian) 12.2.0")
LOCAL = [Trial(None, command, TrialOutcome.COMPILED, object_file=HERE) for command in (GCC, GXX)]


def trial_of(
    name: str,
    command: Command = GCC,
    outcome: TrialOutcome = TrialOutcome.COMPILED,
    object_file: ObjectFile | None = HERE,
    message: str = "",
) -> Trial:
    return Trial(worker_of(name), command, outcome, f"x-{command.compiler[0]}", 12.4, object_file, message)


def said(*trials: Trial) -> list[str]:
    """Result, subject and text of each finding about trials."""
    return [
        f"{finding.result.value} {finding.subject}: {finding.text}"
        for finding in trial_findings(trials, LOCAL, 15)
    ]


def test_compilers_with_the_same_result_share_a_line() -> None:
    assert said(trial_of("a"), trial_of("a", GXX)) == [
        "ok a: compiles with gcc, g++ in 12 ms, 12 ms; GCC 12.2.0 as here"
    ]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("GCC: (Ubuntu) 11.4.0", "compiles with GCC 11.4.0, this machine has 12.2.0 (gcc)"),
        ("clang version 14.0.6", "compiles with clang 14.0.6, this machine has GCC 12.2.0 (gcc)"),
        ("Odd", "compiles with Odd, this machine has GCC 12.2.0 (gcc)"),
        (None, "compiles with an unknown compiler, this machine has GCC 12.2.0 (gcc)"),
    ],
)
def test_compiler_of_another_version(comment: str | None, expected: str) -> None:
    assert said(trial_of("a", object_file=ObjectFile("x86-64", comment))) == [f"warning a: {expected}"]


def test_same_version_of_another_distribution() -> None:
    [line] = said(trial_of("a", object_file=ObjectFile("x86-64", "GCC: (Ubuntu 12.2.0-3) 12.2.0")))
    assert line.startswith("ok a: ")


def test_unreadable_object_of_this_machine() -> None:
    """Then there is nothing to compare the object files of workers with."""
    (finding,) = trial_findings(
        [trial_of("a", object_file=None)], [Trial(None, GCC, TrialOutcome.COMPILED)], 15
    )
    assert (finding.result, finding.text) == (
        Result.OK,
        "compiles with gcc in 12 ms; its version cannot be compared",
    )


def test_unreadable_object_of_a_worker_is_a_problem() -> None:
    assert said(trial_of("a", object_file=None)) == [
        "problem a: returns something that is not an object file (gcc)"
    ]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (TrialOutcome.MISSING, "compiler missing there: x-gcc (asked for by distcc in place of gcc)"),
        (
            TrialOutcome.NOT_ALLOWED,
            "compiler not allowed there, it hangs up without an answer: x-gcc (asked for",
        ),
        (TrialOutcome.HUNG, "takes a job and does not finish it within 15 s (gcc)"),
        (TrialOutcome.UNREACHABLE, "job port: because"),
        (TrialOutcome.NOT_SENT, "distcc does not send this command to workers (gcc)"),
        (TrialOutcome.FAILED, "gcc fails there: because"),
    ],
)
def test_failed_trial(outcome: TrialOutcome, expected: str) -> None:
    [line] = said(trial_of("a", outcome=outcome, object_file=None, message="because"))
    assert line.startswith(f"problem a: {expected}")


def test_workers_with_the_same_failure_share_a_line() -> None:
    trials = [trial_of(name, outcome=TrialOutcome.MISSING, object_file=None) for name in ("a", "b")]
    [line] = said(*trials)
    assert line.startswith("problem a, b: ")


def test_compiler_that_fails_on_this_machine() -> None:
    [finding] = local_findings([Trial(None, GCC, TrialOutcome.FAILED, message="no licence"), LOCAL[1]])
    assert (finding.subject, finding.text) == ("gcc", "compiles nothing on this machine: no licence")


def test_advice_about_options_only_for_a_compiler_with_options() -> None:
    native = Command(("gcc", "-x"), Kind.COMPILER, "/usr/bin/gcc", ("gcc", "-x"), "/usr/bin/gcc-12")
    findings = local_findings(
        [Trial(None, command, TrialOutcome.FAILED, message="no") for command in (GCC, native)]
    )
    assert [finding.advice for finding in findings] == [
        "install or repair the compiler here",
        "correct its options, or repair the compiler here",
    ]

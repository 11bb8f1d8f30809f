"""What the doctor says of facts, without any machine that has them."""

from __future__ import annotations

import pytest

from distcc_driver.commands.rows import LEFT_OUT, USED, HostRow
from distcc_driver.commands.survey import Answers
from distcc_driver.core.balance import Limit, Plan, Share
from distcc_driver.doctor.checklist import conclusion, plain_lines
from distcc_driver.doctor.steps import (
    Result,
    Step,
    client_step,
    compiler_steps,
    host_steps,
    merged,
    plan_step,
    setting_step,
    tree_steps,
    worst,
)
from distcc_driver.doctor.trees.buildcommands import Configured
from distcc_driver.doctor.trees.buildtree import BuildTree, System
from distcc_driver.doctor.trials.objectfile import ObjectFile
from distcc_driver.doctor.trials.trial import DEADLINE_S, Trial, TrialOutcome, deadline_s
from distcc_driver.doctor.trialsteps import local_steps, trial_steps
from distcc_driver.machine.compilers import Command, Kind, Obstacle

from ..samples import worker_of

GCC = Command(("gcc",), Kind.COMPILER, "/usr/bin/gcc", ("gcc",), "/usr/bin/gcc-12")
GXX = Command(("g++",), Kind.COMPILER, "/usr/bin/g++", ("g++",), "/usr/bin/g++-12")
HERE = ObjectFile("x86-64", "GCC: (Debian) 12.2.0")


def trial_of(
    name: str,
    command: Command = GCC,
    outcome: TrialOutcome = TrialOutcome.COMPILED,
    made: ObjectFile | None = HERE,
    words: str = "",
) -> Trial:
    return Trial(worker_of(name), command, outcome, f"x-{command.compiler[0]}", 12.4, made, words)


LOCAL = [Trial(None, command, TrialOutcome.COMPILED, made=HERE) for command in (GCC, GXX)]


def said(*trials: Trial) -> list[str]:
    """Result, subject and text of each step about trials."""
    return [f"{step.result.value} {step.subject}: {step.text}" for step in trial_steps(trials, LOCAL, 15)]


def test_worst_result_counts() -> None:
    steps = [Step("p", ("s",), result, "t") for result in (Result.OK, Result.PROBLEM, Result.WARNING)]
    assert worst(steps) is Result.PROBLEM
    assert worst(steps[:1]) is Result.OK
    assert worst([]) is Result.OK


def test_steps_that_say_the_same_become_one_in_the_place_of_the_first() -> None:
    steps = [Step("p", (name,), Result.OK, text) for name, text in [("a", "x"), ("b", "y"), ("c", "x")]]
    assert [(step.subject, step.text) for step in merged(steps)] == [("a, c", "x"), ("b", "y")]


def test_many_subjects_are_counted() -> None:
    step = Step("p", tuple(map(str, range(10))), Result.OK, "t")
    assert step.subject == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"


def test_client() -> None:
    assert client_step("/usr/bin/distcc", "3.4").result is Result.OK
    assert client_step("/bin/distcc", None).result is Result.PROBLEM
    assert client_step(None, None).text == "not found on PATH"


def test_plain_compilers_do_not_matter_to_a_build_directory_that_calls_distcc() -> None:
    [step] = compiler_steps([GCC, GXX], {}, is_tree_distributed=False)
    assert (step.subject, step.result) == ("gcc, g++", Result.WARNING)
    [step] = compiler_steps([GCC, GXX], {}, is_tree_distributed=True)
    assert step.result is Result.OK


def test_no_compiler_at_all() -> None:
    [step] = compiler_steps([], {}, is_tree_distributed=True)
    assert step.result is Result.PROBLEM


def test_masquerade_without_a_compiler() -> None:
    command = Command(("gcc",), Kind.DISTCC, "/usr/lib/distcc/gcc", ("gcc",), None)
    [step] = compiler_steps([command], {}, is_tree_distributed=False)
    assert (step.result, "no compiler is behind it" in step.text) == (Result.PROBLEM, True)


def test_distcc_and_ccache_in_each_others_way() -> None:
    words = ("distcc", "ccache", "gcc")
    command = Command(
        words, Kind.DISTCC, "/usr/bin/distcc", words[1:], "/usr/bin/gcc-12", Obstacle.NO_COMPILER
    )
    [step] = compiler_steps([command], {}, is_tree_distributed=False)
    assert (step.result, step.text.partition(" ")[0]) == (Result.WARNING, "distcc")
    assert "ccache comes in front" in step.advice
    configured = Configured("CC", ("gcc",))
    tree = BuildTree("d", System.AUTOTOOLS, "config.log", compilers=(configured,))
    [step] = tree_steps(tree, [command])
    assert step.result is Result.WARNING
    assert step.text.startswith(
        "configured with distcc ccache gcc (CC in config.log): distcc is told to run ccache"
    )


def test_script_and_ccache_that_call_distcc() -> None:
    script = Command(("cc",), Kind.SCRIPT, "/opt/bin/cc", ("cc",), "/usr/bin/gcc-12")
    [step] = compiler_steps([script], {}, is_tree_distributed=False)
    assert step.text == "script in /opt/bin that names distcc, compiler in /usr/bin"
    ccache = Command(("ccache", "gcc"), Kind.CCACHE, "/usr/bin/ccache", ("/usr/bin/gcc",), "/usr/bin/gcc-12")
    [step] = compiler_steps([ccache], {"CCACHE_PREFIX": "distcc"}, is_tree_distributed=False)
    assert step.text.endswith(", which distcc_build has call distcc (CCACHE_PREFIX)")


def test_sources_without_any_build_directory() -> None:
    [step] = tree_steps(BuildTree("d", System.NONE, unconfigured="configure"), [])
    assert step.text == "configure, not configured yet: only the compilers above count"


def test_build_that_would_be_refused() -> None:
    step = plan_step(Answers([], [], [], None, "no job at all; set something"))
    assert (step.result, step.text, step.advice) == (Result.PROBLEM, "no job at all", "set something")


def test_build_directory_that_cannot_be_told_is_no_finding() -> None:
    [step] = tree_steps(BuildTree("d", System.MAKE, "Makefile", unknown="it is odd"), [])
    assert step.result is Result.OK
    assert "cannot be told without running it, it is odd" in step.text


@pytest.mark.parametrize(
    ("directory", "names", "text", "advice"),
    [
        (".", ["build"], "configured in build", "run distcc-driver doctor --build-dir build"),
        ("/s c", ["a", "b"], "configured in a, b", "run distcc-driver doctor --build-dir '/s c/a'"),
        (".", list("abcde"), "configured in a, b, c and 2 more", "run distcc-driver doctor --build-dir a"),
    ],
)
def test_sources_with_a_build_directory_below(
    directory: str, names: list[str], text: str, advice: str
) -> None:
    tree = BuildTree(directory, System.NONE, unconfigured="CMakeLists.txt", configured=tuple(names))
    [step] = tree_steps(tree, [])
    assert (step.result, step.advice) == (Result.WARNING, advice)
    assert step.text == f"CMakeLists.txt, {text}"


def test_build_directory_whose_compiler_has_gone() -> None:
    configured = Configured("CMAKE_C_COMPILER", ("/opt/cc",))
    tree = BuildTree("d", System.CMAKE, "CMakeCache.txt", compilers=(configured,))
    [step] = tree_steps(tree, [Command(("/opt/cc",), Kind.MISSING, None, ("/opt/cc",), None)])
    assert (step.result, "which is not there" in step.text) == (Result.PROBLEM, True)


def test_hosts_left_out_for_the_same_cause_share_a_line() -> None:
    rows = [
        HostRow("a", "tcp", LEFT_OUT, "it is down", "start it"),
        HostRow("b", "tcp", USED, slots=4, jobs=4, answer_ms=3.2),
        HostRow("c", "tcp", LEFT_OUT, "it is down", "start it"),
        HostRow("d", "ssh", USED, slots=8, jobs=2, fewer_jobs="2 jobs for 8 slots: little memory"),
    ]
    assert [(step.subject, step.text, step.advice) for step in host_steps(rows)] == [
        ("a, c", "left out: it is down", "start it"),
        (
            "b",
            "used, reached by tcp, 4 jobs for 4 slots, load unknown, free memory unknown, answered in 3 ms",
            "",
        ),
        (
            "d",
            "used, reached by ssh, 2 jobs for 8 slots: little memory, load unknown, free memory unknown, "
            "answered in 0 ms",
            "",
        ),
    ]


def test_setting_without_effect() -> None:
    step = setting_step("DISTCC_AUTO_X: no such variable, ignored; did you mean DISTCC_AUTO_HOSTS?")
    assert (step.subject, step.text) == ("DISTCC_AUTO_X", "no such variable, ignored")
    assert step.advice == "did you mean DISTCC_AUTO_HOSTS?"


def test_trials_of_a_worker_that_went_alike_share_a_line() -> None:
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
def test_other_versions(comment: str | None, expected: str) -> None:
    assert said(trial_of("a", made=ObjectFile("x86-64", comment))) == [f"warning a: {expected}"]


def test_version_of_another_distribution_is_the_same() -> None:
    [line] = said(trial_of("a", made=ObjectFile("x86-64", "GCC: (Ubuntu 12.2.0-3) 12.2.0")))
    assert line.startswith("ok a: ")


def test_object_that_cannot_be_read_is_not_compared() -> None:
    """Not even the one that was made here."""
    (step,) = trial_steps([trial_of("a", made=None)], [Trial(None, GCC, TrialOutcome.COMPILED)], 15)
    assert (step.result, step.text) == (
        Result.OK,
        "compiles with gcc in 12 ms; its version cannot be compared",
    )


def test_what_is_no_object_where_there_should_be_one_is_a_problem() -> None:
    assert said(trial_of("a", made=None)) == ["problem a: returns what is no object file (gcc)"]


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
        (TrialOutcome.NOT_SENT, "distcc sends no such compilation to a worker (gcc)"),
        (TrialOutcome.FAILED, "gcc fails there: because"),
    ],
)
def test_failures(outcome: TrialOutcome, expected: str) -> None:
    [line] = said(trial_of("a", outcome=outcome, made=None, words="because"))
    assert line.startswith(f"problem a: {expected}")


def test_workers_with_the_same_failure_share_a_line() -> None:
    trials = [trial_of(name, outcome=TrialOutcome.MISSING, made=None) for name in ("a", "b")]
    [line] = said(*trials)
    assert line.startswith("problem a, b: ")


def test_advice_about_a_compiler_that_fails_here_fits_its_command() -> None:
    native = Command(("gcc", "-x"), Kind.COMPILER, "/usr/bin/gcc", ("gcc", "-x"), "/usr/bin/gcc-12")
    steps = local_steps([Trial(None, command, TrialOutcome.FAILED, words="no") for command in (GCC, native)])
    assert [step.advice for step in steps] == [
        "install or repair the compiler here",
        "correct its options, or repair the compiler here",
    ]


def test_limit_of_this_machine_comes_with_its_own_advice() -> None:
    share = Share(worker_of("a"), 4)
    plan = Plan([share], [], 2, 0, 0, limit=Limit(3, "few processes", "raise ulimit -u"))
    step = plan_step(Answers([], [], [], plan, ""))
    assert (step.result, step.advice) == (Result.WARNING, "raise ulimit -u")
    assert step.text.endswith(", cut to 3: few processes")


def test_compiler_that_fails_here() -> None:
    [step] = local_steps([Trial(None, GCC, TrialOutcome.FAILED, words="no licence"), LOCAL[1]])
    assert (step.subject, step.text) == ("gcc", "compiles nothing on this machine: no licence")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", DEADLINE_S), ("3", 3), ("0", DEADLINE_S), ("-1", DEADLINE_S), ("x", DEADLINE_S), ("²", DEADLINE_S)],
)
def test_deadline(text: str, expected: int) -> None:
    assert deadline_s({"DISTCC_IO_TIMEOUT": text}) == expected


def test_deadline_that_is_no_time() -> None:
    assert deadline_s({"DISTCC_IO_TIMEOUT": "9" * 5000}) == DEADLINE_S


def test_conclusion_counts() -> None:
    steps = [Step("p", ("s",), result, "t") for result in (Result.WARNING, Result.PROBLEM, Result.WARNING)]
    assert conclusion(steps, is_known=True) == "found: 1 problem and 2 warnings"
    assert conclusion(steps[:1], is_known=False) == "found: 1 warning"
    assert conclusion([], is_known=True).startswith("all is well: ")


def test_not_all_is_well_where_nobody_knows_what_the_build_calls() -> None:
    assert conclusion([], is_known=False).startswith("nothing is wrong, but ")


def test_plain_lines_escape_what_is_not_printable() -> None:
    [line, *_] = plain_lines([Step("p", ("a\nb",), Result.OK, "\x1b[2J", "do \u202e it")], is_known=True)
    assert line == "ok       p: a\\nb: \\x1b[2J; do \\u202e it"

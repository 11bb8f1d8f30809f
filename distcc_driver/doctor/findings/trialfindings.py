"""Findings about trial compilations, on this machine and on workers. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ..trials.objectfile import compiler_version
from ..trials.trial import TrialOutcome
from ..trials.trialenviron import NO_REWRITE
from .finding import TRIALS, Finding, Result, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...machine.compilers import Command
    from ..trials.trial import Trial

_REPAIR = "install or repair the compiler here"
_REPAIR_OPTIONS = "correct its options, or repair the compiler here"


def untried_findings(commands: Sequence[Command]) -> list[Finding]:
    """Findings about compilers of a build directory that are not run: its files may name any program."""
    return [
        Finding(
            TRIALS,
            (command.text,),
            Result.OK,
            "not tried, because it is neither a compiler on PATH nor one of this system",
            f"to try it all the same, add --compiler {shlex.quote(command.text)}",
        )
        for command in commands
    ]


def local_findings(trials: Sequence[Trial]) -> list[Finding]:
    """Findings about compilers that fail on this machine already."""
    return [
        Finding(
            TRIALS,
            (trial.command.text,),
            Result.PROBLEM,
            f"compiles nothing on this machine: {trial.message or 'it does not end in time'}",
            _REPAIR_OPTIONS if len(trial.command.compiler) > 1 else _REPAIR,
        )
        for trial in trials
        if trial.outcome is not TrialOutcome.COMPILED
    ]


_WITH_MESSAGE = (TrialOutcome.FAILED, TrialOutcome.UNREACHABLE, TrialOutcome.HUNG_UP)


def trial_findings(trials: Sequence[Trial], local: Sequence[Trial], deadline_s: int) -> list[Finding]:
    """Findings about every worker: one line for all compilers that ended alike on it.

    `local` are the trials on this machine, which the trials on workers are compared with.
    """
    here = {trial.command: trial for trial in local}
    by_worker: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.worker is not None:
            by_worker.setdefault(trial.worker.endpoint.host.text, []).append(trial)
    findings = []
    for name, group in by_worker.items():
        by_ending: dict[tuple[str, ...], list[Trial]] = {}
        for trial in group:
            by_ending.setdefault(_ending(trial, here[trial.command]), []).append(trial)
        for ending, alike in by_ending.items():
            findings.append(_trial_finding(name, ending, alike, deadline_s))
    return merged(findings)


def _ending(trial: Trial, local: Trial) -> tuple[str, ...]:
    """How a trial ended, as a key: trials with the same key share a line."""
    if trial.outcome is TrialOutcome.RENAMED:
        return trial.outcome.value, trial.added_target
    if trial.outcome is not TrialOutcome.COMPILED:
        return trial.outcome.value, trial.message if trial.outcome in _WITH_MESSAGE else ""
    if local.object_file is None:
        return "unread", ""
    if trial.object_file is None:
        return "garbage", ""
    if trial.object_file.architecture != local.object_file.architecture:
        return "architecture", trial.object_file.architecture, local.object_file.architecture
    there, this = _version(trial), _version(local)
    return ("same", there) if there == this else ("version", there, this)


def _version(trial: Trial) -> str:
    comment = trial.object_file.compiler if trial.object_file else None
    return "an unknown compiler" if comment is None else " ".join(compiler_version(comment)).rstrip()


def _trial_finding(name: str, ending: tuple[str, ...], trials: Sequence[Trial], deadline_s: int) -> Finding:
    result, text, advice = _sentence(ending, trials, deadline_s)
    return Finding(TRIALS, (name,), result, text, advice)


def _sentence(ending: tuple[str, ...], trials: Sequence[Trial], deadline_s: int) -> tuple[Result, str, str]:
    """Result, text and advice for trials that ended alike."""
    compilers = ", ".join(shlex.join(trial.command.compiler) for trial in trials)
    kind, *details = ending
    if kind in ("same", "unread"):
        times = ", ".join(f"{trial.elapsed_ms or 0:.0f} ms" for trial in trials)
        like = f"{details[0]} as here" if kind == "same" else "its version cannot be compared"
        return Result.OK, f"compiles with {compilers} in {times}; {like}", ""
    if kind == "garbage":
        text = f"returns something that is not an object file ({compilers})"
        return Result.PROBLEM, text, "take it off the list until its owner has repaired it"
    if kind == "version":
        there, this = details
        this = this.removeprefix(there.partition(" ")[0] + " ")
        text = f"compiles with {there}, this machine has {this} ({compilers})"
        return Result.WARNING, text, "install the same version on both"
    if kind == "architecture":
        text = f"compiles for {details[0]}, this machine for {details[1]} ({compilers})"
        advice = "take it off the list, or install a cross compiler of this name there"
        return Result.PROBLEM, text, advice
    text, advice = _failure(TrialOutcome(kind), details[0], compilers, trials, deadline_s)
    return Result.PROBLEM, text, advice


def _failure(
    outcome: TrialOutcome, message: str, compilers: str, trials: Sequence[Trial], deadline_s: int
) -> tuple[str, str]:
    """Text and advice for trials that made no object file."""
    asked = ", ".join(dict.fromkeys(trial.sent for trial in trials))
    if outcome is TrialOutcome.RENAMED:
        return _renamed(message, asked, compilers)
    asked = asked if asked == compilers else f"{asked} (asked for by distcc in place of {compilers})"
    if outcome in _HANG_UPS:
        text, advice = _HANG_UPS[outcome]
        return text.format(asked if outcome is TrialOutcome.NOT_ALLOWED else compilers), advice
    if outcome is TrialOutcome.FAILED:
        return f"{compilers} fails there: {message}", _failure_advice(message)
    if outcome is TrialOutcome.HUNG_UP and message:
        return (
            f"hung up {message} ({compilers})",
            "run the doctor again, and read the log of that distccd if it hangs up again",
        )
    sentences = {
        TrialOutcome.MISSING: (
            f"compiler missing there: {asked}",
            "install the same compiler as here, and run update-distcc-symlinks there",
        ),
        TrialOutcome.HUNG_UP: (
            f"hangs up without an answer ({compilers})",
            "read its log: it may not allow the compiler or this client, or have no room for files",
        ),
        TrialOutcome.HUNG: (
            f"takes a job and does not finish it within {deadline_s} s ({compilers})",
            "see whether its temporary directory has inodes left (df -i), and restart distccd there; "
            "DISTCC_IO_TIMEOUT sets another time",
        ),
        TrialOutcome.UNREACHABLE: (f"job port: {message}", "does distccd still run there?"),
        TrialOutcome.NOT_SENT: (
            f"distcc does not send this command to workers ({compilers})",
            "leave out the option that ties it to this machine, such as -march=native",
        ),
    }
    return sentences[outcome]


# Text, in which {} stands for the compilers, and advice.
_HANG_UPS = {
    TrialOutcome.NOT_ALLOWED: (
        "compiler not allowed there, it hangs up without an answer: {}",
        "run update-distcc-symlinks there, or add it to DISTCC_CMDLIST there; its log tells more",
    ),
    TrialOutcome.NOT_STORED: (
        "cannot write the files of a job, and hangs up ({})",
        "let that distccd write to its temporary directory (its TMPDIR, else /tmp), and check its quotas",
    ),
    TrialOutcome.NO_ROOM: (
        "has no room for the files of a job ({})",
        "free some there (TMPDIR of that distccd, else /tmp)",
    ),
    TrialOutcome.DROPPED: (
        "accepts a job, and drops it ({})",
        "its log tells why: the process for the job was killed, or --allow refuses this client",
    ),
    TrialOutcome.ELSEWHERE: (
        "hangs up, and its distccd has seen no job: the job port leads elsewhere ({})",
        "check the proxy or tunnel in between, or correct the ports of the entry",
    ),
}
_FAILURE_ADVICE = (
    (
        r"unrecognized|unknown (?:argument|option)|invalid value|bad value|unsupported option",
        "install the version there that this machine has, or leave the option out",
    ),
    (r"takes too long", "raise --job-lifetime of distccd there"),
    (r"No space left|Disk quota", "free some there (TMPDIR of that distccd, else /tmp)"),
    (
        r"Killed|out of memory|Cannot allocate|memory exhausted|Segmentation fault",
        "give it memory there (the kernel's log, ulimit -v, the cgroup of distccd), or repair that compiler",
    ),
)


def _failure_advice(message: str) -> str:
    """The advice about a compiler that fails with this message."""
    return next(
        (advice for pattern, advice in _FAILURE_ADVICE if re.search(pattern, message)),
        "repair that compiler there",
    )


def _renamed(added_target: str, asked: str, compilers: str) -> tuple[str, str]:
    """Text and advice about a worker that fails only with the command that distcc made of the build's."""
    if added_target:
        text = f"compiles with {compilers} as here, but distcc adds -target {added_target}"
        return text, f"set {NO_REWRITE}=1, so that distcc leaves the command as it is"
    text = f"compiles with {compilers}, but distcc asks it for {asked}, which does not work there"
    return text, f"set {NO_REWRITE}=1, so that distcc asks for {compilers}"

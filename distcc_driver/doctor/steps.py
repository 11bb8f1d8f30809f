"""What the doctor has to say of each thing that it looked at: facts to `Step`. Pure."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from ..commands.rows import USED
from ..core.wording import enumerated, summarise
from ..machine.compilers import Kind
from .commandtexts import leads_to, nature, to_distcc, trouble, wrapped
from .trees.buildtree import System
from .trees.makefile import RECIPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..commands.rows import HostRow
    from ..commands.survey import Answers
    from ..core.hostspec import BadEntry
    from ..machine.compilers import Command
    from .trees.buildcommands import Configured
    from .trees.buildtree import BuildTree


class Result(str, Enum):
    """How bad it is; the order counts."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Step:
    """One line: what is, and what to do about it ("" if nothing). `part` heads the lines of its kind."""

    part: str
    subjects: tuple[str, ...]
    result: Result
    text: str
    advice: str = ""

    @property
    def subject(self) -> str:
        """Its subjects as one text, of many only the first."""
        return enumerated(self.subjects)


def worst(steps: Iterable[Step]) -> Result:
    """The result of all steps together."""
    order = list(Result)
    return max((step.result for step in steps), key=order.index, default=Result.OK)


def merged(steps: Iterable[Step]) -> list[Step]:
    """Steps that say the same of several subjects become one, at the place of the first."""
    found: dict[tuple[str, ...], Step] = {}
    for step in steps:
        key = (step.part, step.result, step.text, step.advice)
        before = found.get(key)
        found[key] = replace(before, subjects=before.subjects + step.subjects) if before else step
    return list(found.values())


_NAMED_DIRECTORIES = 3

CLIENT = "distcc client"
COMPILERS = "compilers"
TREE = "build directory"
LIST = "host list"
HOSTS = "workers"
PLAN = "plan"


def client_step(path: str | None, version: str | None) -> Step:
    """About the distcc on PATH; `version` is None if it does not tell one."""
    if path is None:
        return Step(
            CLIENT, ("distcc",), Result.PROBLEM, "not found on PATH", "install the package distcc here"
        )
    if version is None:
        advice = "is it distcc? install the package distcc, or correct PATH"
        return Step(CLIENT, ("distcc",), Result.PROBLEM, f"{path} does not tell its version", advice)
    return Step(CLIENT, ("distcc",), Result.OK, f"version {version}, {path}")


def state_steps(troubles: Sequence[tuple[str, str]]) -> list[Step]:
    """About the places that distcc needs for its own files."""
    return [
        Step(
            CLIENT,
            (variable,),
            Result.PROBLEM,
            f"{cause}: distcc has no place for its files, and compiles everything here",
            "name a directory that you may write",
        )
        for variable, cause in troubles
    ]


def compiler_steps(
    commands: Sequence[Command], environ: Mapping[str, str], is_tree_distributed: bool
) -> list[Step]:
    """About the names of compilers; they do not matter to a build directory that calls distcc by itself."""
    if not commands:
        advice = "install one, or name it with --compiler"
        return [Step(COMPILERS, ("PATH",), Result.PROBLEM, "no compiler found", advice)]
    return merged(_compiler_step(command, environ, is_tree_distributed) for command in commands)


def _compiler_step(command: Command, environ: Mapping[str, str], is_tree_distributed: bool) -> Step:
    subjects = (command.text,)
    if found := trouble(command):
        result = Result.PROBLEM if found.is_problem else Result.WARNING
        return Step(COMPILERS, subjects, result, found.cause, found.advice)
    text = nature(command, environ)
    if command.is_distributed:
        return Step(COMPILERS, subjects, Result.OK, text)
    if is_tree_distributed:
        return Step(
            COMPILERS, subjects, Result.OK, f"{text}; no matter, for the build directory calls distcc"
        )
    text = f"{text}: called by this name, it never reaches distcc"
    reason, advice = to_distcc(command)
    text += reason and f", {reason}"
    advice = f"{advice}, or let the build call 'distcc NAME'"
    return Step(COMPILERS, subjects, Result.WARNING, text, advice)


def tree_steps(tree: BuildTree, commands: Sequence[Command]) -> list[Step]:
    """About a build directory; `commands` are its compilers, followed to their ends."""
    subjects = (tree.directory,)
    if tree.configured:
        return [_elsewhere_step(tree)]
    if tree.system is System.NONE:
        text = "no build files"
        if tree.unconfigured:
            text = f"{tree.unconfigured}, not configured yet"
        return [Step(TREE, subjects, Result.OK, f"{text}: only the compilers above count")]
    if tree.unknown:
        text = f"{tree.file}: the compiler cannot be told without running it, {tree.unknown}"
        return [Step(TREE, subjects, Result.OK, text)]
    return [
        _tree_step(tree, configured, command)
        for configured, command in zip(tree.compilers, commands, strict=True)
    ]


def _elsewhere_step(tree: BuildTree) -> Step:
    """About sources with build directories below them."""
    more = len(tree.configured) - _NAMED_DIRECTORIES
    names = ", ".join(tree.configured[:_NAMED_DIRECTORIES]) + (f" and {more} more" if more > 0 else "")
    first = os.path.normpath(os.path.join(tree.directory, tree.configured[0]))
    advice = f"run distcc-driver doctor --build-dir {shlex.quote(first)}"
    return Step(
        TREE, (tree.directory,), Result.WARNING, f"{tree.unconfigured}, configured in {names}", advice
    )


def _tree_step(tree: BuildTree, configured: Configured, command: Command) -> Step:
    where = configured.place or f"{configured.setting} in {tree.file}"
    subjects = (tree.directory,)
    if command.kind is Kind.MISSING and command.path is None:
        name = command.missing or command.words[0]
        what = "which" if name == command.text else f"and {name}"
        text = f"configured with {command.text} ({where}), {what} is not there"
        return Step(TREE, subjects, Result.PROBLEM, text, "install it, or configure again")
    if found := trouble(command):
        result = Result.PROBLEM if found.is_problem else Result.WARNING
        text = f"configured with {command.text} ({where}): {found.cause}"
        return Step(TREE, subjects, result, text, found.advice)
    if command.is_distributed:
        behind = ", and that calls distcc" if command.kind is Kind.CCACHE else ""
        text = f"configured with {command.text} ({where}): {tree.runner} calls {leads_to(command)}{behind}"
        return Step(TREE, subjects, Result.OK, text)
    is_name = os.sep not in command.own_words[0]
    text = f"configured with {command.text} ({where}): {tree.runner} will never call distcc"
    if is_name:
        text = f"configured with {command.text} ({where}), on this PATH {command.path}: "
        text += f"{tree.runner} will not call distcc"
    return Step(TREE, subjects, Result.PROBLEM, text, _reconfigure(tree, configured, command, is_name))


def _reconfigure(tree: BuildTree, configured: Configured, command: Command, is_name: bool) -> str:
    """What makes the build directory call distcc."""
    called = wrapped(command)
    masquerade = f", or {to_distcc(command)[1]}" if is_name else ""
    if tree.system is System.CMAKE:
        launchers = shlex.quote(";".join([*command.launchers, "distcc"]))
        return f"run cmake -D{configured.setting}_LAUNCHER={launchers} {shlex.quote(tree.directory)}"
    if tree.system is System.MESON:
        variable = "CC" if configured.setting == "C compiler" else "CXX"
        return f"set up another one, as in: {variable}={called} meson setup DIRECTORY{masquerade}"
    if tree.system is System.NINJA:
        return f"have its generator write {called} in {configured.setting}{masquerade}"
    if configured.setting == RECIPE:
        return f"write {called} in the recipe{masquerade}"
    again = "run configure again with" if tree.system is System.AUTOTOOLS else "set"
    assigned = f"{configured.setting}={called}"
    return f"{again} {assigned}, or build with: distcc_build make {assigned}{masquerade}"


def error_step(error: str) -> Step:
    """About what ends every build before it begins, from the line that it would print."""
    name, _, rest = error.partition(": ")
    cause, _, advice = rest.partition("; ")
    return Step(LIST, (name,), Result.PROBLEM, cause, advice)


def setting_step(warning: str) -> Step:
    """About a variable that has no effect, from a line that a build would print."""
    name, _, rest = warning.partition(": ")
    cause, _, advice = rest.partition("; ")
    return Step(HOSTS, (name,), Result.WARNING, cause, advice)


def entry_steps(bad_entries: Sequence[BadEntry]) -> list[Step]:
    """About what stands in the host list and is no host."""
    return [_bad_entry_step(entry) for entry in bad_entries]


def host_steps(rows: Sequence[HostRow]) -> list[Step]:
    """About every host of the list: used or left out, and why."""
    left_out = merged(_host_step(row) for row in rows if row.is_missed)
    return [*left_out, *(_host_step(row) for row in rows if not row.is_missed)]


def _bad_entry_step(entry: BadEntry) -> Step:
    text = f"entry {entry.position} {entry.text!r}, character {entry.column}: {entry.reason}"
    return Step(LIST, ("DISTCC_AUTO_HOSTS",), Result.WARNING, text, "correct it; it is skipped")


def _host_step(row: HostRow) -> Step:
    subjects = (row.host,)
    if row.same_as:
        return Step(HOSTS, subjects, Result.OK, row.cause or "")
    if row.state != USED:
        return Step(HOSTS, subjects, Result.WARNING, f"left out: {row.cause}", row.advice or "")
    load = "unknown" if row.load is None else f"{row.load:.2f}"
    memory = "unknown" if row.free_memory_mib is None else f"{row.free_memory_mib} MiB"
    jobs = row.fewer_jobs or f"{row.jobs} jobs for {row.slots} slots"
    text = f"used, reached by {row.via}, {jobs}, load {load}, free memory {memory}"
    return Step(HOSTS, subjects, Result.OK, f"{text}, answered in {row.answer_ms or 0:.0f} ms")


def plan_step(answers: Answers) -> Step:
    """About the build that distcc_build would start now."""
    subjects = ("distcc_build",)
    plan = answers.plan
    if plan is None:
        cause, _, advice = answers.refusal.partition("; ")
        return Step(PLAN, subjects, Result.PROBLEM, cause, advice)
    if not plan.shares:
        text = f"{summarise(plan)}: no worker is available, everything compiles here"
        return Step(PLAN, subjects, Result.PROBLEM, text, "see to the workers above")
    if plan.limit:
        text = f"{summarise(plan)}, cut to {plan.jobs}: {plan.limit.cause}"
        return Step(PLAN, subjects, Result.WARNING, text, plan.limit.advice)
    return Step(PLAN, subjects, Result.OK, summarise(plan))

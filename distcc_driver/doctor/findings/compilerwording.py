"""The words about a compiler command: its kind, its faults, and the change that makes it call distcc."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from ...machine.compilers import Kind, Obstacle
from ...machine.launchers import is_launcher
from ...machine.masquerade import LinkState, masquerade_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...machine.compilers import Command


class Fault(NamedTuple):
    """What is wrong with a command.

    With `is_problem` it does not compile, or its compilations never reach a worker.
    """

    is_problem: bool
    cause: str
    advice: str


def way_to_distcc(command: Command) -> tuple[str, str]:
    """Why a compiler's name does not lead to distcc's link of that name, and the advice that changes this.

    The reason is "" if PATH has no directory with such links.
    """
    passed_by = command.passed_by
    if passed_by is None or passed_by.state is LinkState.NOT_ON_PATH:
        return "", f"put {masquerade_directory()} first on PATH"
    directory = passed_by.directory
    if passed_by.state is LinkState.BEHIND:
        reason = f"because {directory} is behind {os.path.dirname(command.path or '')} on PATH"
        return reason, f"put {directory} first on PATH"
    if passed_by.state is LinkState.DANGLING:
        return f"because its link in {directory} leads nowhere", f"run {passed_by.repair}"
    return f"because {directory}, which is on PATH, has no link of this name", f"run {passed_by.repair}"


def call_through_distcc(command: Command) -> str:
    """The command with distcc in front of the compiler, quoted as one word."""
    return repr(shlex.join([*command.launchers, "distcc", *command.compiler]))


def fault_of(command: Command) -> Fault | None:
    """What is wrong with a command, whether PATH or a build directory names it; None if nothing is wrong."""
    if command.kind is Kind.MISSING:
        return _missing(command)
    if command.obstacle is not None:
        return _obstacle(command.obstacle, command)
    if command.real_path is None:
        text = f"{command.path} leads to {stand_in(command)}, but no compiler is behind it on PATH"
        return Fault(True, text, "install the compiler on this machine too: distcc preprocesses here")
    if command.is_uncached:
        text = "distcc takes its compilations, but ccache stores nothing: it takes the compiler for a source"
        return Fault(False, text, "write ccache without distcc: distcc_build makes ccache call distcc")
    return None


def _missing(command: Command) -> Fault:
    if command.path is not None:
        return Fault(True, "no compiler is named", "name the compiler at the end")
    name = command.missing if command.missing not in ("", command.words[0]) else ""
    text = f"{name} is not found on PATH" if name else "not found on PATH"
    return Fault(True, text, "install it, or correct the name")


def _obstacle(obstacle: Obstacle, command: Command) -> Fault:
    told = command.compiler[0]
    prefix = f"CCACHE_PREFIX={shlex.quote(command.changes.value('CCACHE_PREFIX') or '')}"
    hosts = f"DISTCC_HOSTS={shlex.quote(command.changes.value('DISTCC_HOSTS') or '')}"
    in_front = os.path.basename(told) if is_launcher(told) else "ccache"
    unseen = "so that distcc does not see the workers of distcc_build"
    if obstacle is Obstacle.NO_COMPILER and os.path.dirname(told) == masquerade_directory():
        text = f"distcc is told to run {told}, which is distcc itself: it stops, or compiles here"
        return Fault(True, text, "leave the launcher out, or name the compiler itself")
    return {
        Obstacle.NO_COMPILER: Fault(
            False,
            f"{stand_in(command)} is told to run {told}, which is no compiler: it compiles here, or stops",
            f"put {in_front} in front of distcc, and the compiler behind distcc",
        ),
        Obstacle.NO_PREFIX: Fault(
            False,
            "ccache cannot call distcc: the path of distcc-driver has a blank, or is mounted noexec",
            "install distcc-driver in another directory",
        ),
        Obstacle.OTHER_PREFIX: Fault(
            True,
            f"it sets {prefix}, so that ccache never calls distcc",
            "leave CCACHE_PREFIX out: distcc_build sets it",
        ),
        Obstacle.DOUBLE: Fault(
            True,
            f"it sets {prefix}, and ccache stops, because it would run distcc through distcc",
            "leave CCACHE_PREFIX out: distcc_build sets it",
        ),
        Obstacle.OWN_HOSTS: Fault(
            True, f"it sets {hosts}, {unseen}", "leave DISTCC_HOSTS out: distcc_build sets it"
        ),
        Obstacle.NO_HOSTS: Fault(
            True,
            f"it removes DISTCC_HOSTS, {unseen}",
            "do not empty the environment, for example by env -i, env -u or sudo",
        ),
    }[obstacle]


def stand_in(command: Command) -> str:
    """The program that takes the compilations of a command."""
    return "ccache" if command.kind is Kind.CCACHE else "distcc"


def description(command: Command, environ: Mapping[str, str]) -> str:
    """The kind of a command and the directories that it leads to.

    Commands of the same kind and directories have the same text, so that `merged` unites their lines.
    """
    place = os.path.dirname(command.path or "")
    behind = os.path.dirname(command.real_path or "")
    if command.kind is Kind.SCRIPT:
        return f"script in {place} that names distcc, compiler in {behind}"
    if command.kind is Kind.COMPILER:
        return f"compiler itself in {place}"
    way = f"link in {place} to" if command.is_link else "called through"
    text = f"{way} {stand_in(command)}, compiler in {behind}"
    if command.kind is Kind.CCACHE:
        text += ", and distcc_build makes ccache call distcc (CCACHE_PREFIX)"
        prefix = environ.get("CCACHE_PREFIX")
        if prefix not in (None, "", "distcc"):
            text += f" instead of {prefix}"
    return text

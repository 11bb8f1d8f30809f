"""What is said of a compiler command: what it is, what is wrong with it, what makes it call distcc. Pure."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from ..machine.compilers import Kind, Obstacle
from ..machine.launchers import is_launcher
from ..machine.masquerade import State, masquerade_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..machine.compilers import Command


class Trouble(NamedTuple):
    """What is wrong with a command: it never gets to a worker, or does not compile, if `is_problem`."""

    is_problem: bool
    cause: str
    advice: str


def to_distcc(command: Command) -> tuple[str, str]:
    """Why a name leads past distcc's links, "" if there are none on PATH, and what makes it lead there."""
    passed_by = command.passed_by
    if passed_by is None or passed_by.state is State.NOT_ON_PATH:
        return "", f"put {masquerade_directory()} first on PATH"
    directory = passed_by.directory
    if passed_by.state is State.BEHIND:
        reason = f"for {directory} is behind {os.path.dirname(command.path or '')} on PATH"
        return reason, f"put {directory} first on PATH"
    if passed_by.state is State.DANGLING:
        return f"for its link in {directory} leads nowhere", f"run {passed_by.repair}"
    return f"for {directory}, which is on PATH, has no link of this name", f"run {passed_by.repair}"


def wrapped(command: Command) -> str:
    """How one of the compilers is called through distcc, as an example for all of its kind."""
    return repr(shlex.join([*command.launchers, "distcc", *command.compiler]))


def trouble(command: Command) -> Trouble | None:
    """What is wrong with a command wherever it stands."""
    if command.kind is Kind.MISSING:
        return _missing(command)
    if command.obstacle is not None:
        return _obstacle(command.obstacle, command)
    if command.real_path is None:
        text = f"{command.path} leads to {leads_to(command)}, but no compiler is behind it on PATH"
        return Trouble(True, text, "install the compiler on this machine, too: it preprocesses here")
    if command.is_uncached:
        text = "distcc takes its compilations, and ccache keeps no result: it takes the compiler for a source"
        return Trouble(False, text, "name ccache alone: distcc_build lets it call distcc")
    return None


def _missing(command: Command) -> Trouble:
    if command.path is not None:
        return Trouble(True, "no compiler is named", "name it at the end")
    name = command.missing if command.missing not in ("", command.words[0]) else ""
    text = f"{name} is not found on PATH" if name else "not found on PATH"
    return Trouble(True, text, "install it, or correct the name")


def _obstacle(obstacle: Obstacle, command: Command) -> Trouble:
    told = command.compiler[0]
    prefix = f"CCACHE_PREFIX={shlex.quote(command.changes.value('CCACHE_PREFIX') or '')}"
    hosts = f"DISTCC_HOSTS={shlex.quote(command.changes.value('DISTCC_HOSTS') or '')}"
    in_front = os.path.basename(told) if is_launcher(told) else "ccache"
    unseen = "so that distcc does not see the workers of distcc_build"
    if obstacle is Obstacle.NO_COMPILER and os.path.dirname(told) == masquerade_directory():
        text = f"distcc is told to run {told}, which is distcc: it stops, or compiles here"
        return Trouble(True, text, "leave the launcher out, or name the compiler itself")
    return {
        Obstacle.NO_COMPILER: Trouble(
            False,
            f"{leads_to(command)} is told to run {told}, which is no compiler: it compiles here, or stops",
            f"name the compiler behind distcc; {in_front} comes in front, not behind",
        ),
        Obstacle.NO_PREFIX: Trouble(
            False,
            "ccache cannot call distcc: a blank is in the path of distcc-driver, or it is mounted noexec",
            "install it in another directory",
        ),
        Obstacle.OTHER_PREFIX: Trouble(
            True,
            f"it sets {prefix}, so that ccache never calls distcc",
            "leave CCACHE_PREFIX out: distcc_build sets it",
        ),
        Obstacle.DOUBLE: Trouble(
            True,
            f"it sets {prefix}, and ccache stops, for it is told to run distcc through distcc",
            "leave CCACHE_PREFIX out: distcc_build sets it",
        ),
        Obstacle.OWN_HOSTS: Trouble(
            True, f"it sets {hosts}, {unseen}", "leave DISTCC_HOSTS out: distcc_build sets it"
        ),
        Obstacle.NO_HOSTS: Trouble(
            True,
            f"it takes DISTCC_HOSTS away, {unseen}",
            "leave out what empties the environment, such as env -i, env -u or sudo",
        ),
    }[obstacle]


def leads_to(command: Command) -> str:
    """Which of the two takes its compilations."""
    return "ccache" if command.kind is Kind.CCACHE else "distcc"


def nature(command: Command, environ: Mapping[str, str]) -> str:
    """What a command is, the same words for those of the same kind and place."""
    place = os.path.dirname(command.path or "")
    behind = os.path.dirname(command.real_path or "")
    if command.kind is Kind.SCRIPT:
        return f"script in {place} that names distcc, compiler in {behind}"
    if command.kind is Kind.COMPILER:
        return f"compiler itself in {place}"
    way = f"link in {place} to" if command.is_link else "called through"
    text = f"{way} {leads_to(command)}, compiler in {behind}"
    if command.kind is Kind.CCACHE:
        text += ", which distcc_build has call distcc (CCACHE_PREFIX)"
        prefix = environ.get("CCACHE_PREFIX")
        if prefix not in (None, "", "distcc"):
            text += f" instead of {prefix}"
    return text

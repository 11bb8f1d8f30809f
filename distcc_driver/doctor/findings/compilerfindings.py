"""Findings about the compilers of PATH and of the build directory, and whether they call distcc.

Advice about PATH names distcc's directory of links, so `way_to_distcc` looks at the disk.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from ...machine.compilers import Kind
from ..trees.buildtree import System
from ..trees.makecompilers import RECIPE
from .compilerwording import call_through_distcc, description, fault_of, stand_in, way_to_distcc
from .finding import COMPILERS, Finding, Result, in_build_directory, merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...machine.compilers import Command
    from ..trees.buildcommands import ConfiguredCompiler
    from ..trees.buildtree import BuildTree

_NAMED_DIRECTORIES = 3


def compiler_findings(
    commands: Sequence[Command], environ: Mapping[str, str], is_tree_distributed: bool
) -> list[Finding]:
    """Findings about compiler names, which do not matter to a build directory that calls distcc by itself."""
    if not commands:
        advice = "install one, or name it with --compiler"
        return [Finding(COMPILERS, ("PATH",), Result.PROBLEM, "no compiler found", advice)]
    return merged(_compiler_finding(command, environ, is_tree_distributed) for command in commands)


def _compiler_finding(command: Command, environ: Mapping[str, str], is_tree_distributed: bool) -> Finding:
    subjects = (command.text,)
    if found := fault_of(command):
        result = Result.PROBLEM if found.is_problem else Result.WARNING
        return Finding(COMPILERS, subjects, result, found.cause, found.advice)
    text = description(command, environ)
    if command.is_distributed:
        return Finding(COMPILERS, subjects, Result.OK, text)
    if is_tree_distributed:
        return Finding(
            COMPILERS, subjects, Result.OK, f"{text}, which does not matter: the build directory calls distcc"
        )
    text = f"{text}: called by this name, it never reaches distcc"
    reason, advice = way_to_distcc(command)
    text += reason and f", {reason}"
    advice = f"{advice}, or let the build call 'distcc NAME'"
    return Finding(COMPILERS, subjects, Result.WARNING, text, advice)


def build_directory_findings(tree: BuildTree, commands: Sequence[Command]) -> list[Finding]:
    """Findings about a build directory; `commands` are its compilers in the order of `tree.compilers`."""
    if tree.configured:
        return [_elsewhere_finding(tree)]
    if tree.system is System.NONE:
        text = "no build files"
        if tree.unconfigured:
            text = f"sources with {tree.unconfigured}, not configured yet"
        return [in_build_directory(tree.directory, Result.OK, f"{text}: only the compilers above count")]
    if tree.unknown:
        text = f"{tree.file}: only a build could tell the compiler: {tree.unknown}"
        return [in_build_directory(tree.directory, Result.OK, text)]
    return [
        _configured_finding(tree, configured, command)
        for configured, command in zip(tree.compilers, commands, strict=True)
    ]


def _elsewhere_finding(tree: BuildTree) -> Finding:
    """The finding about a directory of sources with build directories below it."""
    more = len(tree.configured) - _NAMED_DIRECTORIES
    names = ", ".join(tree.configured[:_NAMED_DIRECTORIES]) + (f" and {more} more" if more > 0 else "")
    first = os.path.normpath(os.path.join(tree.directory, tree.configured[0]))
    advice = f"run distcc-driver doctor --build-dir {shlex.quote(first)}"
    return in_build_directory(
        tree.directory, Result.WARNING, f"sources with {tree.unconfigured}, configured in {names}", advice
    )


def _configured_finding(tree: BuildTree, configured: ConfiguredCompiler, command: Command) -> Finding:
    where = configured.place or f"{configured.setting} in {tree.file}"
    if command.kind is Kind.MISSING and command.path is None:
        name = command.missing or command.words[0]
        text = f"configured with {command.text} ({where}): {name} is not found"
        return in_build_directory(tree.directory, Result.PROBLEM, text, "install it, or configure again")
    if found := fault_of(command):
        result = Result.PROBLEM if found.is_problem else Result.WARNING
        text = f"configured with {command.text} ({where}): {found.cause}"
        return in_build_directory(tree.directory, result, text, found.advice)
    if command.is_distributed:
        behind = ", and that calls distcc" if command.kind is Kind.CCACHE else ""
        text = f"configured with {command.text} ({where}): {tree.runner} calls {stand_in(command)}{behind}"
        return in_build_directory(tree.directory, Result.OK, text)
    is_name = os.sep not in command.own_words[0]
    text = f"configured with {command.text} ({where}): {tree.runner} will never call distcc"
    if is_name:
        text = f"configured with {command.text} ({where}), on this PATH {command.path}: "
        text += f"{tree.runner} will not call distcc"
    return in_build_directory(
        tree.directory, Result.PROBLEM, text, _reconfigure(tree, configured, command, is_name)
    )


def _reconfigure(tree: BuildTree, configured: ConfiguredCompiler, command: Command, is_name: bool) -> str:
    """The advice that makes a build directory call distcc."""
    called = call_through_distcc(command)
    masquerade = f", or {way_to_distcc(command)[1]}" if is_name else ""
    if tree.system is System.CMAKE:
        launchers = shlex.quote(";".join([*command.launchers, "distcc"]))
        return f"run cmake -D{configured.setting}_LAUNCHER={launchers} {shlex.quote(tree.directory)}"
    if tree.system is System.MESON:
        variable = "CC" if configured.setting == "C compiler" else "CXX"
        return f"set up another build directory: {variable}={called} meson setup DIRECTORY{masquerade}"
    if tree.system is System.NINJA:
        return f"make the generator of build.ninja write {called} in {configured.setting}{masquerade}"
    if configured.setting == RECIPE:
        return f"write {called} in the recipe{masquerade}"
    again = "run configure again with" if tree.system is System.AUTOTOOLS else "set"
    assigned = f"{configured.setting}={called}"
    return f"{again} {assigned}, or build with: distcc_build make {assigned}{masquerade}"

"""Findings about the options of a build that keep compilations here or change them on a worker. Pure."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from ..rules.buildverdicts import OptionEffect, compiler_words, counted, option_effects
from ..rules.clientrules import KeepReason
from ..rules.workerrules import Effect, is_clang
from ..trees.buildtree import System
from .finding import Finding, Result, in_build_directory
from .optionorigins import reconfigured, removal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rules.buildverdicts import Verdict
    from ..rules.workerrules import Hazard
    from ..trees.buildtree import BuildTree
    from .optionorigins import Origin

_HEADER = "the precompiled header"
_MODULE_MAP = "the module map"
_NATIVE = "name the processor instead (gcc -march=native -Q --help=target prints it), or leave the option out"
_FLAGS = {System.CMAKE: "CMAKE_C_FLAGS and CMAKE_CXX_FLAGS", System.MESON: "c_args and cpp_args"}
_ADVICE = {
    "-march=native": _NATIVE,
    "-mtune=native": _NATIVE,
    "-mcpu=native": _NATIVE,
    "-xc": "write -x c",
    "-xc++": "write -x c++",
}


def option_findings(tree: BuildTree, verdicts: Sequence[Verdict], origins: Sequence[Origin]) -> list[Finding]:
    """Findings about options that keep compilations here, or that have another effect on a worker."""
    worst = Result.PROBLEM if all(verdict.stays for verdict in verdicts) else Result.WARNING
    findings = []
    for found in option_effects(verdicts):
        amount = _amount(found.verdicts, verdicts)
        result = worst if isinstance(found.cause, KeepReason) else Result.WARNING
        text = f"{_named(found)} {_text(found.cause, amount)}"
        findings.append(in_build_directory(tree.directory, result, text, _advice(found, tree, origins)))
    return findings + _foreign_findings(tree, verdicts)


def _foreign_findings(tree: BuildTree, verdicts: Sequence[Verdict]) -> list[Finding]:
    """Findings about files that distcc never sends, whatever the options are."""
    foreign = [verdict for verdict in verdicts if verdict.is_foreign]
    if not foreign:
        return []
    suffixes = sorted({os.path.splitext(verdict.command.example)[1] or "other" for verdict in foreign})
    text = f"distcc sends no {', '.join(suffixes)} files: {_amount(foreign, verdicts)} stay here"
    result = Result.PROBLEM if len(foreign) == len(verdicts) else Result.OK
    return [in_build_directory(tree.directory, result, text)]


def _text(cause: KeepReason | Hazard, amount: str) -> str:
    """The words for the effect of an option; `amount` tells how many compilations it concerns."""
    if isinstance(cause, KeepReason):
        return f"keeps {amount} here: {cause.reason}"
    unless = "" if cause.what == _HEADER else ", unless the worker has it,"
    return {
        Effect.FAILS: (
            f"names {cause.what}, which workers do not get: {amount} fail there{unless} and are repeated here"
        ),
        Effect.MAY_FAIL: (
            f"makes GCC read {cause.what}, which distcc does not send ({amount}): files with such comments "
            "fail on workers and are repeated here"
        ),
        Effect.LOSES: f"writes {cause.what}, which stays on the worker and is lost ({amount})",
        Effect.DIFFERS: f"makes code for {cause.what} ({amount})",
        Effect.SPOILS: (
            f"makes {cause.what} on a worker, and the compiler here cannot use it ({amount}): "
            "later compilations here end with errors"
        ),
    }[cause.effect]


def _advice(found: OptionEffect, tree: BuildTree, origins: Sequence[Origin]) -> str:
    """The advice about an option, for the build system that sets it."""
    cause = found.cause
    if not isinstance(cause, KeepReason) and cause.what == _HEADER:
        return _without_precompiled_headers(tree)
    if not isinstance(cause, KeepReason) and cause.what == _MODULE_MAP and tree.system is System.CMAKE:
        directory = shlex.quote(tree.directory)
        return f"if no source uses modules, run cmake -DCMAKE_CXX_SCAN_FOR_MODULES=OFF {directory}"
    if not isinstance(cause, KeepReason) and cause.effect is Effect.MAY_FAIL:
        flags = _FLAGS.get(tree.system, "CFLAGS and CXXFLAGS")
        return f"add -C, which sends comments, or -Wno-error=implicit-fallthrough to {flags}"
    if not cause.word:
        return ""
    advice = removal(cause.word, found.places[0], tree, origins)
    if cause.word == "-flto":
        is_for_clang = is_clang(compiler_words(found.verdicts[0].command)[0])
        return f"write -flto={'thin' if is_for_clang else 'auto'}, which distcc sends; or {advice}"
    return f"{_ADVICE[cause.word]}; {advice}" if cause.word in _ADVICE else advice


def _without_precompiled_headers(tree: BuildTree) -> str:
    directory = shlex.quote(tree.directory)
    return {
        System.CMAKE: f"run cmake -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON {directory}",
        System.MESON: f"run {reconfigured('-Db_pch=false', directory)}",
    }.get(tree.system, "build without precompiled headers")


def _named(found: OptionEffect) -> str:
    """The option and the place that sets it, or a source file if no option is the cause."""
    places = found.places
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{found.cause.word or found.verdicts[0].command.example} ({places[0]}{more})"


def _amount(group: Sequence[Verdict], verdicts: Sequence[Verdict]) -> str:
    """How many of all compilations the `group` is, in words."""
    number, total = counted(group), counted(verdicts)
    if number is not None and total is not None:
        return f"{number} of {total} compilations"
    return "all compilations" if len(group) == len(verdicts) else "some compilations"

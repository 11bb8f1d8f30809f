"""Which compiler commands are tried on workers, some with options of the build. Runs nothing."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ...machine.compilers import Command, examine, is_cxx, safe_to_run
from ..rules.buildverdicts import compiler_words
from .trialenviron import NO_REWRITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..rules.buildverdicts import Verdict
    from .trial import Trial

_MOST = 4
# Options that only some versions of a compiler know, and that name no file. -Werror is left out: a
# warning about the trial's own source would become a failure.
_VERSION_DEPENDENT = re.compile(r"-(?:std=|m(?!llvm)|f|W(?!error|no-|[alp],)|gdwarf|-target=)[^/]+")
_KNOWN_TO_ALL = re.compile(r"-W(?:all|extra|invalid-pch)?|-f(?:no-)?(?:PIC|PIE|pic|pie|diagnostics-color.*)")


def commands_to_try(
    of_tree: Sequence[Command], others: Sequence[Command], environ: Mapping[str, str]
) -> tuple[list[Command], list[Command]]:
    """The compilers of the build directory that are safe to run, or the `others` if no compiler is safe.

    Also returns the compilers of the build directory that are not safe: its files may name any program.
    Of several names for one program the last is tried, because distcc asks workers for `gcc` where it is
    called as `cc`. With `DISTCC_NO_REWRITE_CROSS` distcc asks for the name itself, so each name is tried.
    """
    search_path = environ.get("PATH", os.defpath)
    untried = []
    harmless = []
    for command in of_tree:
        if command.can_be_tried:
            safe = safe_to_run(command, search_path)
            if safe is None:
                untried.append(command)
            else:
                harmless.append(safe)
    found = {}
    for command in harmless or others:
        if command.can_be_tried:
            is_plain = len(command.compiler) == 1 and os.sep not in command.compiler[0]
            is_renamed = NO_REWRITE not in command.changes.applied(environ)
            name = command.real_path if is_plain and is_renamed else command.compiler
            found[name, is_cxx(command.compiler[0]), command.changes] = command
    return list(found.values()), untried


def option_commands(verdicts: Sequence[Verdict], search_path: str) -> list[Command]:
    """The commands of a build with options that only some versions of a compiler know.

    At most `_MOST` commands, the most frequent first.
    """
    counts: dict[tuple[str, ...], int] = {}
    for verdict in verdicts:
        words = _words_to_try(verdict)
        if words:
            counts[words] = counts.get(words, 0) + (verdict.command.count or 1)
    chosen = sorted(counts, key=lambda words: -counts[words])[:_MOST]
    found = (safe_to_run(examined, search_path) for examined in _examined(chosen, search_path))
    return list(dict.fromkeys(command for command in found if command is not None))


def without_bare_compilers(trials: Sequence[Trial], with_options: Sequence[Command]) -> list[Trial]:
    """The trials, but without those of a bare compiler that is also tried with options."""
    tried = [trial.command for trial in trials]
    fuller = {command.compiler[0] for command in with_options if command in tried}
    return [
        trial
        for trial in trials
        if len(trial.command.compiler) > 1 or trial.command.compiler[0] not in fuller
    ]


def _examined(chosen: Sequence[tuple[str, ...]], search_path: str) -> list[Command]:
    commands = [examine(words, search_path) for words in chosen]
    return [command for command in commands if command.can_be_tried]


def _words_to_try(verdict: Verdict) -> tuple[str, ...]:
    """The compiler of a command with its options that only some versions know; empty without such options."""
    _, *options = compiler_words(verdict.command)
    known = {kept.word for kept in verdict.kept} | {hazard.word for hazard in verdict.hazards}
    kept = [word for word in options if _VERSION_DEPENDENT.fullmatch(word) and word not in known]
    kept = [word for word in kept if not _KNOWN_TO_ALL.fullmatch(word)]
    head = verdict.command.words[: len(verdict.command.words) - len(options)]
    return (*head, *kept) if kept and not verdict.is_foreign else ()

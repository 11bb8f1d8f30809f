"""Verdicts on the compile commands of a build: which stay here, and which a worker changes. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...machine.launchers import look_through
from .clientrules import KeepReason, is_source, keep_reasons
from .workerrules import Hazard, hazards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..trees.buildcommands import BuildCommand

_IN_FRONT = ("distcc", "ccache")
_ACTIONS = ("-c", "-S")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one compile command: `kept` keeps it here, `hazards` change it on a worker.

    `is_foreign` says that distcc never sends such sources, assembler for example, whatever the options are.
    """

    command: BuildCommand
    kept: tuple[KeepReason, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    is_foreign: bool = False

    @property
    def stays(self) -> bool:
        """Whether the command compiles on this machine."""
        return bool(self.kept) or self.is_foreign


def judge(command: BuildCommand) -> Verdict:
    """The verdict on a command with its example source."""
    words = compiler_words(command)
    source = command.example or "source.c"
    if not is_source(source):
        return Verdict(command, is_foreign=True)
    kept = tuple(keep_reasons([*words, source]))
    return Verdict(command, kept, () if kept else tuple(hazards(words)))


def compiler_words(command: BuildCommand) -> tuple[str, ...]:
    """The compiler and its options: the words without launchers, distcc and ccache."""
    words = look_through(command.words).words
    while len(words) > 1 and os.path.basename(words[0]) in _IN_FRONT:
        words = words[1:]
    return words or ("cc",)


@dataclass(frozen=True, slots=True)
class OptionEffect:
    """One option, and the commands that it keeps here or that it changes on workers."""

    cause: KeepReason | Hazard
    verdicts: tuple[Verdict, ...]

    @property
    def places(self) -> list[str]:
        """The places that set the option, each once."""
        return list(dict.fromkeys(verdict.command.place for verdict in self.verdicts))


def option_effects(verdicts: Sequence[Verdict]) -> list[OptionEffect]:
    """Each option that has an effect; the options that keep commands here come first."""
    found: dict[KeepReason | Hazard, list[Verdict]] = {}
    for verdict in verdicts:
        for kept in verdict.kept:
            found.setdefault(kept, []).append(verdict)
    for verdict in verdicts:
        for hazard in verdict.hazards:
            found.setdefault(hazard, []).append(verdict)
    return [OptionEffect(cause, tuple(group)) for cause, group in found.items()]


def counted(verdicts: Sequence[Verdict]) -> int | None:
    """The number of compilations of all verdicts; None if one of the numbers is not known."""
    counts = [verdict.command.count for verdict in verdicts]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None

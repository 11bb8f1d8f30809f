"""What distcc makes of the compile commands of a build: which stay here, and what workers change. Pure."""

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
    """Of one kind of command: what keeps it on this machine, and what a worker does in another way.

    `is_foreign` says that distcc sends no file of its kind, such as assembler, whatever the options are.
    """

    command: BuildCommand
    kept: tuple[KeepReason, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    is_foreign: bool = False

    @property
    def stays(self) -> bool:
        """Whether it compiles on this machine."""
        return bool(self.kept) or self.is_foreign


def judge(command: BuildCommand) -> Verdict:
    """What distcc does with a command and one of its sources."""
    words = compiler_words(command)
    source = command.example or "source.c"
    if not is_source(source):
        return Verdict(command, is_foreign=True)
    kept = tuple(keep_reasons([*words, source]))
    return Verdict(command, kept, () if kept else tuple(hazards(words)))


def compiler_words(command: BuildCommand) -> tuple[str, ...]:
    """The compiler and its options, without launchers, distcc and ccache."""
    words = look_through(command.words).words
    while len(words) > 1 and os.path.basename(words[0]) in _IN_FRONT:
        words = words[1:]
    return words or ("cc",)


@dataclass(frozen=True, slots=True)
class OptionEffect:
    """What one option does to commands: `cause` keeps them here, or is what workers change."""

    cause: KeepReason | Hazard
    verdicts: tuple[Verdict, ...]

    @property
    def places(self) -> list[str]:
        """Where the option stands, each place once."""
        return list(dict.fromkeys(verdict.command.place for verdict in self.verdicts))


def option_effects(verdicts: Sequence[Verdict]) -> list[OptionEffect]:
    """Each option that does something, those that keep commands here first."""
    found: dict[KeepReason | Hazard, list[Verdict]] = {}
    for verdict in verdicts:
        for kept in verdict.kept:
            found.setdefault(kept, []).append(verdict)
    for verdict in verdicts:
        for hazard in verdict.hazards:
            found.setdefault(hazard, []).append(verdict)
    return [OptionEffect(cause, tuple(group)) for cause, group in found.items()]


def counted(verdicts: Sequence[Verdict]) -> int | None:
    """How many compilations they are together; None if that cannot be told."""
    counts = [verdict.command.count for verdict in verdicts]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None

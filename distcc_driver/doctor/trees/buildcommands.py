"""The compile commands of a build: all that have the same options are one `BuildCommand`. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .commandline import CompilerCall

_OF_ONE_FILE = ("-D", "-f", "-Wp,", "-Wa,", "-d", "@")


@dataclass(frozen=True, slots=True)
class BuildCommand:
    """All compile commands of a build directory that have the same options.

    `words` are those that the build runs: assignments, launcher, compiler, options; without
    `cd DIR &&`, the source and what names files to be written. `place` says for people where the
    options stand. `count` is the number of compilations, None where reading cannot tell it.
    `directory` is absolute, the command runs there. `example` is one of the sources; all have its
    suffix.
    """

    words: tuple[str, ...]
    place: str
    count: int | None
    directory: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Configured:
    """A compiler of a build directory: the command with its launcher, and the setting that says so.

    `place` is where that has its value from, if it is not the file of the build directory.
    """

    setting: str
    words: tuple[str, ...]
    place: str = ""


@dataclass(slots=True)
class CommandGroups:
    """Collects compiler calls, and gives those with the same options as one."""

    _found: dict[tuple[str, ...], list[tuple[CompilerCall, str, int | None]]] = field(default_factory=dict)

    def add(self, call: CompilerCall, place: str, count: int | None) -> None:
        """Count a call whose options stand in `place`."""
        stem, suffix = os.path.splitext(os.path.basename(call.source))
        words = tuple(
            word.replace(stem, "*") if stem and word.startswith(_OF_ONE_FILE) else word for word in call.words
        )
        self._found.setdefault((place, suffix, *words), []).append((call, place, count))

    @property
    def heads(self) -> dict[tuple[str, ...], str]:
        """Assignments, launchers and compiler of all calls, each once, with the place of the first.

        Assembler does not count beside other languages: CMake has a launcher of its own for it.
        """
        found: dict[tuple[str, ...], str] = {}
        calls = [calls[0] for calls in self._found.values()]
        for call, place, _ in [one for one in calls if not is_assembler(one[0].source)] or calls:
            found.setdefault(call.words[: call.head], place)
        return found

    @property
    def commands(self) -> tuple[BuildCommand, ...]:
        """What was found, in the order of the build files."""
        found = []
        for calls in self._found.values():
            call, place, _ = calls[0]
            counts = [count for _, _, count in calls if count is not None]
            count = sum(counts) if counts else None
            found.append(BuildCommand(call.words, place, count, call.directory, call.source))
        return tuple(found)


def is_assembler(source: str) -> bool:
    """Whether a source is written in assembler, by its suffix."""
    return os.path.splitext(source)[1] in (".s", ".S", ".sx", ".asm")

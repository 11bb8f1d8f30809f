"""The compile commands of a build; commands with the same options become one `BuildCommand`. Pure."""

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

    `words` are assignments, launchers, compiler and options, without `cd DIR &&`, the source, and the names
    of files to be written. `place` tells people where the options are set. `count` is the number of
    compilations, None if the files do not tell it. The command runs in `directory`, an absolute path.
    `example` is one of the sources, which all have the same suffix.
    """

    words: tuple[str, ...]
    place: str
    count: int | None
    directory: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class ConfiguredCompiler:
    """A compiler that a build directory calls: the `setting` that names it, and the words with launchers.

    `place` tells people where the setting gets its value, "" if from the file that `BuildTree.file` names.
    """

    setting: str
    words: tuple[str, ...]
    place: str = ""


@dataclass(slots=True)
class CommandGroups:
    """Collects compiler calls, and groups the calls that have the same options."""

    _found: dict[tuple[str, ...], list[tuple[CompilerCall, str, int | None]]] = field(default_factory=dict)

    def add(self, call: CompilerCall, place: str, count: int | None) -> None:
        """Add a call whose options are set in `place`; `count` is the number of equal calls."""
        stem, suffix = os.path.splitext(os.path.basename(call.source))
        words = tuple(
            word.replace(stem, "*") if stem and word.startswith(_OF_ONE_FILE) else word for word in call.words
        )
        self._found.setdefault((place, suffix, *words), []).append((call, place, count))

    @property
    def heads(self) -> dict[tuple[str, ...], str]:
        """The words up to the compiler of all calls, each once, with the place of the first such call.

        Calls for assembler count only if there are no others: CMake has a separate launcher for assembler.
        """
        found: dict[tuple[str, ...], str] = {}
        calls = [calls[0] for calls in self._found.values()]
        for call, place, _ in [one for one in calls if not is_assembler(one[0].source)] or calls:
            found.setdefault(call.words[: call.head], place)
        return found

    @property
    def commands(self) -> tuple[BuildCommand, ...]:
        """The groups, in the order of the build files."""
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

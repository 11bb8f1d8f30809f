"""Replaces response files in compile commands by the options in them, which distcc's client reads too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .buildfiles import text_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .buildcommands import BuildCommand

_MAX_BYTES = 16 * 1024 * 1024  # of all response files of a build directory together


def with_responses(commands: Sequence[BuildCommand]) -> tuple[BuildCommand, ...]:
    """The commands with the words of each file in place of `@FILE`, if the file can be read."""
    reader = _Reader()
    return tuple(
        replace(command, words=tuple(reader.words(command)))
        if any(word.startswith("@") for word in command.words)
        else command
        for command in commands
    )


class _Reader:
    """Reads each file once."""

    def __init__(self) -> None:
        self._left = _MAX_BYTES
        self._found: dict[tuple[str, str], tuple[str, ...]] = {}

    def words(self, command: BuildCommand) -> Iterator[str]:
        for word in command.words:
            found = self._words_of(command.directory, word[1:]) if word.startswith("@") else ()
            yield from found or (word,)

    def _words_of(self, directory: str, name: str) -> tuple[str, ...]:
        key = directory, name
        if key not in self._found:
            text = text_of(directory, name, self._left)
            self._left -= len(text)
            self._found[key] = words_of(text)
        return self._found[key]

"""The compile commands in compile_commands.json, for directories whose build files do not tell them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from .buildcommands import CommandGroups
from .buildfiles import text_of
from .commandline import call_of_words, compiler_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .buildcommands import BuildCommand
    from .commandline import CompilerCall

DATABASE = "compile_commands.json"
_MAX_ENTRIES = 100_000


def read_database(directory: str) -> tuple[BuildCommand, ...]:
    """The compile commands in the database of a directory. The commands may lack launchers.

    CMake writes no launchers there. A program that records a build sees only the commands that launchers run.
    """
    try:
        entries = json.loads(text_of(directory, DATABASE))
    except (ValueError, RecursionError):
        return ()
    groups = CommandGroups()
    for entry in entries[:_MAX_ENTRIES] if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            for call in _calls(entry, os.path.abspath(directory)):
                groups.add(call, DATABASE, 1)
    return groups.commands


def _calls(entry: dict[str, Any], directory: str) -> Iterator[CompilerCall]:
    """The compiler calls of an entry, which has a `command` for a shell or a list of `arguments`."""
    place = entry.get("directory")
    if isinstance(place, str):
        directory = os.path.join(directory, place)
    command, words = entry.get("command"), entry.get("arguments")
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        if call := call_of_words(words, directory):
            yield call
    elif isinstance(command, str):
        yield from compiler_calls(command, directory)

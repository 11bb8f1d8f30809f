"""Finds calls of make in the recipes of Makefiles. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .commandline import is_assignment, simple_commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAKES = ("make", "gmake")
_OTHER_WORK = ("clean", "distclean", "mostlyclean", "install", "uninstall", "test", "check", "dist", "depend")
_MAX_LOOP = 200


@dataclass(frozen=True, slots=True)
class SubMake:
    """A call of make: its directory, Makefile ("" if make chooses), goals, variables and environment."""

    directory: str
    file: str
    goals: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    environ: tuple[tuple[str, str], ...]


def sub_makes(text: str, directory: str) -> Iterator[SubMake]:
    """The calls of make in one command of a recipe, which runs in `directory`.

    Calls that do not build, such as `make clean`, are left out.
    """
    loops: dict[str, list[str]] = {}
    for words in simple_commands(text):
        environ = []
        while words and is_assignment(words[0]):
            environ.append(_pair(words.pop(0)))
        if words[:1] == ["for"] and words[2:3] == ["in"]:
            loops[words[1]] = words[3 : 3 + _MAX_LOOP]
        elif words[:1] == ["cd"] and len(words) > 1:
            directory = os.path.join(directory, words[-1])
        elif words and os.path.basename(words[0]) in _MAKES:
            for each in _unrolled(words[1:], directory, loops):
                if call := _call(each[1:], each[0], environ):
                    yield call


def _unrolled(words: Sequence[str], directory: str, loops: dict[str, list[str]]) -> Iterator[list[str]]:
    """The directory and the words of a call, once for each value if they use the variable of a loop."""
    given = [directory, *words]
    for name, values in loops.items():
        references = (f"${{{name}}}", f"${name}")
        if any(reference in word for word in given for reference in references):
            for value in values:
                yield [word.replace(references[0], value).replace(references[1], value) for word in given]
            return
    yield given


def _call(words: Sequence[str], directory: str, environ: Sequence[tuple[str, str]]) -> SubMake | None:
    file = ""
    goals = []
    variables = []
    rest = iter(words)
    for word in rest:
        if word in ("-C", "--directory"):
            directory = os.path.join(directory, next(rest, ""))
        elif word in ("-f", "--file", "--makefile"):
            file = next(rest, "")
        elif word.startswith(("-C", "--directory=")):
            directory = os.path.join(directory, word.removeprefix("-C").removeprefix("--directory="))
        elif word.startswith(("-f", "--file=")):
            file = word.removeprefix("-f").removeprefix("--file=")
        elif is_assignment(word):
            variables.append(_pair(word))
        elif word in _OTHER_WORK:
            return None
        elif not word.startswith(("-", "$")) and not word.isdigit():
            goals.append(word)
    return SubMake(os.path.normpath(directory), file, tuple(goals), tuple(variables), tuple(environ))


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name.rstrip(":+?"), value

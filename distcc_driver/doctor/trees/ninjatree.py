"""The compilers and compile commands of a directory that ninja builds."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .buildcommands import CommandGroups, ConfiguredCompiler
from .buildfiles import text_of, words_of
from .commandline import compiler_calls, is_candidate
from .ninjafile import read_statements

if TYPE_CHECKING:
    from collections.abc import Collection

    from .buildcommands import BuildCommand
    from .ninjafile import Statement

_MAX_CHARACTERS = 1 << 24  # in all commands that are parsed, one for each set of options
_MAX_HEADS = 8
_MESON_RULE = re.compile(r"^rule (c|cpp)_COMPILER(?:_RSP)?\n command = (.*?) (?:\$ARGS|@)", re.MULTILINE)
_MESON_NAMES = {"c": "C compiler", "cpp": "C++ compiler"}


def ninja_groups(directory: str, compilers: Collection[str], place: str) -> CommandGroups:
    """The compile commands of a build.ninja; `{rule}` and `{file}` in `place` are replaced by their names."""
    found: dict[str, tuple[Statement, list[int]]] = {}
    for statement in read_statements("build.ninja", lambda name: text_of(directory, name)):
        if is_candidate(statement.command):
            key = statement.command
            for number, path in enumerate([*statement.outputs[:1], *statement.inputs[:1]]):
                key = key.replace(path, f"\0{number}")
            found.setdefault(key, (statement, [0]))[1][0] += 1
    groups = CommandGroups()
    characters = 0
    for statement, count in found.values():
        characters += len(statement.command)
        if characters > _MAX_CHARACTERS:
            break
        for call in compiler_calls(statement.command, os.path.abspath(directory), compilers):
            groups.add(call, place.format(rule=statement.rule, file=statement.file), count[0])
    return groups


def read_meson(directory: str) -> tuple[tuple[ConfiguredCompiler, ...], tuple[BuildCommand, ...]]:
    """The compilers and compile commands of a directory that Meson configured.

    Every version of Meson writes the compiler to the rules of build.ninja.
    """
    found = {
        language: ConfiguredCompiler(_MESON_NAMES[language], words_of(command))
        for language, command in _MESON_RULE.findall(text_of(directory, "build.ninja"))
    }
    compilers = [words for configured in found.values() for words in configured.words[-1:]]
    return tuple(found.values()), ninja_groups(directory, compilers, "ARGS in {file}").commands


def read_ninja(directory: str) -> tuple[tuple[ConfiguredCompiler, ...], tuple[BuildCommand, ...]]:
    """The compilers and compile commands of any other build.ninja."""
    groups = ninja_groups(directory, (), "rule {rule} in {file}")
    compilers = [ConfiguredCompiler(f"rule {place.split()[1]}", head) for head, place in groups.heads.items()]
    return tuple(compilers[:_MAX_HEADS]), groups.commands

"""The compilers and compile commands of a directory that CMake configured, for ninja or for make."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .buildcommands import CommandGroups, ConfiguredCompiler, is_assembler
from .buildfiles import MAX_BYTES, text_of, words_of
from .commandline import compiler_calls
from .ninjatree import ninja_groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .buildcommands import BuildCommand
    from .commandline import CompilerCall

_LANGUAGES = ("C", "CXX")
_MAX_TARGETS = 5000
_MAX_HEADS = 8
_CACHE_ENTRY = re.compile(r"^(CMAKE_\w+):\w+=(.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"^(\w+) = ?(.*)$", re.MULTILINE)
_REFERENCE = re.compile(r"\$\((\w+)\)|\$\$")
_WORD = r'(?:"[^"\n]*"|\\.|[^\s"\\])+'
# The parts of a recipe that name one file. Recipes that differ only in them are taken apart once.
_OF_ONE_FILE = re.compile(
    rf" --source={_WORD}|(?: -MD -MT {_WORD} -MF {_WORD})? -o {_WORD} -c {_WORD}$", re.MULTILINE
)
_RECIPE = re.compile(r"^\t(?!@\$\(CMAKE_COMMAND\)).* -c .*$", re.MULTILINE)


def read_cmake(directory: str) -> tuple[bool, tuple[ConfiguredCompiler, ...], tuple[BuildCommand, ...]]:
    """Three facts: whether ninja builds the directory, the compilers, and the compile commands."""
    cache = dict(_CACHE_ENTRY.findall(text_of(directory, "CMakeCache.txt")))
    is_ninja = "Ninja" in cache.get("CMAKE_GENERATOR", "")
    compilers = {cache[name] for name in map(_setting, _LANGUAGES) if cache.get(name)}
    groups = _ninja(directory, compilers) if is_ninja else _make(directory, compilers)
    return is_ninja, tuple(_configured(cache, groups)), groups.commands


def _setting(language: str) -> str:
    return f"CMAKE_{language}_COMPILER"


def _configured(cache: Mapping[str, str], groups: CommandGroups) -> Iterator[ConfiguredCompiler]:
    """The compilers with their launchers as the rules call them; without rules as the cache names them."""
    heads = groups.heads
    for language in _LANGUAGES:
        compiler = cache.get(_setting(language))
        if not compiler:
            continue
        # If CMake was given the compiler `distcc gcc`, the compiler is distcc and gcc is its argument.
        command = (compiler, *words_of(cache.get(f"{_setting(language)}_ARG1", "")))
        found = [before for head in heads if (before := _before(head, command)) is not None]
        if not heads:
            found = [words_of(cache.get(f"{_setting(language)}_LAUNCHER", "").replace(";", " "))]
        for launcher in found[:_MAX_HEADS]:
            yield ConfiguredCompiler(_setting(language), (*launcher, *command))


def _before(head: tuple[str, ...], command: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words before the compiler `command` in the head of a call; None if another compiler is called."""
    start = head.index(command[0]) if command[0] in head else len(head)
    behind = head[start:]
    return head[:start] if behind and behind == command[: len(behind)] else None


def _ninja(directory: str, compilers: Collection[str]) -> CommandGroups:
    return ninja_groups(directory, compilers, "FLAGS in {file}")


def _make(directory: str, compilers: Collection[str]) -> CommandGroups:
    groups = CommandGroups()
    left = MAX_BYTES
    for target in _targets(directory):
        flags = text_of(directory, os.path.join(target, "flags.make"), left)
        rules = text_of(directory, os.path.join(target, "build.make"), left)
        left -= len(flags) + len(rules)
        for call, count in _target_calls(rules, flags, os.path.abspath(directory), compilers):
            place = os.path.join(os.path.relpath(target, directory), "flags.make")
            groups.add(call, f"{_flags_variable(call, flags)} in {place}", count)
        if left <= 0:
            break
    return groups


def _targets(directory: str) -> list[str]:
    """The directories of all targets, from CMake's list, else by a search for build.make."""
    listed = text_of(directory, os.path.join("CMakeFiles", "TargetDirectories.txt")).splitlines()
    if listed:
        return [os.path.join(directory, target) for target in listed[:_MAX_TARGETS]]
    found = []
    for path, names, files in os.walk(directory):
        names.sort()
        if "build.make" in files:
            found.append(path)
        if len(found) == _MAX_TARGETS:
            break
    return found


def _target_calls(
    rules: str, flags: str, directory: str, compilers: Collection[str]
) -> Iterator[tuple[CompilerCall, int]]:
    """The compiler calls of one target, each with the number of recipes that have the same options."""
    recipes: dict[str, list[str]] = {}
    for recipe in _RECIPE.findall(rules):
        recipes.setdefault(_OF_ONE_FILE.sub("", recipe), []).append(recipe)
    if not recipes:
        return
    values = dict(_VARIABLE.findall(rules)) | dict(_VARIABLE.findall(flags))
    for same in recipes.values():
        command = _REFERENCE.sub(
            lambda match: "$" if match[0] == "$$" else values.get(match[1], ""), same[0].lstrip("\t@+-")
        )
        for call in compiler_calls(command.replace("$$", "$"), directory, compilers):
            yield call, len(same)


def _flags_variable(call: CompilerCall, flags: str) -> str:
    """The variable that has the options of a call, such as CXX_FLAGS."""
    compiler = call.words[call.head - 1]
    for language, path in re.findall(r"^# compile (\w+) with (.*)$", flags, re.MULTILINE):
        if path == compiler and language.startswith("ASM") == is_assembler(call.source):
            return f"{language}_FLAGS"
    return "CXX_FLAGS" if "++" in os.path.basename(compiler) else "C_FLAGS"

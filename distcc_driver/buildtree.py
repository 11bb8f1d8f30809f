"""Which compiler a build directory was configured with: CMake, Meson, Autotools, plain Makefiles.

The files are read, nothing in them is executed: a Makefile may be a stranger's, and `make -n`
runs parts of it.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .makefile import UnknownCompilerError, makefile_compilers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .buildcommands import BuildCommand

_MAX_BYTES = 16 * 1024 * 1024
_MAX_RULE_FILES = 50
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_CONFIGURED = ("CMakeCache.txt", "meson-info", "config.status")
_SOURCES = ("CMakeLists.txt", "meson.build", "configure", "configure.ac")


class System(str, Enum):
    """What wrote the build files, or runs them."""

    CMAKE = "CMake"
    MESON = "Meson"
    AUTOTOOLS = "Autotools"
    MAKE = "make"
    NINJA = "ninja"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Configured:
    """A compiler of a build directory: the command with its launcher, and the setting that says so.

    `place` is where that has its value from, if it is not the file of the build directory.
    """

    setting: str
    words: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class BuildTree:
    """`file` is what was read, `compilers` is empty if it cannot be told, for the reason in `unknown`.

    `runner` builds it, `unconfigured` is a file that would have to be configured first, `configured`
    are the directories below in which that has been done. `commands` are its compile commands, empty
    if reading cannot tell them.
    """

    directory: str
    system: System
    file: str | None = None
    runner: str = "make"
    compilers: tuple[Configured, ...] = ()
    unknown: str = ""
    unconfigured: str | None = None
    configured: tuple[str, ...] = ()
    commands: tuple[BuildCommand, ...] = ()


def read_tree(directory: str, environ: Mapping[str, str]) -> BuildTree:
    """Find out about a directory; `environ` counts where make reads CC and CXX from it."""
    if os.path.isfile(os.path.join(directory, "CMakeCache.txt")):
        return _read_cmake(directory)
    if os.path.isdir(os.path.join(directory, "meson-info")):
        return _read_meson(directory)
    for name in ("config.status", "config.log"):
        if os.path.isfile(os.path.join(directory, name)):
            return _read_autotools(directory, name)
    for name in _MAKEFILES:
        if os.path.isfile(os.path.join(directory, name)):
            return _read_makefile(directory, name, environ)
    if os.path.isfile(os.path.join(directory, "build.ninja")):
        unknown = "it was written by a program that is not known here"
        return BuildTree(directory, System.NINJA, "build.ninja", "ninja", unknown=unknown)
    sources = next((name for name in _SOURCES if os.path.isfile(os.path.join(directory, name))), None)
    configured = _configured_below(directory) if sources else ()
    return BuildTree(directory, System.NONE, unconfigured=sources, configured=configured)


def _configured_below(directory: str) -> tuple[str, ...]:
    """The directories right below that something has configured."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:  # it may be entered, but not listed
        return ()
    return tuple(
        name
        for name in names
        if any(os.path.exists(os.path.join(directory, name, file)) for file in _CONFIGURED)
    )


def _text(directory: str, name: str) -> str:
    """A file of the directory; empty if it cannot be read, or is none: nobody may ever write to a pipe."""
    path = os.path.join(directory, name)
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a quote without its partner
        return tuple(text.split())


def _read_cmake(directory: str) -> BuildTree:
    cache = dict(re.findall(r"^(CMAKE_\w+):\w+=(.*)$", _text(directory, "CMakeCache.txt"), re.MULTILINE))
    is_ninja = "Ninja" in cache.get("CMAKE_GENERATOR", "")
    found = []
    for language in ("C", "CXX"):
        setting = f"CMAKE_{language}_COMPILER"
        if compiler := cache.get(setting):
            launcher = cache.get(f"{setting}_LAUNCHER", "").replace(";", " ")
            before = _words(launcher) or _launcher_in_rules(directory, compiler, is_ninja)
            arguments = _words(cache.get(f"{setting}_ARG1", ""))
            found.append(Configured(setting, (*before, compiler, *arguments)))
    return BuildTree(
        directory,
        System.CMAKE,
        "CMakeCache.txt",
        "ninja" if is_ninja else "make",
        tuple(found),
        "" if found else "its cache names no C or C++ compiler",
    )


def _launcher_in_rules(directory: str, compiler: str, is_ninja: bool) -> tuple[str, ...]:
    """What stands before the compiler in a rule: a project may set a launcher that no cache shows."""
    for name in _rule_files(directory, is_ninja):
        for line in _text(directory, name).split("\n"):
            command = line.lstrip("\t ").removeprefix("command = ")
            before, found, behind = command.partition(f"{compiler} ")
            if line[:1] in ("\t", " ") and found and " -c " in f" {behind}":
                return tuple(word for word in _words(before) if "$" not in word)
    return ()


def _rule_files(directory: str, is_ninja: bool) -> Iterator[str]:
    if is_ninja:
        yield os.path.join("CMakeFiles", "rules.ninja")
        return
    count = 0
    for path, names, files in os.walk(directory):
        names.sort()
        if "build.make" in files:
            yield os.path.relpath(os.path.join(path, "build.make"), directory)
            count += 1
        if count == _MAX_RULE_FILES:
            return


def _read_meson(directory: str) -> BuildTree:
    """The rules that Meson wrote tell what will run, in every version of it."""
    text = _text(directory, "build.ninja")
    rules = re.findall(r"^rule (c|cpp)_COMPILER(?:_RSP)?\n command = (.*?) (?:\$ARGS|@)", text, re.MULTILINE)
    names = {"c": "C compiler", "cpp": "C++ compiler"}
    found = {language: Configured(names[language], _words(command)) for language, command in rules}
    unknown = "" if found else "its build.ninja has no rule for C or C++"
    return BuildTree(directory, System.MESON, "build.ninja", "ninja", tuple(found.values()), unknown)


def _read_autotools(directory: str, name: str) -> BuildTree:
    pattern = r'^S\["(CC|CXX)"\]="(.+)"$' if name == "config.status" else r"^(CC|CXX)='(.+)'$"
    settings = dict(re.findall(pattern, _text(directory, name), re.MULTILINE))
    found = tuple(Configured(variable, _words(settings[variable])) for variable in sorted(settings))
    unknown = "" if found else f"{name} has neither CC nor CXX"
    return BuildTree(directory, System.AUTOTOOLS, name, "make", found, unknown)


def _read_makefile(directory: str, name: str, environ: Mapping[str, str]) -> BuildTree:
    try:
        found = makefile_compilers(_text(directory, name), name, environ)
    except UnknownCompilerError as unknown:
        return BuildTree(directory, System.MAKE, name, unknown=str(unknown))
    compilers = tuple(Configured(setting, _words(command), place) for setting, command, place in found)
    return BuildTree(directory, System.MAKE, name, "make", compilers)

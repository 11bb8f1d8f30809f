"""The build system, the compilers and the compile commands of a build directory.

The files are read, and nothing in them is run: a stranger may have written them, and even `make -n` runs
parts of a Makefile.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from .buildcommands import ConfiguredCompiler
from .buildfiles import text_of, words_of
from .cmaketree import read_cmake
from .compiledb import read_database
from .makecompilers import UnknownCompilerError, makefile_compilers
from .maketree import MAKEFILES, read_makefiles
from .ninjatree import read_meson, read_ninja
from .responsefiles import with_responses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .buildcommands import BuildCommand

_CONFIGURED = ("CMakeCache.txt", "meson-info", "config.status")
_SOURCES = ("CMakeLists.txt", "meson.build", "configure", "configure.ac")


class System(str, Enum):
    """The program that wrote the build files, or that builds with them."""

    CMAKE = "CMake"
    MESON = "Meson"
    AUTOTOOLS = "Autotools"
    MAKE = "make"
    NINJA = "ninja"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BuildTree:
    """A build directory. `file` is the file that was read, `runner` the program that builds.

    `compilers` is empty if the files do not tell them; then `unknown` has the reason. `commands` is empty if
    the files do not tell the compile commands. In a directory of sources, `unconfigured` is the file to
    configure first, and `configured` are the build directories directly below.
    """

    directory: str
    system: System
    file: str | None = None
    runner: str = "make"
    compilers: tuple[ConfiguredCompiler, ...] = ()
    unknown: str = ""
    unconfigured: str | None = None
    configured: tuple[str, ...] = ()
    commands: tuple[BuildCommand, ...] = ()


def read_tree(directory: str, environ: Mapping[str, str]) -> BuildTree:
    """Read the build files of a directory; `environ` is the environment that make would have."""
    tree = _read_build_files(directory, environ)
    return replace(tree, commands=with_responses(tree.commands or read_database(directory)))


def _read_build_files(directory: str, environ: Mapping[str, str]) -> BuildTree:
    if os.path.isfile(os.path.join(directory, "CMakeCache.txt")):
        return _read_cmake(directory)
    if os.path.isdir(os.path.join(directory, "meson-info")):
        return _read_meson(directory)
    for name in ("config.status", "config.log"):
        if os.path.isfile(os.path.join(directory, name)):
            return _read_autotools(directory, name, environ)
    for name in MAKEFILES:
        if os.path.isfile(os.path.join(directory, name)):
            return _read_makefile(directory, name, environ)
    if os.path.isfile(os.path.join(directory, "build.ninja")):
        return _read_ninja(directory)
    sources = next((name for name in _SOURCES if os.path.isfile(os.path.join(directory, name))), None)
    configured = _configured_below(directory) if sources else ()
    return BuildTree(directory, System.NONE, unconfigured=sources, configured=configured)


def _configured_below(directory: str) -> tuple[str, ...]:
    """The names of the configured directories directly below."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:  # the user may enter the directory, but not list it
        return ()
    return tuple(
        name
        for name in names
        if any(os.path.exists(os.path.join(directory, name, file)) for file in _CONFIGURED)
    )


def _read_cmake(directory: str) -> BuildTree:
    is_ninja, compilers, commands = read_cmake(directory)
    return BuildTree(
        directory,
        System.CMAKE,
        "CMakeCache.txt",
        "ninja" if is_ninja else "make",
        compilers,
        "" if compilers else "it names no C or C++ compiler",
        commands=commands,
    )


def _read_meson(directory: str) -> BuildTree:
    compilers, commands = read_meson(directory)
    unknown = "" if compilers else "it has no rule for C or C++"
    return BuildTree(directory, System.MESON, "build.ninja", "ninja", compilers, unknown, commands=commands)


def _read_ninja(directory: str) -> BuildTree:
    compilers, commands = read_ninja(directory)
    unknown = "" if compilers else "no rule in it calls a compiler by a usual name"
    return BuildTree(directory, System.NINJA, "build.ninja", "ninja", compilers, unknown, commands=commands)


def _read_autotools(directory: str, name: str, environ: Mapping[str, str]) -> BuildTree:
    pattern = r'^S\["(CC|CXX)"\]="(.+)"$' if name == "config.status" else r"^(CC|CXX)='(.+)'$"
    text = text_of(directory, name)
    settings = dict(re.findall(pattern, text, re.MULTILINE))
    found = tuple(ConfiguredCompiler(variable, words_of(settings[variable])) for variable in sorted(settings))
    unknown = "" if found else "it has neither CC nor CXX"
    listed = re.search(r'^config_files="(.*)"$', text, re.MULTILINE)
    files = [
        file.partition(":")[0] for file in (listed[1].split() if listed else ())
    ]  # templates follow the colon
    makefiles = [file for file in files if os.path.basename(file) in MAKEFILES]
    _, commands = read_makefiles(directory, makefiles or ["Makefile"], environ)
    return BuildTree(directory, System.AUTOTOOLS, name, "make", found, unknown, commands=commands)


def _read_makefile(directory: str, name: str, environ: Mapping[str, str]) -> BuildTree:
    compilers, commands = read_makefiles(directory, [name], environ)
    if compilers:
        return BuildTree(directory, System.MAKE, name, "make", compilers, commands=commands)
    try:
        found = makefile_compilers(text_of(directory, name), name, environ)
    except UnknownCompilerError as unknown:
        return BuildTree(directory, System.MAKE, name, unknown=str(unknown))
    compilers = tuple(
        ConfiguredCompiler(setting, words_of(command), place) for setting, command, place in found
    )
    return BuildTree(directory, System.MAKE, name, "make", compilers, commands=commands)

"""Which settings of a build directory hold its options, and the advice that removes an option from them.

The files of the build directory are read; nothing in them is run.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..trees.buildfiles import text_of, words_of
from ..trees.buildtree import System

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..trees.buildtree import BuildTree

_VARIABLES = ("CFLAGS", "CXXFLAGS", "CPPFLAGS")
_MESON_ARGUMENTS = ("c_args", "cpp_args")
_MESON_SWITCHES = (
    (re.compile(r"-flto.*"), "b_lto", "false"),
    (re.compile(r"--coverage"), "b_coverage", "false"),
    (re.compile(r"-fprofile-(?:generate|use).*"), "b_pgo", "off"),
    (re.compile(r"-fpch-preprocess|-x .*-header"), "b_pch", "false"),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting that the user can change, such as `CMAKE_C_FLAGS` or `b_lto`, and the words of its value."""

    setting: str
    words: tuple[str, ...]

    def without(self, option: str) -> str:
        """An assignment for a shell that gives the setting its value without the option."""
        left = [word for word in self.words if word != option]
        return shlex.quote(f"{self.setting}={shlex.join(left)}")


def read_origins(tree: BuildTree, environ: Mapping[str, str]) -> list[Origin]:
    """The settings of a build directory; if its build system has no settings, those of the environment."""
    readers = {System.CMAKE: _of_cmake, System.MESON: _of_meson, System.AUTOTOOLS: _of_autotools}
    if reader := readers.get(tree.system):
        return list(reader(tree.directory))
    return [Origin(name, words_of(environ[name])) for name in _VARIABLES if environ.get(name)]


def removal(option: str, place: str, tree: BuildTree, origins: Sequence[Origin]) -> str:
    """The advice that removes an option from a build; `place` describes where it is set."""
    holders = [origin for origin in origins if option in origin.words]
    directory = shlex.quote(tree.directory)
    if tree.system is System.CMAKE:
        if holders:
            return f"run cmake {' '.join(f'-D{origin.without(option)}' for origin in holders)} {directory}"
        return "CMakeLists.txt sets it: look for an option of the project that turns it off"
    if tree.system is System.MESON:
        return _meson_removal(option, directory, holders, origins)
    if tree.system is System.AUTOTOOLS and holders:
        assigned = " ".join(origin.without(option) for origin in holders)
        return f"run configure again without it, or build with: distcc_build make {assigned}"
    if holders and "environment" in place:
        return f"run export {' '.join(origin.without(option) for origin in holders)}"
    return f"take it out of {place}"


def _meson_removal(option: str, directory: str, holders: Sequence[Origin], origins: Sequence[Origin]) -> str:
    switches = {origin.setting: origin.words for origin in origins}
    for pattern, name, off in _MESON_SWITCHES:
        if pattern.fullmatch(option) and switches.get(name, (off,)) != (off,):
            return f"run {reconfigured(f'-D{name}={off}', directory)}"
    if not holders:
        return "meson.build sets it: look for an option of the project that turns it off"
    settings = [f"-D{origin.without(option)}" for origin in holders]
    return f"run {reconfigured(' '.join(settings), directory)}"


def reconfigured(settings: str, directory: str) -> str:
    """The commands that give Meson other settings.

    `meson configure` alone would write them to build.ninja only when the next build starts.
    """
    return f"meson configure {settings} {directory} && ninja -C {directory} build.ninja"


def _of_cmake(directory: str) -> Iterator[Origin]:
    pattern = r"^(CMAKE_(?:C|CXX)_FLAGS(?:_\w+)?):\w+=(.+)$"
    for name, value in re.findall(pattern, text_of(directory, "CMakeCache.txt"), re.MULTILINE):
        yield Origin(name, words_of(value))


def _of_meson(directory: str) -> Iterator[Origin]:
    try:
        options = json.loads(text_of(directory, "meson-info/intro-buildoptions.json"))
    except (ValueError, RecursionError):
        return
    for option in options if isinstance(options, list) else []:
        name, value = (option.get("name"), option.get("value")) if isinstance(option, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, list) and name in _MESON_ARGUMENTS:
            yield Origin(name, tuple(str(word) for word in value))
        elif isinstance(name, str) and name.startswith("b_"):
            yield Origin(name, (str(value).lower(),))


def _of_autotools(directory: str) -> Iterator[Origin]:
    text = text_of(directory, "config.status")
    for name in _VARIABLES:
        if found := re.search(rf'^S\["{name}"\]="(.*)"$', text, re.MULTILINE):
            yield Origin(name, words_of(found[1]))

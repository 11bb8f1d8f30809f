"""What the name of a compiler leads to: the compiler itself, distcc, or ccache.

distcc and ccache stand in for a compiler where a link of its name leads to them (the masquerade
of distcc(1), the symbolic links of ccache(1)), or where they are the first word of a command.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from .ccacheprefix import ccache_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL = ("cc", "gcc", "g++", "clang", "clang++")

_SCRIPT_BYTES = 8192
_COMPILER = re.compile(r"(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-[\d.]+)?")
# Others load plug-ins, start programs, or take them from a directory of their own (gcc(1), clang(1)).
_HARMLESS = re.compile(
    r"-(?:m|O|g(?!cc)|std=|D|U|-target=|W(?![alp],)|f(?!plugin|pass-plugin|module)).*|-pipe|-pthread|-pedantic"
)
_MASQUERADES = ("/usr/lib/distcc", "/usr/lib64/distcc", "/usr/lib/distcc/bin", "/usr/local/lib/distcc")


class Kind(str, Enum):
    """What takes the compilations of a command."""

    DISTCC = "distcc"
    CCACHE = "ccache"
    COMPILER = "compiler"
    SCRIPT = "script"  # names distcc, so it may call it
    MISSING = "missing"


_STAND_INS = (Kind.DISTCC, Kind.CCACHE, Kind.SCRIPT)


@dataclass(frozen=True, slots=True)
class Command:
    """A compiler command and what it comes to.

    `path` is the file of its first word, None if there is none. `compiler` is what distcc is
    told to run, `real_path` the file of that with all links resolved. `conflict` is set where
    distcc is told to run distcc or ccache, or ccache cannot be told to run distcc.
    """

    words: tuple[str, ...]
    kind: Kind
    path: str | None
    compiler: tuple[str, ...]
    real_path: str | None
    conflict: bool = False

    @property
    def text(self) -> str:
        """The command as one would type it."""
        return shlex.join(self.words)

    @property
    def is_link(self) -> bool:
        """Whether a link in place of the compiler leads to distcc or ccache."""
        return self.kind in (Kind.DISTCC, Kind.CCACHE) and _tool(self.words[0]) is None

    @property
    def is_distributed(self) -> bool:
        """Whether its compilations reach distcc in a build under distcc_build."""
        return self.kind in (Kind.DISTCC, Kind.CCACHE, Kind.SCRIPT) and not self.conflict


def examine(words: Sequence[str], search_path: str) -> Command:
    """Follow a command, as a shell with `search_path` as its PATH would run it. Nothing is executed."""
    path = shutil.which(words[0], path=search_path)
    if path is None:
        return Command(tuple(words), Kind.MISSING, None, tuple(words), None)
    kind = _kind(path)
    if kind is Kind.CCACHE:
        return _examine_ccache(words, path, search_path)
    compiler = _behind(words) if kind in (Kind.DISTCC, Kind.SCRIPT) else tuple(words)
    if not compiler:
        return Command(tuple(words), Kind.MISSING, path, compiler, None)
    told = os.path.realpath(compiler[0]) if os.sep in compiler[0] else compiler[0]
    conflict = kind is Kind.DISTCC and _tool(told) is not None  # behind a bare name it finds the compiler
    return Command(tuple(words), kind, path, compiler, _real(compiler[0], search_path), conflict)


def _examine_ccache(words: Sequence[str], path: str, search_path: str) -> Command:
    """Through ccache, which takes the next program of the compiler's name that is not a link to itself."""
    compiler = _behind(words)
    if not compiler:
        return Command(tuple(words), Kind.MISSING, path, compiler, None)
    found = shutil.which(compiler[0], path=bare_path(search_path, compiler[0], (Kind.CCACHE,)))
    calls_distcc = found is not None and _kind(found) is Kind.DISTCC
    conflict = not calls_distcc and not ccache_prefix()
    # It hands the full name on to its prefix.
    handed = shutil.which(compiler[0], path=bare_path(search_path, compiler[0])) or compiler[0]
    real = _real(compiler[0], search_path)
    return Command(tuple(words), Kind.CCACHE, path, (handed, *compiler[1:]), real, conflict)


def _behind(words: Sequence[str]) -> tuple[str, ...]:
    """What distcc or ccache is to run: the words behind its own, or the name of its link."""
    return tuple(words[1:]) if _tool(words[0]) else (os.path.basename(words[0]), *words[1:])


def bare_path(search_path: str, name: str, kinds: Sequence[Kind] = _STAND_INS) -> str:
    """The PATH without the directories in which `name` stands for distcc or ccache."""
    directories = search_path.split(os.pathsep)
    name = os.path.basename(name)
    return os.pathsep.join(d for d in directories if _kind(os.path.join(d, name)) not in kinds)


def _real(name: str, search_path: str) -> str | None:
    found = shutil.which(name, path=bare_path(search_path, name))
    return None if found is None or _kind(found) in _STAND_INS else os.path.realpath(found)


def _kind(path: str) -> Kind:
    """What a file is. A script is one that names distcc."""
    tool = _tool(os.path.realpath(path))
    if tool is not None:
        return tool
    if not os.path.isfile(path):
        return Kind.COMPILER  # nobody may ever write to a pipe
    try:
        with open(path, "rb") as file:
            start = file.read(_SCRIPT_BYTES)
    except OSError:
        return Kind.COMPILER
    return Kind.SCRIPT if start.startswith(b"#!") and b"distcc" in start else Kind.COMPILER


def _tool(path: str) -> Kind | None:
    """One of distcc and ccache, by the program's own name; None for any other."""
    return {"distcc": Kind.DISTCC, "ccache": Kind.CCACHE}.get(os.path.basename(path))


def for_a_trial(command: Command, search_path: str) -> Command | None:
    """What of a command in somebody's build files can be run to try it; None if nothing can.

    That is a compiler on PATH, or one of this system, with such options that it runs nothing else.
    """
    name = os.path.basename(command.compiler[0])
    found = shutil.which(name, path=bare_path(search_path, name))
    is_ours = found is not None and os.path.realpath(found) == command.real_path
    if not _COMPILER.fullmatch(name) or not (is_ours or _is_of_system(command.real_path or "")):
        return None
    options = [word for word in command.compiler[1:] if _HARMLESS.fullmatch(word)]
    return replace(command, compiler=(command.compiler[0], *options))


def _is_of_system(path: str) -> bool:
    """Whether a file is where only root installs programs."""
    return path.startswith(("/usr/", "/opt/")) and os.stat(path).st_uid == 0


def is_cxx(name: str) -> bool:
    """Whether a compiler takes C++: all of them have `++` in their names."""
    return "++" in os.path.basename(name)


def masquerade_directory() -> str:
    """Where this machine's distcc package keeps its links; its usual place if there is none."""
    return next((path for path in _MASQUERADES if os.path.isdir(path)), _MASQUERADES[0])

"""Follows a compiler command to the program that it runs: the compiler itself, distcc, or ccache.

distcc and ccache are run if a link with the compiler's name leads to them (the masquerade of distcc(1), the
symbolic links of ccache(1)), or if they are the first word of the command. Launchers such as `env` and `nice`
may come before.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from .ccacheprefix import ccache_prefix
from .launchers import Changes, is_launcher, is_of_the_shell, look_through
from .masquerade import Masquerade, passed_by

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL = ("cc", "gcc", "g++", "clang", "clang++")

_SCRIPT_BYTES = 8192
_COMPILER = re.compile(r"(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-[\d.]+)?")
# Other options may load plug-ins, start programs, or name a directory of programs (gcc(1), clang(1)).
_HARMLESS = re.compile(
    r"-(?:m|O|g(?!cc)|std=|D|U|-target=|W(?![alp],)|f(?!plugin|pass-plugin|module)).*|-pipe|-pthread|-pedantic"
)


class Kind(str, Enum):
    """The program that a command runs."""

    DISTCC = "distcc"
    CCACHE = "ccache"
    COMPILER = "compiler"
    SCRIPT = "script"  # contains the word distcc, so it may call distcc
    MISSING = "missing"


class Obstacle(str, Enum):
    """Why compilations do not leave this machine, although the command runs distcc or ccache."""

    NO_COMPILER = "no_compiler"  # the words behind distcc or ccache are not a compiler
    NO_PREFIX = "no_prefix"  # ccache cannot run the program that calls distcc
    OTHER_PREFIX = "other_prefix"  # the command lets ccache call another program
    DOUBLE = "double"  # the command lets ccache call distcc, which would call distcc again
    OWN_HOSTS = "own_hosts"  # the command sets DISTCC_HOSTS
    NO_HOSTS = "no_hosts"  # the command unsets DISTCC_HOSTS


_STAND_INS = (Kind.DISTCC, Kind.CCACHE, Kind.SCRIPT)


@dataclass(frozen=True, slots=True)
class Command:
    """A compiler command, and what it runs.

    `called` are the words behind the launchers, and `path` is the file of the first of them. If a program is
    not found, `path` is None and `missing` is its name. `changes` are those of launchers to the environment.
    `compiler` is what distcc is told to run, and `real_path` its file, with all links resolved. `passed_by`
    tells why a compiler's name does not lead to a link to distcc. If `is_uncached`, ccache stores no results.
    """

    words: tuple[str, ...]
    kind: Kind
    path: str | None
    compiler: tuple[str, ...]
    real_path: str | None
    obstacle: Obstacle | None = None
    called: tuple[str, ...] = ()
    changes: Changes = field(default_factory=Changes)
    missing: str = ""
    passed_by: Masquerade | None = None
    is_uncached: bool = False

    @property
    def text(self) -> str:
        """The command as a person would type it."""
        return shlex.join(self.words)

    @property
    def own_words(self) -> tuple[str, ...]:
        """The words behind the launchers."""
        return self.called or self.words

    @property
    def launchers(self) -> tuple[str, ...]:
        """The words before `own_words`; empty if the command does not end with `own_words`."""
        count = len(self.words) - len(self.own_words)
        return self.words[:count] if self.words[count:] == self.own_words else ()

    @property
    def is_link(self) -> bool:
        """Whether the compiler's name leads to distcc or ccache by a link."""
        return self.kind in (Kind.DISTCC, Kind.CCACHE) and _tool(self.own_words[0]) is None

    @property
    def is_distributed(self) -> bool:
        """Whether its compilations reach distcc's workers in a build under distcc_build."""
        return self.kind in _STAND_INS and self.obstacle is None

    @property
    def can_be_tried(self) -> bool:
        """Whether there is a compiler by which workers can be tried."""
        is_compiler = self.kind is not Kind.MISSING and self.obstacle is not Obstacle.NO_COMPILER
        return is_compiler and self.real_path is not None


def examine(words: Sequence[str], search_path: str) -> Command:
    """Follow a command, as a shell would run it with `search_path` as PATH. Runs nothing."""
    called = look_through(words)
    missing = next((name for name in called.launchers if not _is_there(name, search_path)), None)
    if missing is not None:
        return Command(tuple(words), Kind.MISSING, None, called.words, None, missing=missing)
    if not called.words:
        return Command(tuple(words), Kind.MISSING, shutil.which(words[0], path=search_path), (), None)
    behind = called.changes.applied({"PATH": search_path}).get("PATH", os.defpath)
    found = _follow(called.words, behind, called.changes)
    return replace(
        found,
        words=tuple(words),
        called=found.called or called.words,
        changes=called.changes,
        obstacle=found.obstacle or _hosts_obstacle(found.kind, called.changes),
    )


def _is_there(launcher: str, search_path: str) -> bool:
    """Whether a launcher can be run. Assumed of a name with `$`, and of a relative path."""
    is_relative = os.sep in launcher and not os.path.isabs(launcher)
    is_sure = is_relative or "$" in launcher or is_of_the_shell(launcher)
    return is_sure or shutil.which(launcher, path=search_path) is not None


def _hosts_obstacle(kind: Kind, changes: Changes) -> Obstacle | None:
    """Whether launchers change the DISTCC_HOSTS that distcc_build has set."""
    if kind not in _STAND_INS:
        return None
    if changes.value("DISTCC_HOSTS") is not None:
        return Obstacle.OWN_HOSTS
    return Obstacle.NO_HOSTS if changes.concern("DISTCC_HOSTS") else None


def _follow(words: Sequence[str], search_path: str, changes: Changes) -> Command:
    """Follow a command without launchers."""
    path = shutil.which(words[0], path=search_path)
    if path is None:
        return Command(tuple(words), Kind.MISSING, None, tuple(words), None, missing=words[0])
    kind = _kind(path)
    if kind is Kind.COMPILER:
        return _follow_compiler(words, path, search_path, changes)
    compiler = _command_to_run(words, kind, search_path)
    if not compiler:
        return Command(tuple(words), Kind.MISSING, path, compiler, None)
    if kind is Kind.CCACHE:
        return _follow_ccache(words, path, compiler, search_path, changes)
    told = os.path.realpath(compiler[0]) if os.sep in compiler[0] else compiler[0]
    # distcc looks a bare name up itself, and finds the compiler.
    is_none = kind is Kind.DISTCC and (_tool(told) is not None or _is_no_compiler(compiler))
    obstacle = Obstacle.NO_COMPILER if is_none else None
    return Command(tuple(words), kind, path, compiler, _real(compiler[0], search_path), obstacle)


def _is_no_compiler(words: Sequence[str]) -> bool:
    return "=" in words[0] or is_launcher(words[0])


def _follow_compiler(words: Sequence[str], path: str, search_path: str, changes: Changes) -> Command:
    """Follow a compiler, or an unknown program whose arguments are a command that runs distcc."""
    name = os.path.basename(words[0])
    if len(words) > 1 and not _COMPILER.fullmatch(name):
        behind = look_through(words[1:])
        if behind.words and not behind.words[0].startswith("-"):
            found = _follow(behind.words, search_path, changes + behind.changes)
            if found.is_distributed:
                return replace(found, called=behind.words)
    missed = passed_by(name, path, search_path) if os.sep not in words[0] else None
    real_path = _real(words[0], search_path)
    return Command(tuple(words), Kind.COMPILER, path, tuple(words), real_path, passed_by=missed)


def _follow_ccache(
    words: Sequence[str], path: str, compiler: tuple[str, ...], search_path: str, changes: Changes
) -> Command:
    """Follow ccache, which runs the next program on PATH of the compiler's name that is no link to ccache."""
    found = shutil.which(compiler[0], path=bare_path(search_path, compiler[0], (Kind.CCACHE,)))
    next_kind = Kind.COMPILER if found is None else _kind(found)
    obstacle = _prefix_obstacle(next_kind in (Kind.DISTCC, Kind.SCRIPT), changes, search_path)
    is_uncached = False
    if _is_no_compiler(compiler):
        obstacle = Obstacle.NO_COMPILER
    elif _tool(compiler[0]) is Kind.DISTCC and len(compiler) > 1:
        inner = _follow(compiler, search_path, changes)
        obstacle = obstacle or inner.obstacle
        is_uncached = os.sep in compiler[1]  # ccache takes this path for a second source file
        compiler = inner.compiler
    elif next_kind is Kind.DISTCC:
        compiler = (os.path.basename(compiler[0]), *compiler[1:])
    else:  # ccache calls its prefix with the full path
        handed = shutil.which(compiler[0], path=bare_path(search_path, compiler[0])) or compiler[0]
        compiler = (handed, *compiler[1:])
    real = _real(compiler[0], search_path)
    return Command(tuple(words), Kind.CCACHE, path, compiler, real, obstacle, is_uncached=is_uncached)


def _prefix_obstacle(calls_distcc: bool, changes: Changes, search_path: str) -> Obstacle | None:
    """What keeps distcc from being called once, by ccache's prefix or by the program that ccache finds.

    `calls_distcc` says whether that program calls distcc.
    """
    if not changes.concern("CCACHE_PREFIX"):
        return None if calls_distcc or ccache_prefix() else Obstacle.NO_PREFIX
    prefix = look_through((changes.value("CCACHE_PREFIX") or "").split()).words[:1]
    path = shutil.which(prefix[0], path=search_path) if prefix else None
    is_distcc = path is not None and _kind(path) in (Kind.DISTCC, Kind.SCRIPT)
    if is_distcc and calls_distcc:
        return Obstacle.DOUBLE
    return None if is_distcc or calls_distcc else Obstacle.OTHER_PREFIX


def _command_to_run(words: Sequence[str], kind: Kind, search_path: str) -> tuple[str, ...]:
    """What distcc, ccache or a script is to run: the words behind its own, or the name of its link."""
    name = os.path.basename(words[0])
    if _tool(name):
        return tuple(words[1:])
    is_wrapper = kind is Kind.SCRIPT and not _COMPILER.fullmatch(name) and len(words) > 1
    if is_wrapper and shutil.which(words[1], path=search_path):
        return tuple(words[1:])
    return (name, *words[1:])


def bare_path(search_path: str, name: str, kinds: Sequence[Kind] = _STAND_INS) -> str:
    """The PATH without the directories in which `name` leads to distcc or ccache."""
    directories = search_path.split(os.pathsep)
    name = os.path.basename(name)
    return os.pathsep.join(d for d in directories if _kind(os.path.join(d, name)) not in kinds)


def _real(name: str, search_path: str) -> str | None:
    found = shutil.which(name, path=bare_path(search_path, name))
    return None if found is None or _kind(found) in _STAND_INS else os.path.realpath(found)


def _kind(path: str) -> Kind:
    """The kind of a file. A script counts as SCRIPT if it contains the word distcc."""
    tool = _tool(os.path.realpath(path))
    if tool is not None:
        return tool
    if not os.path.isfile(path):
        return Kind.COMPILER  # reading a pipe may never end
    try:
        with open(path, "rb") as file:
            start = file.read(_SCRIPT_BYTES)
    except OSError:
        return Kind.COMPILER
    return Kind.SCRIPT if start.startswith(b"#!") and b"distcc" in start else Kind.COMPILER


def _tool(path: str) -> Kind | None:
    """DISTCC or CCACHE, by the name of the file; None for any other program."""
    return {"distcc": Kind.DISTCC, "ccache": Kind.CCACHE}.get(os.path.basename(path))


def safe_to_run(command: Command, search_path: str) -> Command | None:
    """The part of a command from build files that may be run for a trial; None if no part may.

    That part is a compiler on PATH or of this system, with only those options by which it runs nothing else.
    """
    name = os.path.basename(command.compiler[0])
    found = shutil.which(name, path=bare_path(search_path, name))
    is_ours = found is not None and os.path.realpath(found) == command.real_path
    is_full = os.sep in command.compiler[0]
    if not _COMPILER.fullmatch(name) or not (is_ours or (is_full and _is_of_system(command.real_path or ""))):
        return None
    options = [word for word in command.compiler[1:] if _HARMLESS.fullmatch(word)]
    variables = tuple(pair for pair in command.changes.variables if pair[0].startswith("DISTCC_"))
    return replace(command, compiler=(command.compiler[0], *options), changes=Changes(variables=variables))


def _is_of_system(path: str) -> bool:
    """Whether a file is root's and in a directory of the system's programs."""
    return path.startswith(("/usr/", "/opt/")) and os.stat(path).st_uid == 0


def is_compiler(name: str) -> bool:
    """Whether a program has the name of a C or C++ compiler."""
    return _COMPILER.fullmatch(name) is not None


def is_cxx(name: str) -> bool:
    """Whether a compiler is one of C++: all of them have `++` in their names."""
    return "++" in os.path.basename(name)

"""Looks through launchers, the words before a compiler or distcc: assignments, `env`, `nice` and so on. Pure.

Options and arguments are those of coreutils 9, util-linux 2.41, strace 6 and CMake 4.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MAX_LAUNCHERS = 50
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class Changes:
    """What launchers do to the environment: empty it (`is_emptied`), then set or unset (None) `variables`."""

    is_emptied: bool = False
    variables: tuple[tuple[str, str | None], ...] = ()

    def applied(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment that the launchers give to the command behind them."""
        merged = {**({} if self.is_emptied else environ), **dict(self.variables)}
        return {name: value for name, value in merged.items() if value is not None}

    def value(self, name: str) -> str | None:
        """The value to which a variable is set; None if it is not set here."""
        return dict(self.variables).get(name)

    def concern(self, name: str) -> bool:
        """Whether a variable may have another value behind the launchers."""
        return self.is_emptied or name in dict(self.variables)

    def __add__(self, later: Changes) -> Changes:
        """These changes, and then the later ones."""
        if later.is_emptied:
            return later
        merged = dict(self.variables) | dict(later.variables)
        return Changes(self.is_emptied, tuple(merged.items()))


@dataclass(frozen=True, slots=True)
class Called:
    """A command taken apart: `launchers` (programs and shell keywords), and `words`, the command they run."""

    words: tuple[str, ...]
    launchers: tuple[str, ...] = ()
    changes: Changes = field(default_factory=Changes)


_Step = tuple[Changes, list[str]]
_UNCHANGED = Changes()


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The command line of a launcher.

    `letters` are its short options that take an argument, `long` its long ones, without the dashes.
    `arguments` is the number of its arguments before the command.
    """

    letters: str = ""
    long: tuple[str, ...] = ()
    arguments: int = 0

    def command_in(self, words: Sequence[str]) -> list[str]:
        """The command, in the words behind the launcher's name."""
        at = 0
        while at < len(words) and words[at].startswith("-") and words[at] != "-":
            word = words[at]
            at += 1
            if word == "--":
                break
            at += self._takes_next(word)
        return list(words[at + self.arguments :])

    def _takes_next(self, word: str) -> bool:
        if word.startswith("--"):
            return word[2:] in self.long
        taking = [index for index, letter in enumerate(word) if index and letter in self.letters]
        return bool(taking) and taking[0] == len(word) - 1


_SETARCH = ("linux32", "linux64", "i386", "i486", "i586", "i686", "x86_64", "uname26")
_SCRIPTS = ("compile", "depcomp", "libtool")  # scripts that Automake and libtool install
_GRAMMARS = {
    **dict.fromkeys((*_SETARCH, *_SCRIPTS), _Grammar()),
    "catchsegv": _Grammar(),
    "choom": _Grammar("n", ("adjust",)),
    "chrt": _Grammar("TPD", ("sched-runtime", "sched-period", "sched-deadline"), 1),
    "command": _Grammar(),
    "exec": _Grammar("a"),
    "flock": _Grammar("wE", ("timeout", "wait", "conflict-exit-code"), 1),
    "ionice": _Grammar("cn", ("class", "classdata")),
    "nice": _Grammar("n", ("adjustment",)),
    "nohup": _Grammar(),
    "numactl": _Grammar("ipPCmNl", ("interleave", "preferred", "physcpubind", "cpunodebind", "membind")),
    "prlimit": _Grammar(),
    "setsid": _Grammar(),
    "stdbuf": _Grammar("ioe", ("input", "output", "error")),
    "strace": _Grammar("abeEIoOpPsSuUX", ("env", "output", "user")),
    "taskset": _Grammar("", (), 1),
    "time": _Grammar("fo", ("format", "output")),
    "timeout": _Grammar("ks", ("kill-after", "signal"), 1),
}
_OF_THE_SHELL = ("command", "exec", "time")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")


def look_through(words: Sequence[str]) -> Called:
    """Follow a command to the first program that is no launcher: a compiler, distcc, ccache or any other."""
    left = list(words)
    launchers: list[str] = []
    changes = Changes()
    while left and len(launchers) < _MAX_LAUNCHERS:
        step = _step(left)
        if step is None:
            break
        if not _ASSIGNMENT.match(left[0]):
            launchers.append(left[0])
        changes += step[0]
        left = step[1]
    return Called(tuple(left), tuple(launchers), changes)


def is_launcher(word: str) -> bool:
    """Whether a word is the name of a launcher."""
    return _name(word) in _STEPS or _name(word) in _GRAMMARS


def is_of_the_shell(word: str) -> bool:
    """Whether a word is a keyword or builtin of the shell, so that it need not be on PATH."""
    return word in _OF_THE_SHELL


def _name(word: str) -> str:
    return os.path.basename(word)


def _step(words: list[str]) -> _Step | None:
    """Look past the first launcher; None if the first word is no launcher."""
    first, *rest = words
    if _ASSIGNMENT.match(first):
        name, _, value = first.partition("=")
        return Changes(variables=((name, value),)), rest
    if (step := _STEPS.get(_name(first))) is not None:
        return step(rest)
    grammar = _GRAMMARS.get(_name(first))
    return (_UNCHANGED, grammar.command_in(rest)) if grammar is not None else None


def _env(words: list[str]) -> _Step:
    """env(1): it empties, unsets and sets variables, and splits the argument of `-S` into words."""
    is_emptied = False
    variables: dict[str, str | None] = {}
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "--":
        word = left.pop(0)
        is_emptied |= word in ("-", "--ignore-environment") or bool(re.match(r"-[v0]*i", word))
        argument = _argument(word, left)
        if argument is None:
            continue
        letter, text = argument
        if letter == "u":
            variables[text] = None
        elif letter == "S":
            left = [*_split(text), *left]
    left = left[1:] if left[:1] == ["--"] else left
    while left and "=" in left[0]:
        name, _, value = left.pop(0).partition("=")
        variables[name] = value
    return Changes(is_emptied, tuple(variables.items())), left


_ENV_LONG = {"unset": "u", "chdir": "C", "argv0": "a", "split-string": "S"}


def _argument(word: str, left: list[str]) -> tuple[str, str] | None:
    """An option of env that takes an argument: its letter and argument, which may be the next of `left`."""
    if word.startswith("--"):
        name, equals, text = word[2:].partition("=")
        letter = _ENV_LONG.get(name, "")
        has_text = bool(equals)
    elif match := re.match(r"-[iv0]*([uCaS])(.*)", word, re.DOTALL):
        letter, text = match.groups()
        has_text = bool(text)
    else:
        return None
    if not letter or not (has_text or left):
        return None
    return letter, text if has_text else left.pop(0)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is not closed
        return text.split()


def _setarch(words: list[str]) -> _Step:
    """setarch(8): the architecture may come before the options, or be missing."""
    if words and words[0] in _SETARCH:
        words = words[1:]
    return _UNCHANGED, _Grammar().command_in(words)


def _cmake(words: list[str]) -> _Step | None:
    """`cmake -E`: `env`, `time`, `chdir`, and `__run_co_compile`, by which CMake runs linters, too."""
    if words[:1] != ["-E"]:
        return None
    mode, left = "".join(words[1:2]), words[2:]
    if mode == "time":
        return _UNCHANGED, left
    if mode == "chdir":
        return _UNCHANGED, left[1:]
    if mode == "env":
        return _cmake_env(left)
    if mode == "__run_co_compile" and "--" in left:
        at = left.index("--")
        launcher = next((word for word in left[:at] if word.startswith("--launcher=")), "")
        before = launcher.removeprefix("--launcher=").split(";")
        return _UNCHANGED, [word for word in before if word] + left[at + 1 :]
    return None


def _cmake_env(words: list[str]) -> _Step:
    variables: dict[str, str | None] = {}
    left = list(words)
    while left and left[0] != "--" and ("=" in left[0] or left[0].startswith("-")):
        word = left.pop(0)
        if word.startswith("--unset="):
            variables[word.removeprefix("--unset=")] = None
        elif word in ("--modify", "--unset") and left:
            changed = left.pop(0)
            if word == "--unset":
                variables[changed] = None
        elif not word.startswith("-"):
            name, _, value = word.partition("=")
            variables[name] = value
    return Changes(variables=tuple(variables.items())), left[1:] if left[:1] == ["--"] else left


def _sudo(words: list[str]) -> _Step:
    """sudo(8): it drops the user's environment, unless an option keeps it."""
    keeps = any(word in ("-E", "--preserve-env") for word in words)
    left = _Grammar("CDghpRrTtUu", ("user", "group", "host", "prompt", "chdir", "chroot")).command_in(words)
    return Changes(is_emptied=not keeps), left


def _shell(words: list[str]) -> _Step | None:
    """A shell that runs one of the scripts of Automake and libtool."""
    return (_UNCHANGED, list(words)) if words and _name(words[0]) in _SCRIPTS else None


_STEPS: dict[str, Callable[[list[str]], _Step | None]] = {
    "$(CMAKE_COMMAND)": _cmake,
    "cmake": _cmake,
    "env": _env,
    "setarch": _setarch,
    "sudo": _sudo,
    **dict.fromkeys(_SHELLS, _shell),
}

"""Options that distcc sends, and that have another effect on a worker than on this machine. Pure.

A worker gets the preprocessed source and the options. It sends back the object file and deletes its other
files. Each rule was tried with distcc 3.4, GCC 12 and clang 14.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Effect(str, Enum):
    """The effect of an option on a worker."""

    FAILS = "fails"  # the worker lacks a file; distcc repeats the compilation here
    MAY_FAIL = "may_fail"  # preprocessing removed comments; distcc repeats the compilation here
    LOSES = "loses"  # a file other than the object file stays on the worker
    DIFFERS = "differs"  # the object file is for the processor of the worker
    SPOILS = "spoils"  # the precompiled header cannot be used here


@dataclass(frozen=True, slots=True)
class Hazard:
    """An option with its effect on a worker; `what` names the file or the processor concerned."""

    word: str
    effect: Effect
    what: str = ""


_WRITTEN = {
    r"-gsplit-dwarf": "the .dwo file with the debug information",
    r"-fstack-usage": "the .su file",
    r"-fcallgraph-info.*": "the .ci file",
    r"-?-save-temps(=.*)?": "the intermediate files",
    r"-fdump-(?!.*stdout).+": "the dump",
    r"-aux-info.*": "the file with the declarations",
    r"-fopt-info.*=.+": "the file with the notes on optimization",
    r"-ftime-trace.*": "the .json file with the times",
    r"-fsave-optimization-record.*": "the file with the notes on optimization",
}
_READ = {
    r"-fplugin=.*": "the plug-in",
    r"-fpass-plugin=.*": "the plug-in",
    r"-fprofile-(instr|sample)-use=.*": "the profile",
    r"-fsanitize-(ignorelist|blacklist)=.*": "the list",
    r"-ivfsoverlay.*": "the overlay file",
    r"--config(=.*)?": "the configuration file",
    r"-emit-pch": "the precompiled header",
    r"-include-pch": "the precompiled header",
    r"-fpch-preprocess": "the precompiled header",
    r"-fmodule-(map-)?file=.*": "the module",
    r"-fmodule-mapper=.*": "the module map",  # CMake writes a module map for each C++20 source
}
_FALLTHROUGH = re.compile(
    r"-W(?:extra|error=extra|error=implicit-fallthrough|implicit-fallthrough(?:=[1-4])?)?"
)
_NO_FALLTHROUGH = re.compile(r"-W(?:no-implicit-fallthrough|implicit-fallthrough=[05])")
_ERRORS = ("-Werror", "-Werror=extra", "-Werror=implicit-fallthrough")
_NO_ERRORS = ("-Wno-error", "-Wno-error=extra", "-Wno-error=implicit-fallthrough")
_KEEP_COMMENTS = ("-C", "-CC", "-fdirectives-only")


def hazards(words: Sequence[str]) -> list[Hazard]:
    """The options of a command that have another effect on a worker, each once.

    The first of the `words` is the compiler.
    """
    return list(dict.fromkeys(_hazards(words)))


def is_clang(compiler: str) -> bool:
    """Whether the name of a compiler is one of clang."""
    return "clang" in os.path.basename(compiler)


def _hazards(words: Sequence[str]) -> Iterator[Hazard]:
    for word, behind in pairwise([*words[1:], ""]):
        if word == "-x" and behind.endswith("-header") and not is_clang(words[0]):
            # A worker compiles preprocessed text, so the header lacks macros and include guards.
            yield Hazard(f"{word} {behind}", Effect.SPOILS, "the precompiled header")
        elif word == "-mcpu=native":
            yield Hazard(word, Effect.DIFFERS, "the processor of the worker")
        elif word == "-load":
            yield Hazard("-Xclang -load", Effect.FAILS, "the plug-in")
        elif found := _of_file(word):
            yield found
    if reads_comments := _comment_option(words):
        yield Hazard(reads_comments, Effect.MAY_FAIL, "comments such as /* fall through */")


@cache  # thousands of commands have mostly the same words
def _of_file(word: str) -> Hazard | None:
    """The hazard of an option that makes the compiler read or write a file; None for other options."""
    for rules, effect in ((_WRITTEN, Effect.LOSES), (_READ, Effect.FAILS)):
        for pattern, what in rules.items():
            if re.fullmatch(pattern, word):
                return Hazard(word, effect, what)
    return None


def _comment_option(words: Sequence[str]) -> str:
    """The options by which a missing comment is an error in GCC; "" if the command has no such options."""
    if is_clang(words[0]) or any(word in _KEEP_COMMENTS for word in words):
        return ""
    warning = error = ""
    for word in words[1:]:
        if _FALLTHROUGH.fullmatch(word):
            warning = word
        elif _NO_FALLTHROUGH.fullmatch(word):
            warning = ""
        if word in _ERRORS:
            error = word
        elif word in _NO_ERRORS:
            error = ""
    return " ".join(dict.fromkeys([warning, error])) if warning and error else ""

"""Which compilations distcc's client keeps on this machine, and why. Pure.

The rules follow distcc 3.4. Its `dcc_expand_preprocessor_options` takes `-Wp,` options apart, then its
`dcc_scan_args` (src/arg.c) checks word by word, in the order of the rules here. `workerrules` tells what an
option does on a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SOURCES = ("i", "ii", "c", "cc", "cpp", "cxx", "cp", "c++", "C", "m", "mm", "mi", "mii", "M")
_AUTOCONF = ("conftest.", "tmp.conftest.")
_PROFILE = "it reads or writes profile or coverage files of this machine"
_REASONS = {
    "-E": "it only preprocesses",
    "-march=native": "it makes code for the processor of this machine",
    "-mtune=native": "it makes code for the processor of this machine",
    "-flto": "distcc does not distribute link-time optimization",
    "-fprofile-arcs": _PROFILE,
    "-ftest-coverage": _PROFILE,
    "--coverage": _PROFILE,
    "-fprofile-correction": _PROFILE,
    "-frepo": "it writes .rpo files",
}
_REASONS_OF_BEGINNINGS = {
    "-specs=": "it reads a file of this machine",
    "-fprofile-generate": _PROFILE,
    "-fprofile-use": _PROFILE,
    "-fauto-profile": _PROFILE,
}
_DEPENDENCIES = ("-MD", "-MMD", "-MG", "-MP")
_DEPENDENCY_NAMES = ("-MF", "-MT", "-MQ")


@dataclass(frozen=True, slots=True)
class KeepReason:
    """Why a compilation stays on this machine.

    `word` is the cause, sometimes two words such as `-x f77`; "" if the cause is a word that is missing.
    """

    word: str
    reason: str


def keep_reason(words: Sequence[str]) -> KeepReason | None:
    """The first reason to keep a command here; None if distcc sends it to a worker.

    The first of the `words` is the compiler.
    """
    return next(_scan(words), None)


def keep_reasons(words: Sequence[str]) -> list[KeepReason]:
    """All reasons to keep a command here, each once: a user who removes one option needs the others too."""
    return list(dict.fromkeys(_scan(words)))


def is_source(name: str) -> bool:
    """Whether distcc takes a word for a source file, which it tells by the ending behind the last dot."""
    return name.rpartition(".")[2] in _SOURCES and "." in name


def _scan(words: Sequence[str]) -> Iterator[KeepReason]:
    sources, outputs, is_compilation = [], [], False
    rest = iter(enumerate(expanded := list(_expanded(words))))
    for index, word in rest:
        behind = expanded[index + 1] if index + 1 < len(expanded) else None
        if word in _DEPENDENCY_NAMES:
            next(rest, None)
        elif reason := _reason(word, behind):
            yield KeepReason(f"{word} {behind}" if word == "-x" else word, reason)
        elif word in ("-c", "-S"):
            is_compilation = True
        elif word.startswith("-o") or _is_object(word):
            outputs.append(word.removeprefix("-o") or next(rest, (0, ""))[1])
            if len(outputs) > 1:
                yield KeepReason(
                    " ".join(outputs), "distcc sees two object files, and takes the command for a link"
                )
        elif not word.startswith("-") and is_source(word):
            sources.append(word)
            if len(sources) > 1:
                yield KeepReason(" ".join(sources), "distcc sees two source files")
    yield from _at_the_end(sources, outputs, is_compilation)


def _at_the_end(sources: Sequence[str], outputs: Sequence[str], is_compilation: bool) -> Iterator[KeepReason]:
    """The reasons that only the whole command shows."""
    if not is_compilation:
        yield KeepReason("", "it has neither -c nor -S")
    if not sources:
        yield KeepReason("", "it has no file that distcc takes for a source")
    elif sources[0].rpartition("/")[2].startswith(_AUTOCONF):
        yield KeepReason(sources[0], "distcc takes it for a test of configure")
    if outputs[:1] == ["-"]:
        yield KeepReason("-o -", "it writes to standard output")


def _is_object(word: str) -> bool:
    return not word.startswith("-") and word.endswith(".o")


def _reason(word: str, behind: str | None) -> str:
    """Why one option keeps any command here; "" if it does not. `behind` is the next word."""
    if word in _REASONS:
        return _REASONS[word]
    if word.startswith("-M"):
        is_harmless = word in _DEPENDENCIES or word.startswith(_DEPENDENCY_NAMES)
        return "" if is_harmless else "distcc takes it for a search for dependencies"
    if word.startswith("-Wa,") and (",-a" in word or "--MD" in word):
        return "the assembler may write a file of its own"
    if word.startswith("-x"):
        return _language_reason(word, behind)
    if word.startswith("-dr"):
        return "it may write more files"
    return next((reason for start, reason in _REASONS_OF_BEGINNINGS.items() if word.startswith(start)), "")


def _language_reason(word: str, behind: str | None) -> str:
    """Why distcc does not send the language of `-x`; "" if it does.

    distcc takes the next word for the language, even behind `-xc`, and compares only its beginning.
    """
    if behind is None or behind.startswith(("c", "objective-c", "go")):
        return ""
    if word == "-x":
        return "distcc does not send this language"
    return f"distcc takes the next word, {behind}, for the language"


def _expanded(words: Sequence[str]) -> Iterator[str]:
    """The words, with the options in `-Wp,...` as words of their own."""
    for word in words:
        if not word.startswith("-Wp,"):
            yield word
            continue
        parts = iter(word.split(",")[1:])
        for part in parts:
            yield part
            if part in ("-MD", "-MMD") and (name := next(parts, None)) is not None:
                yield from ("-MF", name)

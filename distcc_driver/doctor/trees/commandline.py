"""Finds compiler calls in the shell commands of build files. Pure: nothing in them is run.

It knows the part of the shell's grammar that build files use: words and quotes, `&&`, `||`, `;`, `|`,
assignments, `cd DIR`, redirections, `sh -c`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_INNER = r"[^()]*(?:\([^()]*\)[^()]*)*"
# References and commands that the shell or make would replace; parentheses may be nested in them.
_SUBSTITUTED = rf"`[^`]*`|\$\([^()]*(?:\({_INNER}\)[^()]*)*\)|\$\{{[^{{}}]*\}}"
_TOKEN = re.compile(
    rf"""(?P<redirection>\d*(?:>>|>&|<<|<&|>\||<>|<|>))
        | (?P<word>(?:
            [^\s'"\\`$;&|<>()\n]+
            | \\. | '[^']*' | "(?:[^"\\]|\\.)*" | {_SUBSTITUTED} | \$ | \\$ | ['"`]
        )+)
        | (?P<operator>&&|\|\||[;&|()\n])""",
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(rf"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)|({_SUBSTITUTED})", re.DOTALL)
_PUT_IN = re.compile(_SUBSTITUTED)
_IN_DOUBLE_QUOTES = re.compile(r"\\([\\\"$`])")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_KEYWORDS = ("if", "then", "else", "elif", "do", "while", "until", "!", "{", "exec", "time", "command")
_SAY_ONLY = ("echo", "printf", ":", "true", "false", "test", "[", "rm", "touch", "which", "set")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
_COMPILER = re.compile(
    r"(?:[\w.+]+-)*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|c89|c99|mpicc|mpicxx|mpic\+\+|icc|icpc|icx|icpx|tcc)"
    r"(?:-[\d.]+)?"
)
_SOURCE = re.compile(r".*\.(?:c|cc|cpp|cxx|cp|c\+\+|C|CPP|m|mm|M|i|ii|mi|mii|s|S|sx)", re.DOTALL)
_NAMES_SOURCE = re.compile(
    r"\.(?:c|cc|cpp|cxx|cp|c\+\+|C|CPP|mm?|M|ii?|mii?|s|S|sx|h|hh|hpp|hxx|h\+\+|H)(?:[\"'\s;&|)]|$)"
)
_HEADER = re.compile(r".*\.(?:h|hh|hpp|hxx|h\+\+|H)", re.DOTALL)
# Options whose value is the next word (gcc(1), clang(1)).
_WITH_VALUE = (
    "-D -U -I -L -l -x -u -T -A -B -z -include -imacros -isystem -iquote -idirafter -iprefix -isysroot"
    " -iwithprefix -iwithprefixbefore -imultilib -include-pch -Xclang -Xpreprocessor -Xassembler -Xlinker"
    " -mllvm -target -arch -aux-info -dumpbase -dumpdir -dumpbase-ext --param -wrapper -framework"
    " -ivfsoverlay"
)
_TAKES_VALUE = frozenset(_WITH_VALUE.split())
_FILES = ("-o", "-MF", "-MT", "-MQ")
_NO_COMPILATION = frozenset(
    {"-E", "-M", "-MM", "-###", "--version", "--help", "-fsyntax-only", "-dumpmachine"}
)
_MAX_NESTING = 3


@dataclass(frozen=True, slots=True)
class CompilerCall:
    """A call that compiles `source` in `directory`.

    `words` lack that source and the names of files to be written; further sources stay in them.
    `words[:head]` are assignments, launchers and compiler.
    """

    words: tuple[str, ...]
    head: int
    source: str
    directory: str


def is_candidate(text: str) -> bool:
    """Whether a shell command names a file that a compiler could take: a quick test before the full one."""
    return _NAMES_SOURCE.search(text) is not None


def is_assignment(word: str) -> bool:
    """Whether a word is an assignment, such as `CC=gcc` in front of a command."""
    return _ASSIGNMENT.match(word) is not None


def split_words(text: str) -> tuple[str, ...]:
    """The words of one command, without quotes; operators are words of their own."""
    return tuple(_unquoted(match[0]) for match in _TOKEN.finditer(text))


def compiler_calls(
    text: str, directory: str, compilers: Collection[str] = (), nesting: int = 0
) -> Iterator[CompilerCall]:
    """The compiler calls in a shell command that starts in `directory`, in their order.

    A program is a compiler if it has a usual name of one, or is among `compilers`.
    """
    for words in simple_commands(text):
        if words[:1] == ["cd"] and len(words) > 1:
            directory = os.path.normpath(os.path.join(directory, words[-1]))
        elif len(words) > 2 and _name(words[0]) in _SHELLS and words[1] in ("-c", "-ec"):
            if nesting < _MAX_NESTING:
                yield from compiler_calls(words[2], directory, compilers, nesting + 1)
        elif call := call_of_words(words, directory, compilers):
            yield call


def simple_commands(text: str) -> Iterator[list[str]]:
    """The words of each command between operators, without redirections and keywords of the shell."""
    for words in _between_operators(text):
        start = next((index for index, word in enumerate(words) if word not in _KEYWORDS), len(words))
        yield words[start:]


def _between_operators(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    is_file = False
    for match in _TOKEN.finditer(text):
        if match["redirection"]:
            is_file = True
        elif match["operator"]:
            yield words
            words, is_file = [], False
        elif is_file:
            is_file = False
        else:
            words.append(_unquoted(match[0]))
    yield words


def _unquoted(word: str) -> str:
    if not any(character in word for character in "'\"\\"):
        return word
    return _PART.sub(_unquoted_part, word)


def _unquoted_part(match: re.Match[str]) -> str:
    single, double, escaped, substituted = match.groups()
    if double is not None:
        return _IN_DOUBLE_QUOTES.sub(r"\1", double)
    if escaped is not None:
        return "" if escaped == "\n" else str(escaped)
    return str(single if single is not None else substituted)


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def call_of_words(words: list[str], directory: str, compilers: Collection[str] = ()) -> CompilerCall | None:
    """The compiler call in the words of one command that runs in `directory`; None if they do not compile."""
    words = _behind_wrappers(words)
    head = _head(words, compilers)
    if not head or _NO_COMPILATION.intersection(words[head:]):
        return None
    options, sources = _without_files(words[head:])
    if not sources:
        return None
    kept = [*words[:head], *options, *sources[1:]]
    source = _PUT_IN.sub("", sources[0]) or sources[0]
    return CompilerCall(tuple(kept), head, source, directory)


def _behind_wrappers(words: list[str]) -> list[str]:
    """The command that libtool, or CMake's runner of checks, would run; other words as they are."""
    if "--mode=compile" in words:
        return words[words.index("--mode=compile") + 1 :]
    if "__run_co_compile" in words and "--" in words:
        start = words.index("__run_co_compile")
        end = words.index("--", start) if "--" in words[start:] else len(words)
        launchers = [word[11:].split(";") for word in words[start:end] if word.startswith("--launcher=")]
        return [
            *words[: max(start - 2, 0)],
            *(word for each in launchers for word in each),
            *words[end + 1 :],
        ]
    return words


def _head(words: Sequence[str], compilers: Collection[str]) -> int:
    """The number of words up to and with the compiler; 0 if there is no compiler."""
    start = next((index for index, word in enumerate(words) if not is_assignment(word)), len(words))
    if start < len(words) and _name(words[start]) in _SAY_ONLY:
        return 0
    for index in range(start, len(words)):
        if words[index] in compilers or _COMPILER.fullmatch(_name(words[index])):
            # If CMake was given the compiler `distcc gcc`, `compilers` has distcc, and gcc is the next word.
            is_tool = _name(words[index]) in ("distcc", "ccache")
            behind = words[index + 1] if index + 1 < len(words) else ""
            if not (is_tool and _COMPILER.fullmatch(_name(behind))):
                return index + 1
        if _SOURCE.fullmatch(words[index]) and not words[index].startswith("-"):
            return 0
    return 0


def _without_files(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options without the files to be written, and the sources; without sources, the headers."""
    options: list[str] = []
    sources: list[str] = []
    headers: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in _FILES:
            next(rest, None)
        elif word in _TAKES_VALUE:
            options += [word, *(value for value in [next(rest, None)] if value is not None)]
        elif word.startswith("-") and word != "-":
            if not word.startswith(_FILES):
                options.append(word)
        elif _SOURCE.fullmatch(word):
            sources.append(word)
        elif _HEADER.fullmatch(word):
            headers.append(word)
        else:
            options.append(word)
    return (options, sources) if not headers else (options, sources or headers)

"""Variables of make and their values, as far as reading tells them. Pure: `$(shell ...)` is never run.

References that only make could work out, such as `$(shell date)`, stay in the value as they are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENVIRONMENT = "the environment"
_COMMAND_LINE = "the command line of make"
PLACE_SEPARATOR = " and "  # joins the places if several of them set a value
PLACES_WITHOUT_FILE = (_ENVIRONMENT, _COMMAND_LINE)  # places that are no files
_DEFAULTS = {  # GNU make's own variables for compiling C and C++
    "CC": "cc",
    "CXX": "g++",
    "CPP": "$(CC) -E",
    "AS": "as",
    "AR": "ar",
    "RM": "rm -f",
    "MAKE": "make",
    "OUTPUT_OPTION": "-o $@",
    "COMPILE.c": "$(CC) $(CFLAGS) $(CPPFLAGS) $(TARGET_ARCH) -c",
    "COMPILE.cc": "$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(TARGET_ARCH) -c",
    "COMPILE.cpp": "$(COMPILE.cc)",
    "COMPILE.C": "$(COMPILE.cc)",
    "COMPILE.S": "$(CC) $(ASFLAGS) $(CPPFLAGS) $(TARGET_MACH) -c",
    "LINK.c": "$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(TARGET_ARCH)",
    "LINK.cc": "$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(LDFLAGS) $(TARGET_ARCH)",
    "LINK.cpp": "$(LINK.cc)",
    "LINK.C": "$(LINK.cc)",
}
_MAX_DEPTH = 40
_MAX_TOTAL = 1 << 23  # characters that expansion makes
_COST = 64  # each reference counts as this many characters
_PARTNERS = {"(": ")", "{": "}"}
_SUBSTITUTION = re.compile(r"([^:=\s]+):([^=]*)=(.*)", re.DOTALL)
_UNKNOWN = re.compile(r"\$[({]")


class TooMuchError(Exception):
    """Expanding the values would take too much memory or time."""


@dataclass(frozen=True, slots=True)
class Value:
    """The text of a variable and the place that set it; each use expands the text if `is_recursive`."""

    text: str
    place: str
    is_recursive: bool = True
    is_known: bool = True


@dataclass(slots=True)
class Variables:
    """The variables of make. `overridden` are those of its command line, which no Makefile changes.

    `ask_machine` gives the value of a function, `shell` or `wildcard`, for its argument, or None if only make
    could tell. `without_effect` has the places of each `?=` whose variable already has a value in make.
    """

    environ: Mapping[str, str]
    overridden: Mapping[str, str] = field(default_factory=dict)
    ask_machine: Callable[[str, str], str | None] = lambda _, __: None
    values: dict[str, Value] = field(default_factory=dict)
    without_effect: dict[str, str] = field(default_factory=dict)
    total: int = 0

    def get(self, name: str) -> Value | None:
        """The value that counts; None if the variable is not set."""
        if name in self.overridden:
            return Value(self.overridden[name], _COMMAND_LINE)
        if name in self.values:
            return self.values[name]
        if name in self.environ and name not in ("MAKEFLAGS", "SHELL", "MAKE"):
            return Value(self.environ[name], _ENVIRONMENT)
        default = _DEFAULTS.get(name)
        return None if default is None else Value(default, "")

    def assign(self, name: str, operator: str, text: str, place: str) -> None:
        """Assign like a line of a Makefile; `operator` is the part before `=`, such as `+`."""
        before = self.get(name)
        if operator == "!":
            self.values[name] = Value(f"$({name})", place, is_known=False)
        elif operator == "?":
            if before is None:
                self.values[name] = Value(text, place)
            elif not before.place:
                self.without_effect[name] = place
        elif operator == "+" and before is not None:
            if not before.is_recursive:
                text = self.expand(text)
            places = dict.fromkeys([place, *filter(None, before.place.split(PLACE_SEPARATOR))])
            where = PLACE_SEPARATOR.join(places)
            self.values[name] = Value(f"{before.text} {text}", where, before.is_recursive, before.is_known)
        elif operator.startswith(":"):
            self.values[name] = Value(self.expand(text), place, is_recursive=False)
        else:
            self.values[name] = Value(text, place)

    def inner(self) -> Variables:
        """A copy for one target, which may set variables of its own."""
        self.total += len(self.values)
        return replace(self, values=dict(self.values))

    def assign_perhaps(self, name: str, operator: str, place: str) -> None:
        """Assign below a condition that only make could decide: the value becomes unknown.

        With `+=` the known beginning of the value stays.
        """
        before = self.get(name)
        if operator == "+" and before is not None:
            text = f"{before.text} $(more {name})"
            self.values[name] = Value(text, before.place or place, before.is_recursive, before.is_known)
        elif operator != "?" or before is None:
            self.values[name] = Value(f"$({name})", place, is_known=False)

    def expand(self, text: str, own: Mapping[str, str] | None = None, depth: int = 0) -> str:
        """The text with values in place of references; `own` are variables of a recipe, such as `@`.

        Raises `TooMuchError`.
        """
        if "$" not in text:
            return text
        self.total += len(text)
        if depth > _MAX_DEPTH or self.total > _MAX_TOTAL:
            raise TooMuchError
        pieces = []
        start = 0
        while (at := text.find("$", start)) >= 0:
            pieces.append(text[start:at])
            self.total += _COST
            reference, start = _reference(text, at)
            if start > len(text):
                return "".join([*pieces, text[at:]])
            pieces.append(self._value(reference, own or {}, depth))
        pieces.append(text[start:])
        expanded = "".join(pieces)
        self.total += len(expanded)
        return expanded

    def _value(self, reference: str, own: Mapping[str, str], depth: int) -> str:
        """The value of a reference such as `$(CC)`; `reference` is the text behind its `$`."""
        if reference in ("$", ""):
            return "$" * len(reference)
        inner = reference[1:-1] if reference[0] in _PARTNERS and len(reference) > 1 else reference
        function, _, arguments = inner.partition(" ")
        if arguments and function in _FUNCTIONS:
            parts = [self.expand(part, own, depth + 1) for part in split_arguments(arguments)]
            if any(_UNKNOWN.search(part) for part in parts):
                return f"${reference}"
            return _FUNCTIONS[function](parts)
        if arguments and function in ("shell", "wildcard"):
            answer = self.ask_machine(function, self.expand(arguments, own, depth + 1).strip())
            return f"${reference}" if answer is None else answer
        name = self.expand(inner, own, depth + 1)
        if name in own:
            return own[name]
        if match := _SUBSTITUTION.fullmatch(name):
            value = self._value(f"({match[1]})", own, depth + 1)
            old, new = (part if "%" in part else f"%{part}" for part in (match[2], match[3]))
            return _patsubst([old, new, value])
        return self._of(name, reference, own, depth)

    def _of(self, name: str, reference: str, own: Mapping[str, str], depth: int) -> str:
        if not re.fullmatch(r"[^\s$(){}:=#]+", name):  # a function that is not known here, or a part of one
            return f"${reference}"
        value = self.get(name)
        if value is None:
            return ""
        if not value.is_known:
            return f"$({name})"
        return self.expand(value.text, own, depth + 1) if value.is_recursive else value.text


def _reference(text: str, at: int) -> tuple[str, int]:
    """The reference behind a `$`, and the index of its end, which is behind the text if it never ends."""
    opening = text[at + 1 : at + 2]
    if opening not in _PARTNERS:
        return opening, at + 1 + len(opening)
    depth = 0
    for match in re.compile(f"[{re.escape(opening + _PARTNERS[opening])}]").finditer(text, at + 1):
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return text[at + 1 : match.end()], match.end()
    return "", len(text) + 1


def split_arguments(text: str) -> list[str]:
    """The arguments of a function or a condition, split at commas that are outside parentheses."""
    found = [""]
    depth = 0
    for piece in re.split(r"([,(){}])", text):
        depth += (piece in ("(", "{")) - (piece in (")", "}"))
        if piece == "," and depth == 0:
            found.append("")
        else:
            found[-1] += piece
    return found


def _matches(pattern: str, word: str) -> str | None:
    """The part of a word that `%` stands for, "" without `%`; None if the word does not match the pattern."""
    before, percent, behind = pattern.partition("%")
    if not percent:
        return "" if word == pattern else None
    fits = word.startswith(before) and word.endswith(behind) and len(word) >= len(before) + len(behind)
    return word[len(before) : len(word) - len(behind)] if fits else None


def _patsubst(parts: list[str]) -> str:
    old, new, text = (*parts, "", "")[:3]
    stems = [(word, _matches(old.strip(), word)) for word in text.split()]
    return " ".join(
        word if stem is None else new.strip().replace("%", stem, 1) if "%" in old else new.strip()
        for word, stem in stems
    )


def _filtered(parts: list[str], is_kept: bool) -> str:
    patterns, text = (*parts, "")[:2]
    kept = [
        word
        for word in text.split()
        if any(_matches(pattern, word) is not None for pattern in patterns.split()) == is_kept
    ]
    return " ".join(kept)


def _each(change: Callable[[str], str]) -> Callable[[list[str]], str]:
    return lambda parts: " ".join(map(change, parts[-1].split()))


_FUNCTIONS: dict[str, Callable[[list[str]], str]] = {
    "strip": lambda parts: " ".join(parts[0].split()),
    "subst": lambda parts: (*parts, "", "")[2].replace(parts[0], (*parts, "")[1]) if parts[0] else parts[-1],
    "patsubst": _patsubst,
    "filter": lambda parts: _filtered(parts, True),
    "filter-out": lambda parts: _filtered(parts, False),
    "addprefix": lambda parts: " ".join(parts[0] + word for word in parts[-1].split()),
    "addsuffix": lambda parts: " ".join(word + parts[0] for word in parts[-1].split()),
    "if": lambda parts: (*parts, "", "")[1 if parts[0].strip() else 2],
    "or": lambda parts: next((part for part in parts if part.strip()), ""),
    "and": lambda parts: parts[-1] if all(part.strip() for part in parts) else "",
    "sort": lambda parts: " ".join(sorted(set(parts[0].split()))),
    "firstword": lambda parts: " ".join(parts[0].split()[:1]),
    "lastword": lambda parts: " ".join(parts[0].split()[-1:]),
    "dir": _each(lambda word: word.rpartition("/")[0] + "/" if "/" in word else "./"),
    "notdir": _each(lambda word: word.rpartition("/")[2]),
    "basename": _each(lambda word: re.sub(r"\.[^./]*$", "", word)),
}

"""Reads the variables and rules of Makefiles as make would. Pure: nothing in them is run.

Only make could decide some conditions. Rules below such a condition are left out, and the variables that it
sets count as unknown.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .makevalues import Value, split_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from .makevalues import Variables

_MAX_FILES = 200
_MAX_DEPTH = 10
_MAX_RULES = 100_000
_CONTINUED = re.compile(r"\\\n[ \t]*")
_COMMENT = re.compile(r"(?<!\\)#.*")
_CONDITION = re.compile(r"(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)")
_ELSE = re.compile(r"else(?:\s+(ifeq|ifneq|ifdef|ifndef)\b\s*(.*))?")
_QUOTES = re.compile(r"([\"'])(.*?)\1\s*([\"'])(.*?)\3")
_ASSIGNMENT = re.compile(
    r"((?:(?:export|override|private)\s+)*)([^\s:#=?+!]+)\s*(\?|\+|!|:{0,3})=\s*(.*)", re.DOTALL
)
_INCLUDE = re.compile(r"(?:-include|sinclude|include)\s+(.*)")
_DEFINE = re.compile(r"(?:(?:export|override)\s+)*define\s+(\S+)\s*(\?|\+|!|:{0,3})=?")
_DEPENDENCIES = re.compile(r"\.(?:d|P|dep|Po|Plo|Tpo)$|depend[^/]*$")  # these files set no variables
_UNKNOWN = re.compile(r"\$[({]")

_Truth = bool | None  # None: only make could tell


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. Its targets and prerequisites are expanded, the lines of its recipe are not."""

    targets: tuple[str, ...]
    prerequisites: tuple[str, ...]
    recipe: list[str]
    place: str


@dataclass(frozen=True, slots=True)
class TargetVariable:
    """An assignment of a variable that counts for one target only."""

    name: str
    operator: str
    value: str
    place: str


@dataclass(slots=True)
class MakefileContents:
    """The contents of the Makefiles that were read. `read` gives the text of a file, None if it is missing.

    `target_variables` has the variables of single targets. `unread` are included files that could not be
    read: they could set any variable.
    """

    variables: Variables
    read: Callable[[str], str | None]
    rules: list[Rule] = field(default_factory=list)
    target_variables: dict[str, list[TargetVariable]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    exported: set[str] = field(default_factory=set)
    is_all_exported: bool = False
    _files: int = 0
    # For each condition around a line: whether this branch is read, and whether an earlier branch was.
    _branches: list[tuple[_Truth, _Truth]] = field(default_factory=list)

    def read_file(self, name: str, depth: int = 0) -> bool:
        """Read a Makefile and the files that it includes. Returns False if it is missing.

        Raises `TooMuchError`.
        """
        self._files += 1
        text = self.read(name) if self._files <= _MAX_FILES and depth <= _MAX_DEPTH else None
        if text is not None:
            before = self.variables.get("MAKEFILE_LIST")
            files = f"{before.text if before else ''} {name}"
            self.variables.values["MAKEFILE_LIST"] = Value(files, "", is_recursive=False)
            self._read_text(text, name, depth)
        return text is not None

    def _read_text(self, text: str, name: str, depth: int) -> None:
        recipe: list[str] | None = None
        lines = iter(_CONTINUED.sub(" ", text).split("\n"))
        for line in lines:
            if line.startswith("\t") and recipe is not None:
                if self._truth is True:
                    recipe.append(line[1:])
                continue
            line = _COMMENT.sub("", line).strip()
            if not line or self._is_condition(line) or self._truth is False:
                continue
            if definition := _DEFINE.fullmatch(line):
                value = "\n".join(itertools.takewhile(lambda each: each.strip() != "endef", lines))
                self._assign(definition[1], definition[2] or "", value, name)
            elif include := _INCLUDE.fullmatch(line):
                self._include(include[1], depth, is_needed=line.startswith("i"))
            else:
                recipe = self._read_line(line, name)

    @property
    def _truth(self) -> _Truth:
        """Whether the current line is read; None if only make could tell."""
        truths = [truth for truth, _ in self._branches]
        return False if False in truths else None if None in truths else True

    def _is_condition(self, line: str) -> bool:
        if match := _CONDITION.fullmatch(line):
            truth = self._decided(match[1], match[2])
            self._branches.append((truth, truth))
        elif line == "endif" and self._branches:
            self._branches.pop()
        elif (match := _ELSE.fullmatch(line)) and self._branches:
            _, before = self._branches.pop()
            here = self._decided(match[1], match[2]) if match[1] else True
            truth = False if before is True else None if before is None else here
            self._branches.append((truth, True if before is True else truth if before is False else None))
        else:
            return line == "endif" or line.startswith("else")
        return True

    def _decided(self, keyword: str, text: str) -> _Truth:
        if keyword in ("ifdef", "ifndef"):
            value = self.variables.get(self.variables.expand(text.strip()))
            truth: _Truth = None if value and not value.is_known else bool(value and value.text)
        else:
            match = _QUOTES.fullmatch(text)
            sides = [match[2], match[4]] if match else split_arguments(_outer(text))
            texts = [self.variables.expand(side).strip() for side in (*sides, "")[:2]]
            truth = None if any(_UNKNOWN.search(each) for each in texts) else texts[0] == texts[1]
        return truth if truth is None or keyword in ("ifdef", "ifeq") else not truth

    def _include(self, names: str, depth: int, is_needed: bool) -> None:
        names = self.variables.expand(names)
        if _UNKNOWN.search(names) or self._truth is not True:
            self.unread.append(names)
            return
        for name in names.split():
            if not _DEPENDENCIES.search(name) and not self.read_file(name, depth + 1) and is_needed:
                self.unread.append(name)

    def _assign(self, name: str, operator: str, value: str, place: str) -> None:
        name = self.variables.expand(name)
        if self._truth is True:
            self.variables.assign(name, operator, value, place)
        else:
            self.variables.assign_perhaps(name, operator, place)

    def _read_line(self, line: str, place: str) -> list[str] | None:
        """Read an assignment or the head of a rule; returns the list to add the lines of its recipe to."""
        if match := _ASSIGNMENT.fullmatch(line):
            if "export" in match[1]:
                self.exported.add(self.variables.expand(match[2]))
            self._assign(match[2], match[3], match[4], place)
            return None
        if line.split()[0] == "export":
            names = self.variables.expand(line[len("export") :]).split()
            self.exported.update(names)
            self.is_all_exported |= not names
            return None
        targets, colon, rest = _split(line)
        if not colon or self._truth is not True:
            return None if not colon else []
        targets_of = tuple(self.variables.expand(targets).split())
        if match := _ASSIGNMENT.fullmatch(rest.lstrip(": ")):
            for name in targets_of:
                self.target_variables.setdefault(name, []).append(
                    TargetVariable(match[2], match[3], match[4], place)
                )
            return None
        head, _, first = rest.lstrip(":").partition(";")
        _, pattern, behind = _split(head)
        prerequisites = self.variables.expand(behind if pattern else head).split()
        rule = Rule(targets_of, tuple(prerequisites), [first] if first else [], place)
        if len(self.rules) < _MAX_RULES:
            self.rules.append(rule)
        return rule.recipe


def _split(line: str) -> tuple[str, str, str]:
    """The line split at the first colon that is outside references."""
    depth = 0
    for match in re.finditer(r"[({]|[)}]|:", line):
        if match[0] == ":" and depth <= 0:
            return line[: match.start()], ":", line[match.end() :]
        depth += (match[0] in "({") - (match[0] in ")}")
    return line, "", ""


def _outer(text: str) -> str:
    text = text.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text

"""Reads the build statements of a ninja file, with their commands as ninja would run them. Pure.

The format is that of ninja's manual: variables, rules, bindings of a statement, `$` escapes, `include` and
`subninja`. Reading stops at a limit of files and characters.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_MAX_FILES = 200
_MAX_DEPTH = 8
_MAX_VALUE = 1 << 18
_MAX_TOTAL = 1 << 27  # characters of all files and values together

_CONTINUED = re.compile(r"(\$\$)|\$\n[ ]*")
_REFERENCE = re.compile(r"\$(?:([A-Za-z0-9_-]+)|\{([A-Za-z0-9_.-]+)\}|(.)|$)", re.DOTALL)
_PATH = re.compile(r"(?:[^\s$:|]|\$.)+|\|\||\|@|\||:", re.DOTALL)
_BINDING = re.compile(r"[ ]*([A-Za-z0-9_.-]+)[ ]*=[ ]*(.*)")
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)

_Parts = tuple[tuple[str, str], ...]  # a text, and the name of the variable that follows it


@dataclass(frozen=True, slots=True)
class Statement:
    """A build statement with the paths as ninja names them; `rule` is the name of the rule with `command`.

    `file` is the ninja file that has the statement.
    """

    file: str
    rule: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


_Found = tuple[Statement, dict[str, str], dict[str, str], list[dict[str, str]]]


def read_statements(name: str, read: Callable[[str], str]) -> Iterator[Statement]:
    """The statements with a command in the file `name`; `read` gives the text of a file, maybe ""."""
    reader = _Reader(read)
    reader.read_file(name, _Scope([{}], [{}]), 0)
    yield from reader.statements()


@dataclass(frozen=True, slots=True)
class _Scope:
    """The variables and rules that count in a file: first its own, then those of the files around it."""

    values: list[dict[str, str]]
    rules: list[dict[str, dict[str, str]]]

    def inner(self) -> _Scope:
        """The scope of a file that `subninja` reads from this one."""
        values: dict[str, str] = {}
        rules: dict[str, dict[str, str]] = {}
        return _Scope([values, *self.values], [rules, *self.rules])


@dataclass(slots=True)
class _Reader:
    read: Callable[[str], str]
    files: int = 0
    total: int = 0
    parsed: dict[str, _Parts] = field(default_factory=dict)
    found: list[_Found] = field(default_factory=list)

    def statements(self) -> Iterator[Statement]:
        """The statements. A command sees the last value of a variable, even one that is set after it."""
        for statement, bindings, own, values in self.found:
            if self.total > _MAX_TOTAL:
                return
            inputs, outputs = (
                " ".join(map(_quoted, paths)) for paths in (statement.inputs, statement.outputs)
            )
            before: list[Mapping[str, str]] = [{"in": inputs, "out": outputs}, own]
            yield replace(statement, command=self._of_rule(bindings, "command", before, values))

    def read_file(self, name: str, scope: _Scope, depth: int) -> None:
        """Find the statements of a file and of the files that it includes."""
        self.files += 1
        if self.files > _MAX_FILES or depth > _MAX_DEPTH:
            return
        text = self.read(name)
        self.total += len(text)
        for head, bindings in _blocks(text):
            if self.total > _MAX_TOTAL:
                return
            keyword, _, rest = head.partition(" ")
            if keyword == "build":
                self._read_statement(rest, bindings, scope, name)
            elif keyword == "rule":
                scope.rules[0][rest.strip()] = bindings
            elif keyword in ("include", "subninja"):
                inner = scope if keyword == "include" else scope.inner()
                self.read_file(self._expanded(rest.strip(), scope.values), inner, depth + 1)
            elif keyword not in ("default", "pool") and (match := _BINDING.match(head)):
                scope.values[0][match[1]] = self._expanded(match[2], scope.values)

    def _read_statement(self, text: str, raw: dict[str, str], scope: _Scope, file: str) -> None:
        own = raw
        if any("$" in value for value in raw.values()):
            own = {name: self._expanded(value, scope.values) for name, value in raw.items()}
        outputs, rule, inputs = self._paths(text, [own, *scope.values])
        bindings = next((rules[rule] for rules in scope.rules if rule in rules), {})
        if "command" in bindings:
            self.found.append((Statement(file, rule, "", inputs, outputs), bindings, own, scope.values))

    def _of_rule(
        self,
        bindings: Mapping[str, str],
        name: str,
        before: list[Mapping[str, str]],
        behind: Sequence[Mapping[str, str]],
        depth: int = 0,
    ) -> str:
        """The value of a rule's variable `name`, which may refer to the other variables of the rule.

        Values in `before` win over those of the rule, and those of the rule over `behind`.
        """
        if depth > _MAX_DEPTH:
            return ""
        parts = self._parts(bindings[name])
        others = {
            other: self._of_rule(bindings, other, before, behind, depth + 1)
            for _, other in parts
            if other in bindings and not any(other in values for values in before)
        }
        return self._joined(parts, [*before, others, *behind])

    def _paths(
        self, text: str, values: Sequence[Mapping[str, str]]
    ) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
        """The explicit outputs, the rule and the explicit inputs of a statement."""
        found: tuple[list[str], list[str]] = ([], [])
        side = 0
        is_explicit = True
        for word in _PATH.findall(text):
            if word == ":" and side == 0:
                side, is_explicit = 1, True
            elif word in ("|", "||", "|@"):
                is_explicit = False
            elif is_explicit:
                found[side].append(self._expanded(word, values))
        return tuple(found[0]), found[1][0] if found[1] else "", tuple(found[1][1:])

    def _expanded(self, text: str, values: Sequence[Mapping[str, str]]) -> str:
        return text if "$" not in text else self._joined(self._parts(text), values)

    def _joined(self, parts: _Parts, values: Sequence[Mapping[str, str]]) -> str:
        """The parts with the value of each variable from the first mapping that has it."""
        pieces: list[str] = []
        length = 0
        for text, name in parts:
            value = ""
            for each in values if name else ():
                if name in each:
                    value = each[name]
                    break
            length += len(text) + len(value)
            if length > _MAX_VALUE:
                break
            pieces += (text, value)
        self.total += length
        return "".join(pieces)

    def _parts(self, text: str) -> _Parts:
        parts = self.parsed.get(text)
        if parts is None:
            found = []
            start = 0
            literal = ""
            for match in _REFERENCE.finditer(text):
                literal += text[start : match.start()]
                start = match.end()
                if name := match[1] or match[2]:
                    found.append((literal, name))
                    literal = ""
                else:
                    literal += match[3] or ""
            found.append((literal + text[start:], ""))
            parts = self.parsed[text] = tuple(found)
        return parts


def _blocks(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each line that is not indented, with the bindings in the indented lines below it."""
    text = text.replace("\r\n", "\n")
    if "$\n" in text:
        text = _CONTINUED.sub(lambda match: match[1] or "", text)
    head = ""
    bindings: dict[str, str] = {}
    for line in text.split("\n"):
        if not line or line[0] == "#":
            continue
        if line[0] != " ":
            if head:
                yield head, bindings
            head, bindings = line, {}
        elif match := _BINDING.match(line):
            bindings[match[1]] = match[2]
    if head:
        yield head, bindings


def _quoted(path: str) -> str:
    return path if _PLAIN.fullmatch(path) else shlex.quote(path)

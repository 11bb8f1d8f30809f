"""Finds the compilers of a Makefile whose compile commands are not known. Pure: nothing in it is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RECIPE = "recipe"  # the setting of a compiler that a recipe calls by name
_MAX_REFERENCES = 4  # in one value; each of them may lead to a value with as many references
_MAKE_DEFAULTS = {"CC": "cc", "CXX": "g++"}


class UnknownCompilerError(Exception):
    """Only make itself could tell the compiler; the text is the reason."""


_USES = {
    "CC": re.compile(r"\$[({](?:CC|(?:COMPILE|LINK)\.[cS])[)}]"),
    "CXX": re.compile(r"\$[({](?:CXX|(?:COMPILE|LINK)\.(?:cc|cpp|C))[)}]"),
}
_SOURCE = {"CC": re.compile(r"\.c\b"), "CXX": re.compile(r"\.(?:cc|cpp|cxx|C)\b")}
_TAKES_SOURCE = re.compile(r"\$<|\.(?:c|cc|cpp|cxx|C)\b")
_COMPILES = re.compile(r"\s-c(?:\s|$)")
_BUILDS = re.compile(r"^(?!.*\s-M)(?:.*\s-[co](?:\s|$)|.*\.(?:c|cc|cpp|cxx|C)\b)")
_LITERAL = re.compile(
    r"(?:(?:\S*/)?(?:distcc|ccache)\s+)*(?:[^\s$]*/)?(?:gcc|cc|g\+\+|c\+\+|clang|clang\+\+)(?:-\d+)?(?=\s)"
)


def makefile_compilers(text: str, name: str, environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The compilers that the Makefile `name` calls: CC, then CXX, then names in recipes.

    Each is a setting, a command, and the place that gives the setting its value, "" for the Makefile itself.
    `environ` is the environment that make would have. Raises `UnknownCompilerError`.
    """
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^ *#.*", "", text, flags=re.MULTILINE)
    recipes = list(_recipe_commands(text))
    variables = [variable for variable, pattern in _USES.items() if pattern.search(text)]
    literal = _literal_compilers(recipes, _COMPILES)
    if not variables and not literal:
        for command, _ in recipes:
            if command.startswith("$") and _COMPILES.search(command) and _TAKES_SOURCE.search(command):
                raise UnknownCompilerError(f"a recipe calls {command.split()[0]}")
        variables = _built_in(text)
        literal = [] if variables else _literal_compilers(recipes, _BUILDS)
    found = [
        (variable, _make_value(text, variable, environ), _place(text, name, variable, environ))
        for variable in variables
    ]
    found += [(RECIPE, command, f"a recipe in {name}") for command in literal]
    if not found:
        raise UnknownCompilerError(_why_no_compiler(text))
    return found


def _recipe_commands(text: str) -> Iterator[tuple[str, bool]]:
    """Each command of the recipes without its quoted texts, and whether it is under a condition."""
    depth = 0
    for line in text.splitlines():
        depth += bool(_CONDITION.match(line)) - bool(_END.match(line))
        if line.startswith("\t"):
            line = re.sub(r"'[^']*'|\"[^\"]*\"", "''", line.lstrip("\t @+-"))
            for command in re.split(r"&&|\|\||[;|]", line):
                yield re.sub(r"^\s*(?:\w+=\S*\s+)*", "", command), depth > 0


def _literal_compilers(recipes: Sequence[tuple[str, bool]], pattern: re.Pattern[str]) -> list[str]:
    """The compilers, each once, of the recipe commands that match `pattern`.

    Raises `UnknownCompilerError` if such a command is under a condition.
    """
    found = {}
    for command, is_conditional in recipes:
        if (match := _LITERAL.match(command)) and pattern.search(command):
            if is_conditional:
                raise UnknownCompilerError(f"a recipe calls {match[0]} under a condition")
            found[match[0]] = True
    return list(found)


def _built_in(text: str) -> list[str]:
    """CC or CXX or both, if the Makefile names object files: make's own rules compile them."""
    rest = _without_recipes(text)
    if not re.search(r"\.o\b", rest):
        return []
    return [variable for variable, pattern in _SOURCE.items() if pattern.search(rest)] or ["CC"]


def _why_no_compiler(text: str) -> str:
    if include := _INCLUDE.search(text):
        return f"{include[1].strip()}, which it includes, may call one"
    if any(pattern.search(_without_recipes(text)) for pattern in _SOURCE.values()):
        return "it names sources, but no recipe in it calls a compiler"
    return "it calls no compiler by itself"


def _without_recipes(text: str) -> str:
    return re.sub(r"^\t.*", "", text, flags=re.MULTILINE)


_ASSIGNMENT = re.compile(
    r"^ *(?:(?:export|override) +)*(?P<name>[A-Za-z_][\w.-]*)\s*"
    r"(?P<operator>\?|\+|!|:{0,3})=\s*(?P<value>.*)$"
)
_NO_DEFAULTS = re.compile(r"^ *MAKEFLAGS\s*[:+?]*=.*(?:R\b|no-builtin-variables)", re.MULTILINE)
_CONDITION = re.compile(r"^ *(?:ifn?eq|ifn?def)\b")
_END = re.compile(r"^ *endif\b")
_INCLUDE = re.compile(r"^ *include +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Assignment:
    operator: str
    value: str
    is_conditional: bool


def _make_value(text: str, variable: str, environ: Mapping[str, str], depth: int = 0) -> str:
    """The value that a variable has in make.

    Raises `UnknownCompilerError` if only make can work out the value.
    """
    found = _assignments(text, variable)
    if variable in _MAKE_DEFAULTS:  # make has a value already, so `?=` has no effect
        found = [assignment for assignment in found if assignment.operator != "?"]
    if any(assignment.is_conditional for assignment in found):
        raise UnknownCompilerError(f"{variable} is set under a condition")
    if any(assignment.operator in ("+", "!") for assignment in found):
        raise UnknownCompilerError(f"{variable} is put together from parts")
    firm = [assignment.value for assignment in found if assignment.operator != "?"]
    # `-include` does not count: most often it includes dependencies, which assign no variables.
    if not found and (include := _INCLUDE.search(text)):
        raise UnknownCompilerError(f"{variable} may be set in {include[1].strip()}, which it includes")
    if not firm and environ.get(variable):
        return environ[variable]
    if not found and variable not in _MAKE_DEFAULTS:
        raise UnknownCompilerError(f"{variable} is not set in it")
    if not found and _NO_DEFAULTS.search(text):
        raise UnknownCompilerError(f"it turns off make's own value of {variable}")
    value = firm[-1] if firm else found[0].value if found else _MAKE_DEFAULTS[variable]
    return _expanded(text, variable, value, environ, depth)


def _place(text: str, name: str, variable: str, environ: Mapping[str, str]) -> str:
    """The place that gives CC or CXX its value; "" for the Makefile itself."""
    operators = [assignment.operator for assignment in _assignments(text, variable)]
    if any(operator != "?" for operator in operators):
        return ""
    if environ.get(variable):
        return f"{variable} in the environment"
    if operators:
        return f"make's own value: '{variable} ?=' in {name} has no effect on it"
    return f"make's own value of {variable}"


def _assignments(text: str, variable: str) -> list[_Assignment]:
    found = []
    depth = 0
    for line in text.splitlines():
        if _CONDITION.match(line):
            depth += 1
        elif _END.match(line):
            depth -= 1
        elif (match := _ASSIGNMENT.match(line)) and match["name"] == variable:
            value = re.sub(r"#.*", "", match["value"])  # make keeps the blanks at the end
            found.append(_Assignment(match["operator"], value, depth > 0))
    return found


def _expanded(text: str, variable: str, value: str, environ: Mapping[str, str], depth: int) -> str:
    if depth > 5:
        raise UnknownCompilerError(f"{variable} refers to itself")
    if value.count("$") > _MAX_REFERENCES:
        raise UnknownCompilerError(f"{variable} is put together from very many parts")

    def replace(match: re.Match[str]) -> str:
        return _make_value(text, match[1] or match[2], environ, depth + 1)

    value = re.sub(r"\$\((\w+)\)|\$\{(\w+)\}", replace, value)
    if "$" in value or not value.strip():
        raise UnknownCompilerError(f"{variable} is {value!r}, which only make can work out")
    return value

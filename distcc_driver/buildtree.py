"""Which compiler a build directory was configured with: CMake, Meson, Autotools, plain Makefiles.

The files are read, nothing in them is executed: a Makefile may be a stranger's, and `make -n`
runs parts of it.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MAX_BYTES = 16 * 1024 * 1024
_MAX_RULE_FILES = 50
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
RECIPE = "recipe"  # the setting of a compiler that a recipe of a Makefile names
_MAKE_DEFAULTS = {"CC": "cc", "CXX": "g++"}
_CONFIGURED = ("CMakeCache.txt", "meson-info", "config.status")
_SOURCES = ("CMakeLists.txt", "meson.build", "configure", "configure.ac")


class System(str, Enum):
    """What wrote the build files, or runs them."""

    CMAKE = "CMake"
    MESON = "Meson"
    AUTOTOOLS = "Autotools"
    MAKE = "make"
    NINJA = "ninja"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Configured:
    """A compiler of a build directory: the command with its launcher, and the setting that says so.

    `place` is where that has its value from, if it is not the file of the build directory.
    """

    setting: str
    words: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class BuildTree:
    """`file` is what was read, `compilers` is empty if it cannot be told, for the reason in `unknown`.

    `runner` builds it, `unconfigured` is a file that would have to be configured first, `configured`
    are the directories below in which that has been done.
    """

    directory: str
    system: System
    file: str | None = None
    runner: str = "make"
    compilers: tuple[Configured, ...] = ()
    unknown: str = ""
    unconfigured: str | None = None
    configured: tuple[str, ...] = ()


def read_tree(directory: str, environ: Mapping[str, str]) -> BuildTree:
    """Find out about a directory; `environ` counts where make reads CC and CXX from it."""
    if os.path.isfile(os.path.join(directory, "CMakeCache.txt")):
        return _read_cmake(directory)
    if os.path.isdir(os.path.join(directory, "meson-info")):
        return _read_meson(directory)
    for name in ("config.status", "config.log"):
        if os.path.isfile(os.path.join(directory, name)):
            return _read_autotools(directory, name)
    for name in _MAKEFILES:
        if os.path.isfile(os.path.join(directory, name)):
            return _read_makefile(directory, name, environ)
    if os.path.isfile(os.path.join(directory, "build.ninja")):
        unknown = "it was written by a program that is not known here"
        return BuildTree(directory, System.NINJA, "build.ninja", "ninja", unknown=unknown)
    sources = next((name for name in _SOURCES if os.path.isfile(os.path.join(directory, name))), None)
    configured = _configured_below(directory) if sources else ()
    return BuildTree(directory, System.NONE, unconfigured=sources, configured=configured)


def _configured_below(directory: str) -> tuple[str, ...]:
    """The directories right below that something has configured."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:  # it may be entered, but not listed
        return ()
    return tuple(
        name
        for name in names
        if any(os.path.exists(os.path.join(directory, name, file)) for file in _CONFIGURED)
    )


def _text(directory: str, name: str) -> str:
    """A file of the directory; empty if it cannot be read."""
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a quote without its partner
        return tuple(text.split())


def _read_cmake(directory: str) -> BuildTree:
    cache = dict(re.findall(r"^(CMAKE_\w+):\w+=(.*)$", _text(directory, "CMakeCache.txt"), re.MULTILINE))
    is_ninja = "Ninja" in cache.get("CMAKE_GENERATOR", "")
    found = []
    for language in ("C", "CXX"):
        setting = f"CMAKE_{language}_COMPILER"
        if compiler := cache.get(setting):
            launcher = cache.get(f"{setting}_LAUNCHER", "").replace(";", " ")
            before = _words(launcher) or _launcher_in_rules(directory, compiler, is_ninja)
            arguments = _words(cache.get(f"{setting}_ARG1", ""))
            found.append(Configured(setting, (*before, compiler, *arguments)))
    return BuildTree(
        directory,
        System.CMAKE,
        "CMakeCache.txt",
        "ninja" if is_ninja else "make",
        tuple(found),
        "" if found else "its cache names no C or C++ compiler",
    )


def _launcher_in_rules(directory: str, compiler: str, is_ninja: bool) -> tuple[str, ...]:
    """What stands before the compiler in a rule: a project may set a launcher that no cache shows."""
    rule = re.compile(rf"^(?:\s+command = |\t)(?P<before>[^\n]*?){re.escape(compiler)} .* -c ", re.MULTILINE)
    for name in _rule_files(directory, is_ninja):
        if match := rule.search(_text(directory, name)):
            return tuple(word for word in _words(match["before"]) if "$" not in word)
    return ()


def _rule_files(directory: str, is_ninja: bool) -> Iterator[str]:
    if is_ninja:
        yield os.path.join("CMakeFiles", "rules.ninja")
        return
    count = 0
    for path, names, files in os.walk(directory):
        names.sort()
        if "build.make" in files:
            yield os.path.relpath(os.path.join(path, "build.make"), directory)
            count += 1
        if count == _MAX_RULE_FILES:
            return


def _read_meson(directory: str) -> BuildTree:
    """The rules that Meson wrote tell what will run, in every version of it."""
    text = _text(directory, "build.ninja")
    rules = re.findall(r"^rule (c|cpp)_COMPILER(?:_RSP)?\n command = (.*?) (?:\$ARGS|@)", text, re.MULTILINE)
    names = {"c": "C compiler", "cpp": "C++ compiler"}
    found = {language: Configured(names[language], _words(command)) for language, command in rules}
    unknown = "" if found else "its build.ninja has no rule for C or C++"
    return BuildTree(directory, System.MESON, "build.ninja", "ninja", tuple(found.values()), unknown)


def _read_autotools(directory: str, name: str) -> BuildTree:
    pattern = r'^S\["(CC|CXX)"\]="(.+)"$' if name == "config.status" else r"^(CC|CXX)='(.+)'$"
    settings = dict(re.findall(pattern, _text(directory, name), re.MULTILINE))
    found = tuple(Configured(variable, _words(settings[variable])) for variable in sorted(settings))
    unknown = "" if found else f"{name} has neither CC nor CXX"
    return BuildTree(directory, System.AUTOTOOLS, name, "make", found, unknown)


def _read_makefile(directory: str, name: str, environ: Mapping[str, str]) -> BuildTree:
    text = re.sub(r"\\\n", " ", _text(directory, name))
    text = re.sub(r"^ *#.*", "", text, flags=re.MULTILINE)
    try:
        found = _make_compilers(text, name, environ)
    except _UnknownError as unknown:
        return BuildTree(directory, System.MAKE, name, unknown=str(unknown))
    return BuildTree(directory, System.MAKE, name, "make", tuple(found))


class _UnknownError(Exception):
    """Only make itself could tell: why."""


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


def _make_compilers(text: str, name: str, environ: Mapping[str, str]) -> list[Configured]:
    """The compilers that recipes call, in the order of CC, CXX and names. Raises `_UnknownError`."""
    recipes = list(_recipe_commands(text))
    variables = [variable for variable, pattern in _USES.items() if pattern.search(text)]
    literal = _literal_compilers(recipes, _COMPILES)
    if not variables and not literal:
        for command, _ in recipes:
            if command.startswith("$") and _COMPILES.search(command) and _TAKES_SOURCE.search(command):
                raise _UnknownError(f"a recipe calls {command.split()[0]}")
        variables = _built_in(text)
        literal = [] if variables else _literal_compilers(recipes, _BUILDS)
    found = []
    for variable in variables:
        words = _words(_make_value(text, variable, environ))
        found.append(Configured(variable, words, _place(text, name, variable, environ)))
    found += [Configured(RECIPE, _words(command), f"a recipe in {name}") for command in literal]
    if not found:
        raise _UnknownError(_why_no_compiler(text))
    return found


def _recipe_commands(text: str) -> Iterator[tuple[str, bool]]:
    """Each command of the recipes without what is quoted in it, and whether it is under a condition."""
    depth = 0
    for line in text.splitlines():
        depth += bool(_CONDITION.match(line)) - bool(_END.match(line))
        if line.startswith("\t"):
            line = re.sub(r"'[^']*'|\"[^\"]*\"", "''", line.lstrip("\t @+-"))
            for command in re.split(r"&&|\|\||[;|]", line):
                yield re.sub(r"^\s*(?:\w+=\S*\s+)*", "", command), depth > 0


def _literal_compilers(recipes: Sequence[tuple[str, bool]], pattern: re.Pattern[str]) -> list[str]:
    """Compilers that commands with `pattern` name, each once; raises `_UnknownError` under a condition."""
    found = {}
    for command, is_conditional in recipes:
        if (match := _LITERAL.match(command)) and pattern.search(command):
            if is_conditional:
                raise _UnknownError(f"a recipe calls {match[0]} under a condition")
            found[match[0]] = True
    return list(found)


def _built_in(text: str) -> list[str]:
    """CC and CXX where objects are named, but no recipe makes them: make's own rules do."""
    rest = _without_recipes(text)
    if not re.search(r"\.o\b", rest):
        return []
    return [variable for variable, pattern in _SOURCE.items() if pattern.search(rest)] or ["CC"]


def _why_no_compiler(text: str) -> str:
    if include := _INCLUDE.search(text):
        return f"{include[1].strip()}, which it includes, may call one"
    if any(pattern.search(_without_recipes(text)) for pattern in _SOURCE.values()):
        return "it names sources, but no recipe of it calls a compiler"
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
    """What make would take a variable for. Raises `_UnknownError` where that takes more than reading."""
    found = _assignments(text, variable)
    if variable in _MAKE_DEFAULTS:  # `?=` finds a value there already
        found = [assignment for assignment in found if assignment.operator != "?"]
    if any(assignment.is_conditional for assignment in found):
        raise _UnknownError(f"{variable} is set under a condition")
    if any(assignment.operator in ("+", "!") for assignment in found):
        raise _UnknownError(f"{variable} is put together from parts")
    firm = [assignment.value for assignment in found if assignment.operator != "?"]
    # What is included with a dash, and may be missing, are most often dependencies.
    if not found and (include := _INCLUDE.search(text)):
        raise _UnknownError(f"{variable} may be set in {include[1].strip()}, which it includes")
    if not firm and environ.get(variable):
        return environ[variable]
    if not found and variable not in _MAKE_DEFAULTS:
        raise _UnknownError(f"{variable} is not set in it")
    if not found and _NO_DEFAULTS.search(text):
        raise _UnknownError(f"it turns off make's own value of {variable}")
    value = firm[-1] if firm else found[0].value if found else _MAKE_DEFAULTS[variable]
    return _expanded(text, variable, value, environ, depth)


def _place(text: str, name: str, variable: str, environ: Mapping[str, str]) -> str:
    """Where one of make's own variables has its value from; empty for the Makefile itself."""
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
            value = re.sub(r"#.*", "", match["value"])  # blanks at its end count
            found.append(_Assignment(match["operator"], value, depth > 0))
    return found


def _expanded(text: str, variable: str, value: str, environ: Mapping[str, str], depth: int) -> str:
    if depth > 5:
        raise _UnknownError(f"{variable} refers to itself")

    def replace(match: re.Match[str]) -> str:
        return _make_value(text, match[1] or match[2], environ, depth + 1)

    value = re.sub(r"\$\((\w+)\)|\$\{(\w+)\}", replace, value)
    if "$" in value or not value.strip():
        raise _UnknownError(f"{variable} is {value!r}, which only make can work out")
    return value

"""The compilers and compile commands of Makefiles, those of Autotools included."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import re
from typing import TYPE_CHECKING

from .buildcommands import CommandGroups, ConfiguredCompiler
from .buildfiles import text_of
from .commandline import compiler_calls, split_words
from .makecompilers import RECIPE
from .makerecipes import Recipes
from .makerules import MakefileContents
from .makevalues import PLACE_SEPARATOR, PLACES_WITHOUT_FILE, TooMuchError, Value, Variables
from .submakes import sub_makes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .buildcommands import BuildCommand
    from .makerecipes import Recipe
    from .submakes import SubMake

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")  # as make prefers them
_MAX_BYTES = 16 * 1024 * 1024
_MAX_COST = 1 << 24  # characters that are read or that expansion makes
_MAX_DIRECTORIES = 500
_MAX_FOUND = 20_000
_MAX_NAMES = 100
_MAX_COMPILERS = 8
_MAX_WILDCARDS = 2
_NAME = re.compile(r"\$[({]([\w.-]+)")
_HAS_OPTION = re.compile(r"\s*(?=[-$])(?:.*\s)?-(?![DIUlL])[-\w]", re.DOTALL)
_COMMAND_LINE = re.compile(r"(?:^|\s)([\w.]+)=(\S*)")
_UNAME = re.compile(r"(?:/bin/)?uname(?: -([sm]))?(?: 2> ?/dev/null(?: ?\|\| ?.*)?)?")
_UNAME_FIELDS = {"s": "sysname", "m": "machine"}
_AUTOMATIC = {"*": "%", "@D": ".", "@F": "%.o", "<D": ".", "<F": "%.c", "*F": "%", "*D": "."}


def read_makefiles(
    directory: str, makefiles: Iterable[str], environ: Mapping[str, str]
) -> tuple[tuple[ConfiguredCompiler, ...], tuple[BuildCommand, ...]]:
    """The compilers and compile commands of Makefiles; make reads each of them in its own directory.

    Their recipes may call make for other Makefiles, which are read too. The numbers of compilations are not
    known. `environ` is the environment that make would have.
    """
    groups = CommandGroups()
    compilers: dict[ConfiguredCompiler, None] = {}
    none: tuple[str, ...] = ()
    waiting = [(name, none, environ, _overridden(environ)) for name in makefiles]
    seen: set[object] = set()
    spent = 0
    for name, goals, around, overridden in waiting:
        key = name, goals, tuple(sorted(overridden.items()))
        if key in seen or len(seen) == _MAX_DIRECTORIES:
            continue
        seen.add(key)
        makefile = _Makefile(directory, name, around, overridden, goals)
        makefile.add_to(groups)
        spent += makefile.cost
        if spent > _MAX_COST:
            break
        compilers |= dict.fromkeys(makefile.compilers)
        for call in makefile.calls:
            if file := _usual_name(directory, call):
                handed = {**overridden, **dict(call.variables)}
                waiting.append((file, call.goals, {**makefile.exported, **dict(call.environ)}, handed))
    return tuple(compilers)[:_MAX_COMPILERS], groups.commands


def _usual_name(directory: str, call: SubMake) -> str:
    """The path from the build directory to the Makefile of a call of make; "" if there is no Makefile."""
    for name in [call.file] if call.file else MAKEFILES:
        path = os.path.join(call.directory, name)
        if os.path.isfile(path):
            return os.path.relpath(path, os.path.abspath(directory))
    return ""


class _Makefile:
    """One Makefile and the files that it includes; `name` is its path from the build directory."""

    def __init__(
        self,
        directory: str,
        name: str,
        environ: Mapping[str, str],
        overridden: Mapping[str, str],
        goals: tuple[str, ...],
    ) -> None:
        self._place, self._name = os.path.split(name)
        self._directory = os.path.normpath(os.path.join(os.path.abspath(directory), self._place))
        self._left = _MAX_BYTES
        self._environ = environ
        self.compilers: dict[ConfiguredCompiler, None] = {}
        self.calls: dict[SubMake, None] = {}
        variables = Variables(environ, overridden, self._ask_machine)
        variables.values["CURDIR"] = Value(self._directory, "", is_recursive=False)
        self._contents = MakefileContents(variables, self._text)
        self._recipes = Recipes(self._contents, self._is_there, goals)
        with contextlib.suppress(TooMuchError):
            self._contents.read_file(self._name)
            if not self._contents.unread and not self._recipes.is_without_defaults:
                return
        self._contents.rules.clear()

    @property
    def cost(self) -> int:
        """The number of characters that were read and that expansion made."""
        return _MAX_BYTES - self._left + self._contents.variables.total

    def _is_there(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self._directory, name))

    def _text(self, name: str) -> str | None:
        if not self._is_there(name):
            return None
        text = text_of(self._directory, name, self._left)
        self._left = max(0, self._left - len(text))
        return text

    def _ask_machine(self, function: str, argument: str) -> str | None:
        """The answer of `$(wildcard ...)` or `$(shell uname ...)`, found without running a program."""
        if function == "shell":
            match = _UNAME.fullmatch(argument)
            return None if match is None else getattr(os.uname(), _UNAME_FIELDS[match[1] or "s"])
        if sum("*" in part for part in argument.split("/")) > _MAX_WILDCARDS:
            return None
        patterns = argument.split()[:_MAX_DIRECTORIES]
        found = (glob.iglob(pattern, root_dir=self._directory) for pattern in patterns)
        return " ".join(sorted(itertools.islice(itertools.chain.from_iterable(found), _MAX_FOUND)))

    @property
    def exported(self) -> dict[str, str]:
        """The environment that make gives to the commands in recipes."""
        contents, variables = self._contents, self._contents.variables
        names = set(variables.values)
        if not contents.is_all_exported:
            names &= {*contents.exported, *self._environ}
        with contextlib.suppress(TooMuchError):
            return {**self._environ, **{name: variables.expand(f"$({name})") for name in sorted(names)}}
        return dict(self._environ)

    def add_to(self, groups: CommandGroups) -> None:
        """Add the compiler calls in the recipes, and note compilers and calls of make."""
        contents = self._contents
        for name in dict.fromkeys(self._recipes.goals):  # targets that a goal needs inherit its variables
            for each in contents.target_variables.get(name, ()):
                contents.variables.assign(each.name, each.operator, each.value, each.place)
        kinds: dict[object, Recipe] = {}
        for recipe in self._recipes.all():
            own = (name for name in recipe.names if name in contents.target_variables)
            kinds.setdefault((recipe.kind, self._is_built(recipe), *own), recipe)
        with contextlib.suppress(TooMuchError):
            for is_built in (True, False):
                for recipe in kinds.values():
                    if self._is_built(recipe) is is_built:
                        self._add(groups, recipe, is_built)
                if self.compilers or self.calls:
                    break  # the other recipes are for goals that the user has to name

    def _is_built(self, recipe: Recipe) -> bool:
        """Whether make runs a recipe if the user names no goal. Pattern rules count as run."""
        return "%" in recipe.target or recipe.target in self._recipes.built

    def _add(self, groups: CommandGroups, recipe: Recipe, is_built: bool) -> None:
        own = [each for name in recipe.names for each in self._contents.target_variables.get(name, ())]
        variables = self._contents.variables.inner() if own else self._contents.variables
        for each in own:
            variables.assign(each.name, each.operator, each.value, each.place)
        self._contents.variables.total = variables.total
        needed = " ".join(recipe.prerequisites) or recipe.source
        values = _AUTOMATIC | {"@": recipe.target, "<": recipe.source, **dict.fromkeys("^+?", needed)}
        for line in recipe.lines:
            place = _places(line, variables, self._place) or self._recipe_place
            for text in variables.expand(line, values).split("\n"):
                command = text.lstrip("@+- \t")
                if is_built:
                    self.calls |= dict.fromkeys(sub_makes(command, self._directory))
                for call in compiler_calls(command, self._directory):
                    groups.add(call, place, None)
                    self.compilers[self._configured(call.words[: call.head], line, variables)] = None

    @property
    def _recipe_place(self) -> str:
        return f"a recipe in {os.path.join(self._place, self._name)}"

    def _configured(self, head: tuple[str, ...], line: str, variables: Variables) -> ConfiguredCompiler:
        """The variable by which a recipe names the compiler, and the place that sets it."""
        found: dict[str, tuple[str, ...]] = {}
        for name in _names(line, variables):
            words = split_words(variables.expand(f"$({name})"))
            if words[: len(head)] == head and "-c" not in words:
                found[name] = words
        for name in [name for name in found if name in ("CC", "CXX")] or list(found)[-1:]:
            return ConfiguredCompiler(name, found[name], self._setter(name, variables))
        head = tuple(itertools.dropwhile(lambda word: "=" in word, head))
        return ConfiguredCompiler(RECIPE, head, self._recipe_place)

    def _setter(self, name: str, variables: Variables) -> str:
        """The place that sets a variable, for people; "" for the Makefile of the build directory."""
        value = variables.get(name)
        place = value.place if value else ""
        if not place and name in variables.without_effect:
            file = _from_build_directory(variables.without_effect[name], self._place)
            return f"make's own value: '{name} ?=' in {file} has no effect on it"
        if not place:
            return f"make's own value of {name}"
        if place == self._name and not self._place:
            return ""
        return f"{name} in {_from_build_directory(place, self._place)}"


def _overridden(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables in MAKEFLAGS, which count like variables on make's command line.

    With `-e` in MAKEFLAGS the whole environment counts like that.
    """
    flags = f"{environ.get('GNUMAKEFLAGS', '')} {environ.get('MAKEFLAGS', '')}"
    found = {match[1]: match[2] for match in _COMMAND_LINE.finditer(flags)}
    first = environ.get("MAKEFLAGS", "").partition(" ")[0]
    if re.fullmatch(r"-?[a-zA-Z]*e[a-zA-Z]*", first) or "--environment-overrides" in flags:
        return dict(environ) | found
    return found


def _names(line: str, variables: Variables) -> list[str]:
    """The variables that a recipe refers to, directly first, then through other variables."""
    names = list(dict.fromkeys(_NAME.findall(line)))
    for name in names:
        value = variables.get(name)
        if value is not None and len(names) <= _MAX_NAMES:
            names += [other for other in dict.fromkeys(_NAME.findall(value.text)) if other not in names]
    return names


def _places(line: str, variables: Variables, directory: str) -> str:
    """The variables of a recipe that have options, and the places that set them, for people."""
    found: dict[str, list[str]] = {}
    for name in _names(line, variables):
        value = variables.get(name)
        if value is not None and value.place and _HAS_OPTION.match(value.text):
            place = _from_build_directory(value.place, directory)
            found.setdefault(place, []).append(name)
    return ", ".join(f"{', '.join(names)} in {place}" for place, names in found.items())


def _from_build_directory(places: str, directory: str) -> str:
    """Places that a Makefile in `directory` names, as paths from the build directory."""
    return PLACE_SEPARATOR.join(
        place if place in PLACES_WITHOUT_FILE else os.path.normpath(os.path.join(directory, place))
        for place in places.split(PLACE_SEPARATOR)
    )

"""The compile commands of Makefiles, those of Autotools included: what reading can tell of them."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .buildcommands import CommandGroups, Configured
from .buildfiles import text_of
from .commandline import compiler_calls, split_words
from .makefile import RECIPE
from .makerules import Rules
from .makevalues import ENVIRONMENT, TooMuchError, Variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .buildcommands import BuildCommand
    from .makerules import Rule

_MAX_BYTES = 16 * 1024 * 1024
_MAX_DIRECTORIES = 500
_MAX_RECIPES = 20_000
_MAX_NAMES = 100
_MAX_COMPILERS = 8
# The rules that make has by itself, by the suffix of the source.
_BUILT_IN = {
    ".c": "$(COMPILE.c) $(OUTPUT_OPTION) $<",
    ".cc": "$(COMPILE.cc) $(OUTPUT_OPTION) $<",
    ".cpp": "$(COMPILE.cpp) $(OUTPUT_OPTION) $<",
    ".C": "$(COMPILE.C) $(OUTPUT_OPTION) $<",
    ".S": "$(COMPILE.S) -o $@ $<",
}
_LINKS = {".c": "$(LINK.c)", ".cc": "$(LINK.cc)", ".cpp": "$(LINK.cpp)", ".C": "$(LINK.C)"}
_NAME = re.compile(r"\$[({]([\w.-]+)")
_HAS_OPTION = re.compile(r"\s*(?=[-$])(?:.*\s)?-(?![DIUlL])\w", re.DOTALL)
_SUFFIX_RULE = re.compile(r"(\.\w+)\.o")
_NO_BUILT_IN = re.compile(r"(?:^|\s)-?[a-zA-Z]*r|no-builtin-rules")
_COMMAND_LINE = re.compile(r"(?:^|\s)([\w.]+)=(\S*)")
_NO_DEFAULTS = re.compile(r"(?:^|\s)-?[a-zA-Z]*R|no-builtin-variables")
_UNAME = re.compile(r"(?:/bin/)?uname(?: -([sm]))?(?: 2> ?/dev/null(?: ?\|\| ?.*)?)?")
_UNAME_FIELDS = {"s": "sysname", "m": "machine"}
_MAX_WILDCARDS = 2
_GOALS = ("all", "default")
_AUTOMATIC = {"*": "%", "@D": ".", "@F": "%.o", "<D": ".", "<F": "%.c", "*F": "%", "*D": "."}


def read_makefiles(
    directory: str, makefiles: Iterable[str], environ: Mapping[str, str]
) -> tuple[tuple[Configured, ...], tuple[BuildCommand, ...]]:
    """The compilers and compile commands of Makefiles, each of which make reads in its own directory.

    Numbers of compilations are not told. `environ` counts where make takes variables from it.
    """
    groups = CommandGroups()
    compilers: dict[Configured, None] = {}
    for name in list(makefiles)[:_MAX_DIRECTORIES]:
        makefile = _Makefile(directory, name, environ)
        makefile.add_to(groups)
        compilers |= dict.fromkeys(makefile.compilers)
    return tuple(compilers)[:_MAX_COMPILERS], groups.commands


@dataclass(frozen=True, slots=True)
class _Recipe:
    """`names` are the targets whose variables count."""

    target: str
    source: str
    lines: list[str]
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The same for recipes that differ in names of files only."""
        stem = os.path.splitext(os.path.basename(self.target))[0]
        source, suffix = os.path.splitext(os.path.basename(self.source))
        text = "\n".join(self.lines)
        for name in {stem, source} - {"", "%"}:
            text = re.sub(rf"(?<![A-Za-z0-9_-]){re.escape(name)}(?![A-Za-z0-9_-])", "%", text)
        return f"{suffix} {text}"


class _Makefile:
    """One Makefile, named from the build directory, and the files that it includes."""

    def __init__(self, directory: str, name: str, environ: Mapping[str, str]) -> None:
        self._place = os.path.dirname(name)
        self._directory = os.path.abspath(os.path.join(directory, self._place))
        self._left = _MAX_BYTES
        self._sources: dict[str, str] = {}
        self.compilers: dict[Configured, None] = {}
        self._rules = Rules(Variables(environ, _overridden(environ), self._outside), self._text)
        self._name = os.path.basename(name)
        try:
            self._rules.read_file(self._name)
        except TooMuchError:
            self._rules.rules.clear()
        if self._rules.unread or self._is_without_defaults():
            self._rules.rules.clear()

    def _text(self, name: str) -> str | None:
        if not os.path.isfile(os.path.join(self._directory, name)):
            return None
        text = text_of(self._directory, name, self._left)
        self._left = max(0, self._left - len(text))
        return text

    def _outside(self, function: str, argument: str) -> str | None:
        """Names of files, and the name of this system: all that needs no program."""
        if function == "shell":
            match = _UNAME.fullmatch(argument)
            return None if match is None else getattr(os.uname(), _UNAME_FIELDS[match[1] or "s"])
        if sum("*" in part for part in argument.split("/")) > _MAX_WILDCARDS:
            return None
        patterns = argument.split()
        found = (glob.iglob(pattern, root_dir=self._directory) for pattern in patterns[:_MAX_DIRECTORIES])
        return " ".join(sorted(itertools.islice(itertools.chain.from_iterable(found), _MAX_RECIPES)))

    def add_to(self, groups: CommandGroups) -> None:
        """Add what its recipes compile."""
        rules = self._rules
        for rule in rules.rules:
            for name in rule.prerequisites:
                if os.path.splitext(name)[1] in _BUILT_IN:
                    for target in rule.targets:
                        self._sources.setdefault(target, name)
                    break
        first = next(
            (rule.targets for rule in rules.rules if rule.targets and rule.targets[0][:1] != "."), ()
        )
        for name in {*first, *_GOALS}:  # what they build has their variables, too
            for each in rules.own.get(name, ()):
                rules.variables.assign(each.name, each.operator, each.value, each.place)
        with contextlib.suppress(TooMuchError):
            seen = set()
            for recipe in self._recipes():
                key = recipe.kind, *(name for name in recipe.names if name in rules.own)
                if key not in seen:
                    seen.add(key)
                    self._add(groups, recipe)

    def _recipes(self) -> Iterator[_Recipe]:
        """The recipes of all rules, those that make has by itself included, and each kind once."""
        rules = self._rules.rules
        of_suffix: dict[str, list[str]] = {}
        for rule in rules[:_MAX_RECIPES]:
            if rule.recipe and rule.targets:
                recipe = self._of_rule(rule)
                if "%" in recipe.target:
                    of_suffix.setdefault(os.path.splitext(recipe.source)[1], rule.recipe)
                yield recipe
        if not self._is_without_built_in():
            of_suffix = {suffix: [line] for suffix, line in _BUILT_IN.items()} | of_suffix
        made = {target for rule in rules if rule.recipe for target in rule.targets}
        yield from self._without_recipe(made, of_suffix)

    def _of_rule(self, rule: Rule) -> _Recipe:
        target = rule.targets[0]
        if match := _SUFFIX_RULE.fullmatch(target):
            return _Recipe("%.o", f"%{match[1]}", rule.recipe, rule.targets)
        source = self._sources.get(target) or next(iter(rule.prerequisites), "")
        return _Recipe(target, source, rule.recipe, rule.targets)

    def _is_without_built_in(self) -> bool:
        flags = self._rules.variables.get("MAKEFLAGS")
        is_off = flags is not None and _NO_BUILT_IN.search(flags.text) is not None
        return is_off or any(rule.targets == (".SUFFIXES",) for rule in self._rules.rules)

    def _is_without_defaults(self) -> bool:
        """Whether make's own values may count or not."""
        flags = self._rules.variables.get("MAKEFLAGS")
        names = [self._rules.variables.get(name) for name in ("CC", "CXX")]
        is_off = flags is not None and _NO_DEFAULTS.search(flags.text) is not None
        return is_off and any(value is not None and not value.place for value in names)

    def _without_recipe(self, made: set[str], of_suffix: Mapping[str, list[str]]) -> Iterator[_Recipe]:
        """Objects that no recipe of their own makes, and programs of one source."""
        seen = set()
        for rule in self._rules.rules:
            for word in (*rule.targets, *rule.prerequisites):
                stem, ending = os.path.splitext(word)
                if word in made or "%" in word or "$" in word or word in seen:
                    continue
                seen.add(word)
                source = self._sources.get(word) or (self._found(stem) if ending == ".o" else "")
                suffix = os.path.splitext(source)[1]
                if ending == ".o" and suffix in of_suffix:
                    yield _Recipe(word, source, of_suffix[suffix], (word,))
                elif word in rule.targets and suffix in _LINKS and not rule.recipe and suffix in of_suffix:
                    yield _Recipe(word, source, [f"{_LINKS[suffix]} $< -o $@"], (word,))

    def _found(self, stem: str) -> str:
        """The source of an object that is there."""
        for suffix in _BUILT_IN:
            if os.path.isfile(os.path.join(self._directory, stem + suffix)):
                return stem + suffix
        return ""

    def _add(self, groups: CommandGroups, recipe: _Recipe) -> None:
        own = [each for name in recipe.names for each in self._rules.own.get(name, ())]
        variables = self._rules.variables.inner() if own else self._rules.variables
        for each in own:
            variables.assign(each.name, each.operator, each.value, each.place)
        source = recipe.source
        values = _AUTOMATIC | {
            "@": recipe.target,
            "<": source,
            "^": source,
            "+": source,
            "*": "%",
            "?": source,
        }
        self._rules.variables.total = variables.total
        for line in recipe.lines:
            default = f"a recipe in {os.path.join(self._place, self._name)}"
            place = _places(line, variables, self._place) or default
            for command in variables.expand(line, values).split("\n"):
                for call in compiler_calls(command.lstrip("@+- \t"), self._directory):
                    groups.add(call, place, None)
                    self.compilers[self._configured(call.words[: call.head], line, variables)] = None

    def _configured(self, head: tuple[str, ...], line: str, variables: Variables) -> Configured:
        """The variable of a recipe that names the compiler, and who has set it."""
        found = ""
        for name in _names(line, variables):
            words = split_words(variables.expand(f"$({name})"))
            if words[: len(head)] == head and "-c" not in words:
                found, head = name, words
                break
        value = variables.get(found)
        if value is None:
            head = tuple(itertools.dropwhile(lambda word: "=" in word, head))
            return Configured(RECIPE, head, f"a recipe in {os.path.join(self._place, self._name)}")
        place = f"{found} in {os.path.join(self._place, value.place)}" if value.place != self._name else ""
        if value.place == ENVIRONMENT:
            place = f"{found} in {ENVIRONMENT}"
        elif not value.place and found in variables.without_effect:
            name = os.path.join(self._place, variables.without_effect[found])
            place = f"make's own value: '{found} ?=' in {name} has no effect on it"
        elif not value.place:
            place = f"make's own value of {found}"
        return Configured(found, head, place)


def _overridden(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of MAKEFLAGS, which count as those of make's command line."""
    flags = f"{environ.get('GNUMAKEFLAGS', '')} {environ.get('MAKEFLAGS', '')}"
    found = {match[1]: match[2] for match in _COMMAND_LINE.finditer(flags)}
    first = environ.get("MAKEFLAGS", "").partition(" ")[0]
    if re.fullmatch(r"-?[a-zA-Z]*e[a-zA-Z]*", first) or "--environment-overrides" in flags:
        return dict(environ) | found
    return found


def _names(line: str, variables: Variables) -> list[str]:
    """The variables that a recipe refers to, those of other variables behind them."""
    names = list(dict.fromkeys(_NAME.findall(line)))
    for name in names:
        value = variables.get(name)
        if value is not None and len(names) <= _MAX_NAMES:
            names += [other for other in dict.fromkeys(_NAME.findall(value.text)) if other not in names]
    return names


def _places(line: str, variables: Variables, directory: str) -> str:
    """The variables of a recipe that have options, and who set them, for people."""
    found: dict[str, list[str]] = {}
    for name in _names(line, variables):
        value = variables.get(name)
        if value is not None and value.place and _HAS_OPTION.match(value.text):
            place = value.place if value.place == ENVIRONMENT else os.path.join(directory, value.place)
            found.setdefault(place, []).append(name)
    return ", ".join(f"{', '.join(names)} in {place}" for place, names in found.items())

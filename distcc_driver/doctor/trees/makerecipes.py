"""The recipes that make runs: those of Makefiles, and those of make's own rules. Pure."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .makerules import MakefileContents, Rule

_MAX_RECIPES = 20_000
# make's own rules, by the suffix of the source.
_BUILT_IN = {
    ".c": "$(COMPILE.c) $(OUTPUT_OPTION) $<",
    ".cc": "$(COMPILE.cc) $(OUTPUT_OPTION) $<",
    ".cpp": "$(COMPILE.cpp) $(OUTPUT_OPTION) $<",
    ".C": "$(COMPILE.C) $(OUTPUT_OPTION) $<",
    ".S": "$(COMPILE.S) -o $@ $<",
}
_LINKS = {".c": "$(LINK.c)", ".cc": "$(LINK.cc)", ".cpp": "$(LINK.cpp)", ".C": "$(LINK.C)"}
_SUFFIX_RULE = re.compile(r"(\.\w+)\.o")
_FILE_WORD = re.compile(r"[A-Za-z0-9_+-]+")
_NO_BUILT_IN = re.compile(r"(?:^|\s)-?[a-zA-Z]*r|no-builtin-rules")
_NO_DEFAULTS = re.compile(r"(?:^|\s)-?[a-zA-Z]*R|no-builtin-variables")
_GOALS = ("all", "default", "all-am")  # Automake's `all` calls make with the goal all-am


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe for `target`; the variables that belong to the targets `names` count in it."""

    target: str
    source: str
    lines: list[str]
    names: tuple[str, ...]
    prerequisites: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """A key that is the same for recipes that differ only in names of files."""
        stem = os.path.splitext(os.path.basename(self.target))[0]
        source, suffix = os.path.splitext(os.path.basename(self.source))
        text = "\n".join(self.lines)
        if _calls_make(self.lines):
            return f"{self.target} {text}"
        names = (stem, source)
        text = _FILE_WORD.sub(lambda match: "%" if match[0] in names else match[0], text)
        return f"{suffix} {text}"


class Recipes:
    """The recipes of the Makefiles in `contents`; `is_there` tells whether a source file exists."""

    def __init__(
        self, contents: MakefileContents, is_there: Callable[[str], bool], goals: Sequence[str]
    ) -> None:
        self._rules = contents.rules
        self._variables = contents.variables
        self._is_there = is_there
        self._asked = goals

    @cached_property
    def _sources(self) -> dict[str, str]:
        """For each target the first source among its prerequisites."""
        found: dict[str, str] = {}
        for rule in self._rules:
            for name in rule.prerequisites:
                if os.path.splitext(name)[1] in _BUILT_IN:
                    for target in rule.targets:
                        found.setdefault(target, name)
                    break
        return found

    @property
    def goals(self) -> tuple[str, ...]:
        """The targets that make was called with, else the first target of the Makefile and usual goals."""
        if self._asked:
            return tuple(self._asked)
        first = (rule.targets for rule in self._rules if _is_goal(rule))
        return (*next(first, ()), *_GOALS)

    @cached_property
    def built(self) -> set[str]:
        """The goals and all targets that they need."""
        needed: dict[str, list[str]] = {}
        for rule in self._rules:
            for target in rule.targets:
                needed.setdefault(target, []).extend(rule.prerequisites)
        waiting = list(self.goals)
        found = set()
        while waiting:
            target = waiting.pop()
            if target not in found:
                found.add(target)
                waiting += needed.get(target, ())
        return found

    def all(self) -> Iterator[Recipe]:
        """The recipes of all rules; for targets without a recipe that of make's own rules."""
        of_suffix: dict[str, list[str]] = {}
        for rule in self._rules[:_MAX_RECIPES]:
            for target in rule.targets[: _MAX_RECIPES if _calls_make(rule.recipe) else 1]:
                if not rule.recipe:
                    break
                recipe = self._of_rule(rule, target)
                if "%" in recipe.target:
                    of_suffix.setdefault(os.path.splitext(recipe.source)[1], rule.recipe)
                yield recipe
        if not self._is_without_built_in():
            of_suffix = {suffix: [line] for suffix, line in _BUILT_IN.items()} | of_suffix
        yield from self._without_recipe(of_suffix)

    def _of_rule(self, rule: Rule, target: str) -> Recipe:
        if match := _SUFFIX_RULE.fullmatch(target):
            return Recipe("%.o", f"%{match[1]}", rule.recipe, rule.targets)
        source = self._sources.get(target) or next(iter(rule.prerequisites), "")
        return Recipe(target, source, rule.recipe, rule.targets, rule.prerequisites)

    def _is_without_built_in(self) -> bool:
        flags = self._variables.get("MAKEFLAGS")
        is_off = flags is not None and _NO_BUILT_IN.search(flags.text) is not None
        return is_off or any(
            rule.targets == (".SUFFIXES",) and not rule.prerequisites for rule in self._rules
        )

    @property
    def is_without_defaults(self) -> bool:
        """Whether `-R` takes away make's own CC or CXX, and no Makefile sets another value."""
        flags = self._variables.get("MAKEFLAGS")
        values = [self._variables.get(name) for name in ("CC", "CXX")]
        is_off = flags is not None and _NO_DEFAULTS.search(flags.text) is not None
        return is_off and any(value is not None and not value.place for value in values)

    def _without_recipe(self, of_suffix: Mapping[str, list[str]]) -> Iterator[Recipe]:
        """The recipes of make's own rules for object files, and for programs with one source."""
        seen = {target for rule in self._rules if rule.recipe for target in rule.targets}
        for rule in self._rules:
            for word in (*rule.targets, *rule.prerequisites):
                if word in seen or "%" in word or "$" in word:
                    continue
                seen.add(word)
                stem, ending = os.path.splitext(word)
                source = self._sources.get(word) or (self._found(stem) if ending == ".o" else "")
                suffix = os.path.splitext(source)[1]
                if ending == ".o" and suffix in of_suffix:
                    yield Recipe(word, source, of_suffix[suffix], (word,))
                elif word in rule.targets and suffix in _LINKS and suffix in of_suffix:
                    yield Recipe(word, source, [f"{_LINKS[suffix]} $^ -o $@"], (word,), rule.prerequisites)

    def _found(self, stem: str) -> str:
        names = (stem + suffix for suffix in _BUILT_IN)
        return next((name for name in names if self._is_there(name)), "")


def _calls_make(lines: Iterable[str]) -> bool:
    """Whether a recipe calls make. The target of such a recipe is often the directory in which make runs."""
    return any("(MAKE)" in line or "{MAKE}" in line for line in lines)


def _is_goal(rule: Rule) -> bool:
    """Whether make takes the target of a rule for its goal if the rule is the first."""
    return bool(rule.targets) and rule.targets[0][:1] != "." and "%" not in rule.targets[0]

"""The compilers of Makefiles written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .written import compilers_of, tree_of

if TYPE_CHECKING:
    from pathlib import Path


_USES_CC = "%.o: %.c\n\t$(CC) -c $<\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n", "CC=cc"),
        ("CC = gcc\n", "CC=gcc"),
        ("CC=gcc # the usual\n", "CC=gcc"),
        ("export CC := gcc\n", "CC=gcc"),
        ("override  CC::=gcc\n", "CC=gcc"),
        ("CC = a\nCC = b\n", "CC=b"),
        ("CC ?= gcc\n", "CC=cc"),
        ("ifdef X\nCC ?= gcc\nendif\n", "CC=cc"),
        ("CC = $(TOOL)\nTOOL ?= gcc\n", "CC=gcc"),
        ("CC = $(TOOL) ${NAME}\nTOOL = distcc\nNAME = gcc\n", "CC=distcc gcc"),
        ("PREFIX = distcc \nCC = $(PREFIX)gcc\n", "CC=distcc gcc"),
        ("PREFIX = distcc # ends with a blank\nCC = $(PREFIX)gcc\n", "CC=distcc gcc"),
        ("CC = distcc \\\n  gcc\n", "CC=distcc gcc"),
        ("CC = 'unfinished\n", "CC='unfinished"),
        ("-include deps.d\n", "CC=cc"),
        ("ifdef X\nendif\nCC = gcc\n", "CC=gcc"),
        ("ifdef X\nCC = gcc\nendif\n", "CC=cc"),
        ("X = 1\nifdef X\nCC = gcc\nelse\nCC = clang\nendif\n", "CC=gcc"),
        ("CC += -m32\n", "CC=cc -m32"),
        ("CC = $(CROSS)gcc\n", "CC=gcc"),
        ("ACC = x\nCCC = y\nCC_FLAGS = z\n", "CC=cc"),
        ("rule:\n\tCC=gcc ./configure\n", "CC=cc"),
    ],
)
def test_compiler_of_a_variable(tmp_path: Path, text: str, expected: str) -> None:
    assert compilers_of(tree_of(tmp_path, text + _USES_CC)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%.o: %.cpp\n\t$(CXX) -c $<\n", ["CXX=g++"]),
        ("%.o: %.cpp\n\t@$(COMPILE.cpp) $<\n", ["CXX=g++"]),
        ("%.o: %.c\n\t${COMPILE.c} $<\n", ["CC=cc"]),
        ("COMPILE = $(CC) -c\n%.o: %.c\n\t$(COMPILE) $<\n", ["CC=cc"]),
        ("CC = distcc gcc\n%.o: %.cpp\n\t$(CXX) -c $<\n", ["CXX=g++"]),
        ("program: main.o part.o\n", ["CC=cc"]),
        ("OBJS = $(SRCS:.c=.o)\n", ["CC=cc"]),
        ("program: main.o\nmain.o: main.cc\n", ["CXX=g++"]),
        ("all: a.o b.o\na.o: a.c\nb.o: b.cpp\n", ["CC=cc", "CXX=g++"]),
        ("program: main.o\n\tgcc -o $@ $^\n", ["CC=cc"]),
    ],
)
def test_only_variables_that_rules_use_count(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert compilers_of(tree_of(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("gcc -c $<", ["gcc"]),
        ("@-gcc-12 -O2 -c $<", ["gcc-12"]),
        ("/opt/bin/clang++ -c $<", ["/opt/bin/clang++"]),
        ("distcc gcc -c $<", ["distcc gcc"]),
        ("ccache distcc gcc -c $<", ["ccache distcc gcc"]),
        ("cd sub && LANG=C cc -c $<", ["cc"]),
        ("gcc -c $<\n\tg++ -c $<\n\tgcc -c other.c", ["gcc", "g++"]),
        ("gcc -c $<\n\tclang -o $@ $^", ["gcc", "clang"]),
        ("gcc \\\n\t  -c $<", ["gcc"]),
    ],
)
def test_compiler_that_a_recipe_names(tmp_path: Path, recipe: str, expected: list[str]) -> None:
    tree = tree_of(tmp_path, f"CC = distcc cc\nmain.o: main.c\n\t{recipe}\n")
    assert compilers_of(tree) == [f"recipe={command}" for command in expected]
    assert {found.place for found in tree.compilers} == {"a recipe in Makefile"}


@pytest.mark.parametrize("recipe", ["gcc -O2 main.c -o program", "gcc main.c", "gcc -o $@ $^"])
def test_recipe_that_compiles_and_links_at_once(tmp_path: Path, recipe: str) -> None:
    assert compilers_of(tree_of(tmp_path, f"program: main.c\n\t{recipe}\n")) == ["recipe=gcc"]


@pytest.mark.parametrize(
    "text",
    [
        "all:\n",
        "CC = gcc\nall:\n\tcmake --build build\n",
        "all:\n\t$(MAKE) -C sub\n",
        "clean:\n\trm -f *.o main.c\n",
        "all:\n\techo 'a; gcc -c b.c'\n",
        "all:\n\tgcc --version\n",
        "deps:\n\tgcc -MM a.c -o deps\n",
        "# gcc: $(CC) main.o\nall:\n",
        "install:\n\tinstall -c program /usr/bin\n",
    ],
)
def test_makefile_that_calls_no_compiler(tmp_path: Path, text: str) -> None:
    tree = tree_of(tmp_path, text)
    assert (tree.compilers, tree.unknown) == ((), "it calls no compiler by itself")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ifeq ($(shell x),y)\nCC = gcc\nendif\n", "CC is set under a condition"),
        ("CC != echo gcc\n", "CC is put together from parts"),
        ("include rules.mk\n", "CC may be set in rules.mk, which it includes"),
        ("CC = $(shell echo gcc)\n", "which only make can work out"),
        ("CC = $(CC)\n", "CC refers to itself"),
        ("MAKEFLAGS += -rR\nCC ?= gcc\n", "it turns off make's own value of CC"),
        ("include rules.mk\nCC ?= gcc\n", "CC may be set in rules.mk"),
        ("CC =\n", "CC is '', which only make can work out"),
    ],
)
def test_variable_whose_value_only_make_can_tell(tmp_path: Path, text: str, reason: str) -> None:
    tree = tree_of(tmp_path, text + _USES_CC)
    assert reason in tree.unknown
    assert tree.compilers == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("include rules.mk\n", "rules.mk, which it includes, may call one"),
        ("SRCS = main.c\n", "it names sources, but no recipe in it calls a compiler"),
        ("%.o: %.c\n\t$(MPICC) -c $<\n", "a recipe calls $(MPICC)"),
        ("ifdef X\n%.o: %.c\n\tgcc -c $<\nendif\n", "a recipe calls gcc under a condition"),
    ],
)
def test_recipe_whose_compiler_only_make_can_tell(tmp_path: Path, text: str, reason: str) -> None:
    tree = tree_of(tmp_path, text)
    assert reason in tree.unknown
    assert tree.compilers == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all:\n", "clang"), ("CC ?= gcc\n", "clang"), ("CC = gcc\n", "gcc"), ("CC = $(CROSS)gcc\n", "arm-gcc")],
)
def test_variable_of_the_environment_counts_as_in_make(tmp_path: Path, text: str, expected: str) -> None:
    assert compilers_of(tree_of(tmp_path, text + _USES_CC, CC="clang", CROSS="arm-")) == [f"CC={expected}"]


@pytest.mark.parametrize(
    ("text", "environ", "place"),
    [
        ("CC = gcc\n", {"CC": "clang"}, ""),
        ("CC ?= gcc\n", {"CC": "clang"}, "CC in the environment"),
        ("CC ?= gcc\n", {}, "make's own value: 'CC ?=' in Makefile has no effect on it"),
        ("all:\n", {}, "make's own value of CC"),
    ],
)
def test_place_that_sets_the_compiler(tmp_path: Path, text: str, environ: dict[str, str], place: str) -> None:
    [found] = tree_of(tmp_path, text + _USES_CC, **environ).compilers
    assert found.place == place

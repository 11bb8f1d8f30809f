"""Options of compile commands that Makefiles by hand have; real builds are compared in tests/e2e."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.buildtree import read_tree

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "%.o: %.c\n\t$(CC) $(CFLAGS) -c $< -o $@\n"


def found(directory: Path, files: dict[str, str], **environ: str) -> list[BuildCommand]:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return list(read_tree(str(directory), environ).commands)


def options(directory: Path, text: str, **environ: str) -> list[str]:
    """What stands between the compiler and -c."""
    commands = found(directory, {"Makefile": text, "a.c": "", "native.c": ""}, **environ)
    return [" ".join(word for word in command.words[1:] if word != "-c") for command in commands]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CFLAGS = -O2\n", "-O2"),
        ("CFLAGS = -O2\nCFLAGS += -g\n", "-O2 -g"),
        ("CFLAGS := $(X) -O2\nX = -g\n", "-O2"),
        ("CFLAGS = $(X) -O2\nX = -g\n", "-g -O2"),
        ("CFLAGS ?= -O2\nCFLAGS ?= -O3\n", "-O2"),
        ("override CFLAGS += -g\n", "-g"),
        ("CFLAGS = -O2 # fast\n", "-O2"),
        ("CFLAGS = -O2 \\\n  -g\n", "-O2 -g"),
        ("ifeq ($(X),)\nCFLAGS = -O2\nelse\nCFLAGS = -O3\nendif\n", "-O2"),
        ("X = y\nifneq '$(X)' 'y'\nCFLAGS = -O2\nelse ifdef X\nCFLAGS = -O3\nendif\n", "-O3"),
        ("ifdef X\nifdef Y\nendif\nCFLAGS = -O3\nendif\n", ""),
        ("CFLAGS = $(addprefix -D,a b) $(filter -O%,-g -O2) $(X:x=-g)\nX = x\n", "-Da -Db -O2 -g"),
        ("CFLAGS = $(if $(X),-O2,-O3) $(patsubst %,-%,g) $(strip  -a   b)\n", "-O3 -g -a b"),
        ("CFLAGS = $(CFLAGS_$(KIND))\nKIND = fast\nCFLAGS_fast = -O3\n", "-O3"),
        ("define CFLAGS\n-O2\nendef\n", "-O2"),
        ("include flags.mk\n", "-mincluded"),
        ("all: CFLAGS += -g\nall: a.o\n", "-g"),
        ("include $(dir $(lastword $(MAKEFILE_LIST)))flags.mk\n", "-mincluded"),
        ("include $(CURDIR)/flags.mk\n", "-mincluded"),
        ("CFLAGS = -O2\nifneq ($(filter %.mk,$(MAKEFILE_LIST)),)\nCFLAGS = -g\nendif\n", "-O2"),
        ("CFLAGS = -D'a b' -DX=\\\"1\\\"\n", '-Da b -DX="1"'),
        ("CFLAGS = -O2 $(shell pkg-config x)\n", "-O2 $(shell pkg-config x)"),
        ("CFLAGS = -O2\nifeq ($(shell x),)\nCFLAGS += -g\nendif\n", "-O2 $(more CFLAGS)"),
    ],
)
def test_options(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "flags.mk").write_text("CFLAGS = -mincluded\n")
    assert options(tmp_path, text + _RULE) == [expected]


@pytest.mark.parametrize(
    ("text", "environ", "expected", "place"),
    [
        ("", {"CFLAGS": "-O3"}, "-O3", "CFLAGS in the environment"),
        ("CFLAGS ?= -O2\n", {"CFLAGS": "-O3"}, "-O3", "CFLAGS in the environment"),
        ("CFLAGS = -O2\n", {"CFLAGS": "-O3"}, "-O2", "CFLAGS in Makefile"),
        ("CFLAGS += -g\n", {"CFLAGS": "-O3"}, "-O3 -g", "CFLAGS in Makefile and the environment"),
        ("CFLAGS = -O2\n", {"CFLAGS": "-O3", "MAKEFLAGS": "e"}, "-O3", "CFLAGS in the command line of make"),
        ("CFLAGS = -O2\n", {"MAKEFLAGS": " -- CFLAGS=-O3"}, "-O3", "CFLAGS in the command line of make"),
        ("include flags.mk\n", {}, "-mincluded", "CFLAGS in flags.mk"),
        ("", {"CXXFLAGS": "-O3"}, "", "a recipe in Makefile"),
    ],
)
def test_environment(tmp_path: Path, text: str, environ: dict[str, str], expected: str, place: str) -> None:
    (tmp_path / "flags.mk").write_text("CFLAGS = -mincluded\n")
    assert options(tmp_path, text + _RULE, **environ) == [expected]
    assert read_tree(str(tmp_path), environ).commands[0].place == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CFLAGS = -O2\nCPPFLAGS = -DX\nTARGET_ARCH = -m64\nprogram: a.o\n", ["-O2 -DX -m64"]),
        ("CFLAGS = -O2\na: a.c\n", ["-O2"]),
        (
            "CFLAGS = -O2\nOBJS = a.o native.o\nnative.o: CFLAGS += -march=native\nall: $(OBJS)\n",
            ["-O2", "-O2 -march=native"],
        ),
        ("OBJS = $(patsubst %.c,%.o,$(wildcard n*.c))\nCFLAGS = -O2\nall: $(OBJS)\n", ["-O2"]),
        (".SUFFIXES:\nCFLAGS = -O2\nall: a.o\n", []),
        ("MAKEFLAGS += -r\nCFLAGS = -O2\nall: a.o\n", []),
        (".c.o:\n\tgcc -O1 -c $<\nCFLAGS = -O2\nall: a.o\n", ["-O1"]),
        ("all: a.o\na.o: a.c\n\tgcc -O1 -march=native -c $<\n", ["-O1 -march=native"]),
        ("all: missing.o\n", []),
    ],
)
def test_rules_that_make_has_by_itself(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert options(tmp_path, text) == expected


def test_included_file_that_is_not_there(tmp_path: Path) -> None:
    """It might set anything; one with a dash may be missing."""
    assert options(tmp_path, f"include config.mk\nCFLAGS = -O2\n{_RULE}") == []
    assert options(tmp_path, f"-include config.mk\nCFLAGS = -O2\n{_RULE}") == ["-O2"]
    assert options(tmp_path, f"-include $(OBJS:.o=.d)\nCFLAGS = -O2\n{_RULE}") == ["-O2"]


BELOW = {
    "lib/Makefile": "CFLAGS ?= -O1\nall: a.o\n",
    "lib/a.c": "",
    "sub/Makefile": "all: b.o\n",
    "sub/b.c": "",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n\t$(MAKE) -C lib\n", [("lib", "cc -O1 -c")]),
        ("all:\n\tcd lib && $(MAKE) all\n", [("lib", "cc -O1 -c")]),
        ("all:\n\t+@$(MAKE) --directory=lib -f Makefile CC='distcc gcc'\n", [("lib", "distcc gcc -O1 -c")]),
        ("all:\n\tCFLAGS=-O5 $(MAKE) -C lib\n", [("lib", "cc -O5 -c")]),
        ("all:\n\t$(MAKE) real\nreal: lib/a.o\nother: sub/b.o\n", [(".", "cc -c")]),
        ("export CFLAGS = -O5\nall:\n\t$(MAKE) -C lib\n", [("lib", "cc -O5 -c")]),
        ("CFLAGS = -O5\nexport CFLAGS\nall:\n\t$(MAKE) -C lib\n", [("lib", "cc -O5 -c")]),
        ("CFLAGS = -O5\nexport\nall:\n\t$(MAKE) -C lib\n", [("lib", "cc -O5 -c")]),
        ("CFLAGS = -O5\nall:\n\t$(MAKE) -C lib\n", [("lib", "cc -O1 -c")]),
        (
            "DIRS = lib sub\nall: $(DIRS)\n$(DIRS):\n\t$(MAKE) -C $@\n.PHONY: $(DIRS)\n",
            [("lib", "cc -O1 -c"), ("sub", "cc -c")],
        ),
        (
            "all:\n\tfor d in lib sub; do $(MAKE) -C $$d || exit 1; done\n",
            [("lib", "cc -O1 -c"), ("sub", "cc -c")],
        ),
        ("all: lib\nlib:\n\t$(MAKE) -C lib\ndebug:\n\t$(MAKE) -C sub\n", [("lib", "cc -O1 -c")]),
        ("all:\nclean:\n\t$(MAKE) -C lib clean\n", []),
        ("all:\n\t$(MAKE) -C . all\n", []),
    ],
)
def test_makefiles_below(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    commands = found(tmp_path, BELOW | {"Makefile": text})
    assert [(command.directory, " ".join(command.words)) for command in commands] == [
        (os.path.normpath(f"{tmp_path}/{directory}"), words) for directory, words in expected
    ]


def test_environment_that_a_makefile_changes_reaches_those_below(tmp_path: Path) -> None:
    text = "CFLAGS += -O5\nall:\n\t$(MAKE) -C lib\n"
    [command] = found(tmp_path, BELOW | {"Makefile": text}, CFLAGS="-g")
    assert (command.words, command.place) == (("cc", "-g", "-O5", "-c"), "CFLAGS in the environment")


def test_all_sources_of_one_call(tmp_path: Path) -> None:
    """distcc takes one at a time, so the others stay."""
    assert options(tmp_path, "p: a.c native.c\n\t$(CC) -c $^\n") == ["native.c"]


def test_system_is_known_without_a_program(tmp_path: Path) -> None:
    text = "ifeq ($(shell uname -s 2>/dev/null),Linux)\nCFLAGS = -O2\nelse\nCFLAGS = -O3\nendif\n"
    assert options(tmp_path, text + _RULE)[0] in ("-O2", "-O3")


def test_makefiles_of_autotools(tmp_path: Path) -> None:
    makefile = (
        "CC = gcc\nCOMPILE = $(CC) $(DEFS) $(AM_CFLAGS) $(CFLAGS)\nDEFS = -DHAVE\nCFLAGS = {}\n"
        ".c.o:\n\t$(COMPILE) -c -o $@ $<\n"
    )
    files = {
        "config.status": 'config_files=" Makefile lib/Makefile:lib/Makefile.in x.pc"\nS["CC"]="gcc"\n',
        "Makefile": makefile.format("-O2"),
        "lib/Makefile": makefile.format("-O3"),
    }
    commands = found(tmp_path, files, CFLAGS="-O1")
    assert [(command.words[2:], command.place, command.directory) for command in commands] == [
        (("-O2", "-c"), "CFLAGS in Makefile", str(tmp_path)),
        (("-O3", "-c"), "CFLAGS in lib/Makefile", f"{tmp_path}/lib"),
    ]


HOSTILE = {
    "values of values": "\n".join([*(f"V{n} = {f'$(V{n + 1})' * 60}" for n in range(30)), "CFLAGS = $(V0)"]),
    "itself": "CFLAGS = $(CFLAGS)",
    "open parentheses": "CFLAGS = " + "$(" * 50_000,
    "deep": "CFLAGS = " + "$(X" * 5_000 + ")" * 5_000,
    "inclusions": "include Makefile\n" * 500,
    "conditions": "ifdef X\n" * 20_000,
    "ends": "endif\nelse\nendef\n" * 1000,
    "many targets": "".join(f"t{n}.o: CFLAGS += -g\nt{n}.o: t{n}.c\nV{n} = 1\n" for n in range(3000)),
    "wildcards": "X = $(wildcard /*/*/*/*/*/*/zz)\nall: $(X)",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_makefile_holds_it_up(tmp_path: Path, text: str) -> None:
    assert len(options(tmp_path, f"{text}\n{_RULE}")) < 20_000


_PIECES = [
    "CC",
    "=",
    "+=",
    "?=",
    ":",
    "$(",
    ")",
    "${",
    "}",
    "$",
    " ",
    "\n",
    "\n\t",
    "gcc -c a.c",
    "a.o",
    "%",
    ".c.o",
]
_PIECES += [
    "#",
    "ifeq (",
    ",",
    "ifdef ",
    "else",
    "endif",
    "define X",
    "endef",
    "include ",
    "\\\n",
    "if ",
    "subst ",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_no_text_raises(tmp_path: Path, text: str) -> None:
    options(tmp_path, text)

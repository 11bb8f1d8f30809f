"""The options that variables of make have; real builds are compared in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.trees.buildtree import read_tree

from .written import options_of

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "%.o: %.c\n\t$(CC) $(CFLAGS) -c $< -o $@\n"


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
def test_options_of_a_variable(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "flags.mk").write_text("CFLAGS = -mincluded\n")
    assert options_of(tmp_path, text + _RULE) == [expected]


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
def test_options_and_place_with_an_environment(
    tmp_path: Path, text: str, environ: dict[str, str], expected: str, place: str
) -> None:
    (tmp_path / "flags.mk").write_text("CFLAGS = -mincluded\n")
    assert options_of(tmp_path, text + _RULE, **environ) == [expected]
    assert read_tree(str(tmp_path), environ).commands[0].place == place


def test_uname_is_answered_without_running_it(tmp_path: Path) -> None:
    text = "ifeq ($(shell uname -s 2>/dev/null),Linux)\nCFLAGS = -O2\nelse\nCFLAGS = -O3\nendif\n"
    assert options_of(tmp_path, text + _RULE)[0] in ("-O2", "-O3")

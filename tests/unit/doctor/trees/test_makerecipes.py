"""The options in recipes of make's own rules, and in recipes with several sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .written import options_of

if TYPE_CHECKING:
    from pathlib import Path


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
def test_options_in_rules_of_make_itself(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert options_of(tmp_path, text) == expected


def test_further_sources_of_a_call_stay_in_its_words(tmp_path: Path) -> None:
    """distcc keeps a command with several sources here: the words have to show them."""
    assert options_of(tmp_path, "p: a.c native.c\n\t$(CC) -c $^\n") == ["native.c"]

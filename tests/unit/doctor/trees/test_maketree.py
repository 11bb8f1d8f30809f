"""Makefiles of configure, with missing files, and from strangers; real builds are in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .written import commands_of, options_of

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "%.o: %.c\n\t$(CC) $(CFLAGS) -c $< -o $@\n"


def test_makefiles_that_configure_lists(tmp_path: Path) -> None:
    makefile = (
        "CC = gcc\nCOMPILE = $(CC) $(DEFS) $(AM_CFLAGS) $(CFLAGS)\nDEFS = -DHAVE\nCFLAGS = {}\n"
        ".c.o:\n\t$(COMPILE) -c -o $@ $<\n"
    )
    files = {
        "config.status": 'config_files=" Makefile lib/Makefile:lib/Makefile.in x.pc"\nS["CC"]="gcc"\n',
        "Makefile": makefile.format("-O2"),
        "lib/Makefile": makefile.format("-O3"),
    }
    commands = commands_of(tmp_path, files, CFLAGS="-O1")
    assert [(command.words[2:], command.place, command.directory) for command in commands] == [
        (("-O2", "-c"), "CFLAGS in Makefile", str(tmp_path)),
        (("-O3", "-c"), "CFLAGS in lib/Makefile", f"{tmp_path}/lib"),
    ]


def test_missing_included_file(tmp_path: Path) -> None:
    """A missing file could set any variable, so no command is told; with `-include` it may be missing."""
    assert options_of(tmp_path, f"include config.mk\nCFLAGS = -O2\n{_RULE}") == []
    assert options_of(tmp_path, f"-include config.mk\nCFLAGS = -O2\n{_RULE}") == ["-O2"]
    assert options_of(tmp_path, f"-include $(OBJS:.o=.d)\nCFLAGS = -O2\n{_RULE}") == ["-O2"]


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
def test_hostile_makefile_is_read_within_limits(tmp_path: Path, text: str) -> None:
    assert len(options_of(tmp_path, f"{text}\n{_RULE}")) < 20_000


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
def test_no_text_of_a_makefile_raises(tmp_path: Path, text: str) -> None:
    options_of(tmp_path, text)

"""Makefiles in other directories that recipes call make for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .written import commands_of

if TYPE_CHECKING:
    from pathlib import Path


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
def test_makefiles_that_make_is_called_for(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    commands = commands_of(tmp_path, BELOW | {"Makefile": text})
    assert [(command.directory, " ".join(command.words)) for command in commands] == [
        (os.path.normpath(f"{tmp_path}/{directory}"), words) for directory, words in expected
    ]


def test_changed_environment_reaches_the_called_makefile(tmp_path: Path) -> None:
    text = "CFLAGS += -O5\nall:\n\t$(MAKE) -C lib\n"
    [command] = commands_of(tmp_path, BELOW | {"Makefile": text}, CFLAGS="-g")
    assert (command.words, command.place) == (("cc", "-g", "-O5", "-c"), "CFLAGS in the environment")

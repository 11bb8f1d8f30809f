"""Makefiles as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..buildtrees import Row
from ..shells import MASQUERADE
from .sources import CFLAGS, CXX, DISTCC_GCC, LIBRARY, NATIVE, C

if TYPE_CHECKING:
    from collections.abc import Mapping


def _makefile(
    name: str,
    text: str,
    leave: int,
    of: int = 3,
    *,
    files: Mapping[str, str] = C,
    build: str = "make",
    **more: Any,
) -> Row:
    return Row(f"makefile, {name}", {**files, "Makefile": text}, ":", build, leave, of, directory=".", **more)


_BUILT_IN = "main: main.o one.o two.o\n"
_GCC, _DISTCC = "CC = gcc\n", "CC = distcc gcc\n"
_OURS = _DISTCC + _BUILT_IN
_LINK = "p: main.o one.o two.o\n\t$(CC) -o $@ $^\n"

_COMPILERS = [
    _makefile("make's own CC", _BUILT_IN, 0),
    _makefile("CC of the environment", _BUILT_IN, 3, environ=DISTCC_GCC),
    _makefile("CC=gcc", _GCC + _BUILT_IN, 0),
    _makefile("CC=gcc in masquerade", _GCC + _BUILT_IN, 3, first_on_path=MASQUERADE),
    _makefile("CC ?= gcc and the environment", "CC ?= gcc\n" + _BUILT_IN, 3, environ=DISTCC_GCC),
    _makefile(
        "CC=/usr/bin/gcc in masquerade", "CC = /usr/bin/gcc\n" + _BUILT_IN, 0, first_on_path=MASQUERADE
    ),
    _makefile("CC=distcc clang", "CC = distcc clang\n" + _BUILT_IN, 3),
    _makefile("CC=nice distcc gcc", "CC = nice -n 1 distcc gcc\n" + _BUILT_IN, 3),
    _makefile("prefix of a cross compiler", "CC = distcc $(CROSS_COMPILE)gcc\n" + _BUILT_IN, 3),
    _makefile("CC of a command", "CC := $(shell command -v gcc)\n" + _BUILT_IN, 0, is_told=False),
    _makefile("CC=distcc gcc of a command", "CC := $(shell echo distcc gcc)\n" + _BUILT_IN, 3, is_told=False),
    _makefile(
        "CXX=distcc g++", "CXX = distcc g++\nmain: main.o one.o two.o\n\t$(CXX) -o $@ $^\n", 3, files=CXX
    ),
]

_OPTIONS = [
    _makefile("CFLAGS of the environment", _OURS, 0, environ=CFLAGS),
    _makefile("CFLAGS = against the environment", "CFLAGS = -O2\n" + _OURS, 3, environ=CFLAGS),
    _makefile(
        "CFLAGS = against the environment, with -e",
        "CFLAGS = -O2\n" + _OURS,
        0,
        environ={**CFLAGS, "MAKEFLAGS": "e"},
    ),
    _makefile("CFLAGS ?= and the environment", "CFLAGS ?= -O2\n" + _OURS, 0, environ=CFLAGS),
    _makefile("CFLAGS += and the environment", "CFLAGS += -O2\n" + _OURS, 0, environ=CFLAGS),
    _makefile("CFLAGS =", f"CFLAGS = -O2 {NATIVE}\n" + _OURS, 0),
    _makefile("CFLAGS of one target", f"two.o: CFLAGS += {NATIVE}\n" + _OURS, 2),
    _makefile("CFLAGS under a condition", f"ifdef FAST\nCFLAGS = {NATIVE}\nendif\n" + _OURS, 3),
    _makefile(
        "CFLAGS under a condition that holds",
        f"ifdef FAST\nCFLAGS = {NATIVE}\nendif\n" + _OURS,
        0,
        environ={"FAST": "1"},
    ),
    _makefile(
        "included file with CFLAGS",
        "include config.mk\n" + _OURS,
        0,
        files={**C, "config.mk": f"CFLAGS = {NATIVE}\n"},
    ),
]

_COMPILED = "\t$(CC) {} -c -o $@ $<\n"
_NAMED = (
    "p: main.o one.o two.o\n\tgcc -o $@ $^\nmain.o: main.c\n\tgcc -c main.c\n"
    "one.o: one.c\n\tgcc {} -c one.c\ntwo.o: two.c\n\tgcc -c two.c\n"
)
_RULES = [
    _makefile(
        "pattern rule that ignores CFLAGS",
        f"CFLAGS = {NATIVE}\n{_DISTCC}{_LINK}%.o: %.c\n" + _COMPILED.format("-O2"),
        3,
    ),
    _makefile("suffix rule with an option", f"{_DISTCC}{_LINK}.c.o:\n" + _COMPILED.format(NATIVE), 0),
    _makefile(
        "quiet rule",
        f"Q = @\nCFLAGS = {NATIVE}\n{_DISTCC}{_LINK}%.o: %.c\n\t@echo CC $<\n\t$(Q)$(CC) $(CFLAGS) -c $<\n",
        0,
    ),
    _makefile(
        "COMPILE.c", f"{_DISTCC}{_LINK}%.o: %.c\n\t$(COMPILE.c) -MMD -MP -o $@ $<\n-include main.d\n", 3
    ),
    _makefile("compiler named, in masquerade", _NAMED.format("-O2"), 3, first_on_path=MASQUERADE),
    _makefile(
        "compiler named, -march=native of one file", _NAMED.format(NATIVE), 2, first_on_path=MASQUERADE
    ),
    _makefile("compiled and linked at once", f"{_DISTCC}p: main.c one.c two.c\n\t$(CC) -o $@ $^\n", 0, 1),
    _makefile(
        "compiled and linked at once, by itself",
        f"{_DISTCC}main: main.c\n",
        0,
        1,
        files={"main.c": "int main(void) { return 0; }\n"},
    ),
    _makefile(
        "compiled together",
        f"{_DISTCC}p: main.c one.c two.c\n\t$(CC) -c $^\n\t$(CC) -o $@ main.o one.o two.o\n",
        0,
        1,
    ),
    _makefile("-x c++", f"CC = distcc g++\n{_LINK}%.o: %.c\n" + _COMPILED.format("-x c++"), 3),
    _makefile(
        "response file with -march=native",
        f"{_DISTCC}{_LINK}%.o: %.c\n" + _COMPILED.format("@flags"),
        0,
        files={**C, "flags": f"{NATIVE}\n"},
    ),
]

# CMake calls GCC so for C++20. The worker does not have the module map.
_MODULES = "CXX = distcc g++\nCXXFLAGS = -std=c++20 -fmodules-ts -fmodule-mapper=own.map\n"
_MODULES += "main: main.o one.o two.o\n\t$(CXX) -o $@ $^\n"
_RULES += [
    _makefile("module mapper", _MODULES, 0, files={**CXX, "own.map": "$root .\n"}),
]

_RECURSIVE = (
    "main: main.o lib\n\t$(CC) -o $@ main.o lib/one.o lib/two.o\n.PHONY: lib\nlib:\n\t$(MAKE) -C lib\n"
)
_HANDED_OVER = _DISTCC + _RECURSIVE.replace("-C lib", "-C lib CC='$(CC)'")
_BELOW = {**LIBRARY, "lib/Makefile": "all: one.o two.o\n"}
_BELOW_NATIVE = {**LIBRARY, "lib/Makefile": f"CFLAGS = {NATIVE}\nall: one.o two.o\n"}
_RECURSIVE_ROWS = [
    _makefile("recursive, CC of the environment", _RECURSIVE, 3, files=_BELOW, environ=DISTCC_GCC),
    _makefile("recursive, CC of this directory", _DISTCC + _RECURSIVE, 1, files=_BELOW),
    _makefile("recursive, CC exported", f"export {_DISTCC}{_RECURSIVE}", 3, files=_BELOW),
    _makefile("recursive, CC handed over", _HANDED_OVER, 3, files=_BELOW),
    _makefile(
        "recursive, CFLAGS exported",
        f"export CFLAGS = {NATIVE}\n{_RECURSIVE}",
        0,
        files=_BELOW,
        environ=DISTCC_GCC,
    ),
    _makefile("recursive, CFLAGS of the directory", _RECURSIVE, 1, files=_BELOW_NATIVE, environ=DISTCC_GCC),
]

MAKEFILES = [*_COMPILERS, *_OPTIONS, *_RULES, *_RECURSIVE_ROWS]

"""Build directories of ninja without a generator, of scons, and of a shell script."""

from __future__ import annotations

from typing import Any

from ..buildtrees import Row
from ..shells import MASQUERADE
from .sources import NATIVE, C

_EDGES = "build main.o: cc main.c\nbuild one.o: cc one.c\nbuild two.o: cc two.c\n"
_LINK = "rule link\n  command = gcc -o $out $in\nbuild p: link main.o one.o two.o\n"


def _ninja(name: str, compiler: str, leave: int, before: str = "", behind: str = "", **more: Any) -> Row:
    rule = f"rule cc\n  command = {compiler} $cflags -MD -MF $out.d -c $in -o $out\n  depfile = $out.d\n"
    files = {**C, "build.ninja": f"{before}{rule}{_EDGES}{behind}{_LINK}"}
    return Row(f"ninja, {name}", files, ":", "ninja", leave, 3, directory=".", **more)


def _scons(name: str, text: str, leave: int, **more: Any) -> Row:
    files = {**C, "SConstruct": f"{text}\nenv.Program('p', ['main.c', 'one.c', 'two.c'])\n"}
    return Row(f"scons, {name}", files, ":", "scons", leave, 3, directory=".", is_told=False, **more)


def _script(name: str, compiler: str, leave: int, **more: Any) -> Row:
    text = f"#!/bin/sh\nset -e\nfor name in main one two; do\n    {compiler} -c $name.c\ndone\ngcc -o p *.o\n"
    files = {**C, "build.sh": text}
    return Row(f"script, {name}", files, ":", "./build.sh", leave, 3, directory=".", is_told=False, **more)


OTHERS = [
    _ninja("gcc", "gcc", 0),
    _ninja("gcc in masquerade", "gcc", 3, first_on_path=MASQUERADE),
    _ninja("distcc gcc", "distcc gcc", 3),
    _ninja("-march=native", "distcc gcc", 0, f"cflags = -O2 {NATIVE}\n"),
    _ninja("-march=native of one file", "distcc gcc", 2, behind=f"  cflags = {NATIVE}\n"),
    _scons("in masquerade", "env = Environment()", 0, first_on_path=MASQUERADE),
    _scons("distcc gcc", "env = Environment(CC='distcc gcc')", 0),
    _scons(
        "whole environment in masquerade",
        "import os\nenv = Environment(ENV=os.environ)",
        3,
        first_on_path=MASQUERADE,
    ),
    _script("gcc", "gcc", 0),
    _script("gcc in masquerade", "gcc", 3, first_on_path=MASQUERADE),
]

"""Ninja files written by hand; those of CMake and Meson are in tests/e2e."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.doctor.trees.ninjafile import Statement, read_statements

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "rule cc\n  command = gcc $flags -c $in -o $out\n"
FILES = {
    "plain": {"build.ninja": _RULE + "flags = -O2\nbuild a.o: cc a.c\n"},
    "of the statement": {"build.ninja": _RULE + "flags = -O2\nbuild a.o: cc a.c\n  flags = $flags -g\n"},
    "set later": {"build.ninja": _RULE + "flags = -O2\nbuild a.o: cc a.c\nflags = -O3\nbuild b.o: cc b.c\n"},
    "put together": {"build.ninja": _RULE + "o = -O\nflags = ${o}2 $\n    -g$o$$\nbuild a.o: cc a.c\n"},
    "dependencies": {
        "build.ninja": _RULE + "build a.o | a.d: cc a.c | a.h || b.h\nbuild a.h: phony\nbuild b.h: phony\n"
    },
    "blanks": {"build.ninja": _RULE + "build a$ b.o: cc a$ b.c\n"},
    "names with variables": {"build.ninja": _RULE + "d = sub\nbuild $d/a.o: cc ${d}/a.c\n"},
    "of the rule": {
        "build.ninja": "rule cc\n  depfile = $out.d\n  command = gcc -MF $depfile -c $in -o $out\n"
        "build a.o: cc a.c\n"
    },
    "include": {"build.ninja": "include rules.ninja\nflags = -g\nbuild a.o: cc a.c\n", "rules.ninja": _RULE},
    "subninja": {
        "build.ninja": _RULE + "flags = -g\nsubninja sub.ninja\nbuild b.o: cc b.c\n",
        "sub.ninja": "flags = $flags -O2\nbuild a.o: cc a.c\n",
    },
    "comments": {
        "build.ninja": "# x\n" + _RULE + "\n# build z.o: cc z.c\nbuild a.o: cc a.c\n  # y\n  flags = -g\n"
    },
}


def statements(files: dict[str, str]) -> list[Statement]:
    return list(read_statements("build.ninja", lambda name: files.get(name, "")))


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_commands_are_those_that_ninja_lists(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for name in ("a.c", "b.c", "a b.c"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.c").touch()
    ninja = shutil.which("ninja")
    assert ninja is not None
    said = subprocess.run([ninja, "-t", "commands"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(found.command for found in statements(files)) == sorted(said.stdout.splitlines())


def test_inputs_outputs_and_rule() -> None:
    [found] = statements({"build.ninja": _RULE + "build a.o x.o | y: cc a.c | b.h || c.h |@ d\n"})
    assert found == Statement("build.ninja", "cc", "gcc  -c a.c -o a.o x.o", ("a.c",), ("a.o", "x.o"))


@pytest.mark.parametrize(
    "text",
    [
        "include build.ninja\n",
        "subninja build.ninja\n" * 50,
        "build\nbuild :\nbuild a\nbuild a:\nbuild a: nothing b\nrule\n  command = x\n",
        "rule r\n  command = $command$command$command\nbuild a: r b\n",
        "rule r\n command = $description$description\n description = $command\nbuild a: r b\n",
        "a = xx\n" + "a = $a$a$a$a\n" * 100 + "rule r\n command = $a\n" + "build a: r b\n" * 100,
        "a = $",
        "a = ${b\n",
    ],
)
def test_malformed_or_huge_file_is_read_within_limits(text: str) -> None:
    assert sum(len(found.command) for found in statements({"build.ninja": text})) < 1 << 26


_PIECES = [
    "build ",
    "rule r",
    "\n",
    "  ",
    "command = ",
    "$",
    "{",
    "}",
    ": ",
    "r ",
    "| ",
    "||",
    "a",
    "subninja ",
]


@given(st.lists(st.sampled_from([*_PIECES, "subninja ", "=", "#"])).map("".join))
def test_no_text_raises(text: str) -> None:
    statements({"build.ninja": text, "a": text})

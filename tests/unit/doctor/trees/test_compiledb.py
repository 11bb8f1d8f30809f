"""Compile commands in compile_commands.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.trees.buildtree import System

from .written import tree_of

if TYPE_CHECKING:
    from pathlib import Path


DATABASE = [
    {"directory": "/b", "file": "a.c", "command": "gcc -DX='x y' -O2 -o a.o -c a.c"},
    {"directory": "/b", "file": "b.c", "arguments": ["gcc", "-DX=x y", "-O2", "-c", "b.c"]},
    {"directory": "sub", "file": "c.cc", "command": "g++ -O2 -c c.cc"},
    {"arguments": [1]},
    {"command": "echo"},
    7,
]


def test_database_counts_only_without_other_build_files(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, json.dumps(DATABASE), "compile_commands.json")
    assert (tree.system, tree.compilers) == (System.NONE, ())
    assert [(found.words, found.count, found.directory) for found in tree.commands] == [
        (("gcc", "-DX=x y", "-O2", "-c"), 2, "/b"),
        (("g++", "-O2", "-c"), 1, f"{tmp_path}/sub"),
    ]
    assert {found.place for found in tree.commands} == {"compile_commands.json"}
    tree = tree_of(tmp_path, "%.o: %.c\n\t$(CC) -c $<\n")
    assert [(found.words, found.place) for found in tree.commands] == [(("cc", "-c"), "a recipe in Makefile")]


@pytest.mark.parametrize("text", ["", "[", "{}", "7", "[" * 100_000])
def test_malformed_database_has_no_commands(tmp_path: Path, text: str) -> None:
    assert tree_of(tmp_path, text, "compile_commands.json").commands == ()

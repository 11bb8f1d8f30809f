"""Compilers and compile commands of build.ninja; real ones are in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distcc_driver.doctor.trees.buildtree import read_tree

from .written import compilers_of, tree_of

if TYPE_CHECKING:
    from pathlib import Path


def test_commands_that_differ_in_the_name_of_the_source_are_one(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text(
        "rule cc\n  command = gcc -DNAME='\"$stem\"' -Wp,-MD,.$stem.o.d $opt -c $in -o $out\n"
        + "".join(f"build {x}.o: cc {x}.c\n  stem = {x}\n" for x in "abc")
        + "build d.o: cc d.c\n  stem = d\n  opt = -march=native\nbuild e.o: cc e.cc\n  stem = e\n"
    )
    tree = read_tree(str(tmp_path), {})
    assert [(found.count, found.example) for found in tree.commands] == [(3, "a.c"), (1, "d.c"), (1, "e.cc")]
    assert compilers_of(tree) == ["rule cc=gcc"]


def test_meson_directory_without_rules(tmp_path: Path) -> None:
    (tmp_path / "meson-info").mkdir()
    assert tree_of(tmp_path, "", "build.ninja").unknown == "it has no rule for C or C++"

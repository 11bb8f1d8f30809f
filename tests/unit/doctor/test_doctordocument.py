"""A build directory in the JSON document."""

from __future__ import annotations

from distcc_driver.doctor.doctordocument import build_directory
from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.buildtree import BuildTree, System
from tests.support.shapes import assert_shape

TREE = BuildTree("d", System.MAKE, "Makefile")


def command(text: str, count: int) -> BuildCommand:
    return BuildCommand((*text.split(), "-c"), "CFLAGS in Makefile", count, "/d", "a.c")


def test_options_of_a_build_directory() -> None:
    verdicts = [judge(command("gcc -march=native", 2)), judge(command("gcc -gsplit-dwarf", 1))]
    document = build_directory(TREE, [], verdicts)
    assert_shape(document, "build directory")
    assert (document["compilations"], document["kept"]) == (3, 2)
    assert [option["effect"] for option in document["options"]] == ["stays", "loses"]
    assert_shape(build_directory(TREE, [], []), "build directory")

"""What the doctor says of the options of a build, and of who sets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.optionorigins import Origin, read_origins, removal
from distcc_driver.doctor.optionsteps import option_steps
from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.steps import Result
from distcc_driver.doctor.treedocument import tree_document
from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.buildtree import BuildTree, System
from tests.support.shapes import assert_shape

if TYPE_CHECKING:
    from pathlib import Path

    from distcc_driver.doctor.steps import Step

TREE = BuildTree("d", System.MAKE, "Makefile")


def command(text: str, count: int | None = 1, place: str = "CFLAGS in Makefile") -> BuildCommand:
    return BuildCommand((*text.split(), "-c"), place, count, "/d", "a.c")


def steps(*commands: BuildCommand) -> list[Step]:
    return option_steps(TREE, [judge(one) for one in commands], [])


def test_counts_of_all_places() -> None:
    native = "distcc gcc -march=native"
    [step] = steps(command(native, 2), command(native + " -g", 3, "AM_CFLAGS in b/Makefile"), command("gcc"))
    assert step.result is Result.WARNING
    text = "-march=native (CFLAGS in Makefile and 1 more) keeps 5 of 6 compilations here: "
    assert step.text.startswith(text)
    assert step.advice.endswith("take it out of CFLAGS in Makefile")


def test_all_of_them_are_a_problem() -> None:
    assert [step.result for step in steps(command("gcc -march=native -flto"))] == [Result.PROBLEM] * 2
    assert [step.result for step in steps(command("gcc -E"), command("gcc --coverage"))] == [
        Result.PROBLEM
    ] * 2


def test_counts_that_cannot_be_told() -> None:
    [step] = steps(command("gcc -march=native", None))
    assert "keeps all compilations here" in step.text
    [step] = steps(command("gcc -march=native", None), command("gcc", 3))
    assert "keeps some compilations here" in step.text


def test_no_options_at_all() -> None:
    assert steps() == []
    assert steps(command("cc")) == []


def test_compiled_and_linked_at_once() -> None:
    [step] = steps(BuildCommand(("distcc", "gcc", "-O2"), "a recipe in Makefile", None, "/d", "a.c"))
    assert step.result is Result.PROBLEM
    assert step.text == "a.c (a recipe in Makefile) keeps all compilations here: it has neither -c nor -S"


@pytest.mark.parametrize(
    ("system", "advice"),
    [
        (System.CMAKE, "if no source uses modules, run cmake -DCMAKE_CXX_SCAN_FOR_MODULES=OFF d"),
        (System.MAKE, "take it out of CFLAGS in Makefile"),
    ],
)
def test_module_maps_of_cmake(system: System, advice: str) -> None:
    """CMake 3.28 and later name one for each C++20 source where GCC is 14 or later."""
    word = "-fmodule-mapper=CMakeFiles/p.dir/a.cc.o.modmap"
    [step] = option_steps(BuildTree("d", system, "x"), [judge(command(f"g++ {word}"))], [])
    assert "names the module map, which workers do not get: 1 of 1 compilations fail there" in step.text
    assert step.advice == advice


def test_files_that_distcc_sends_nowhere() -> None:
    assembler = BuildCommand(("gcc", "-march=native"), "ASFLAGS in Makefile", 2, "/d", "low.S")
    [step] = option_steps(TREE, [judge(assembler), judge(command("gcc"))], [])
    assert step.result is Result.OK
    assert step.text == "distcc sends no .S files: 2 of 3 compilations stay here"
    assert option_steps(TREE, [judge(assembler)], [])[0].result is Result.PROBLEM


def test_launchers_are_no_part_of_the_options() -> None:
    verdict = judge(command("nice -n 5 ccache distcc gcc -O2"))
    assert (verdict.kept, verdict.hazards) == ((), ())


@pytest.mark.parametrize(
    ("system", "origin", "place", "expected"),
    [
        (System.CMAKE, "CMAKE_C_FLAGS", "FLAGS", "run cmake -DCMAKE_C_FLAGS=-g d"),
        (System.CMAKE, None, "FLAGS", "CMakeLists.txt sets it: look for an option of the project"),
        (
            System.MESON,
            "c_args",
            "ARGS",
            "run meson configure -Dc_args=-g d && ninja -C d build.ninja",
        ),
        (System.MESON, None, "ARGS", "meson.build sets it: look for an option of the project"),
        (
            System.AUTOTOOLS,
            "CFLAGS",
            "CFLAGS in Makefile",
            "run configure again without it, or build with: distcc_build make CFLAGS=-g",
        ),
        (System.AUTOTOOLS, None, "AM_CFLAGS in Makefile", "take it out of AM_CFLAGS in Makefile"),
        (System.MAKE, "CFLAGS", "CFLAGS in the environment", "run export CFLAGS=-g"),
        (System.MAKE, "CFLAGS", "CFLAGS in Makefile", "take it out of CFLAGS in Makefile"),
    ],
)
def test_who_sets_an_option(system: System, origin: str | None, place: str, expected: str) -> None:
    origins = [Origin(origin, ("-g", "-flto"))] if origin else [Origin("CFLAGS", ("-g",))]
    assert removal("-flto", place, BuildTree("d", system), origins).startswith(expected)


def test_files_of_others_are_read_with_care(tmp_path: Path) -> None:
    (tmp_path / "meson-info").mkdir()
    for text in ("{", "[1, null]", "[" * 100_000, json.dumps([{"name": 3, "value": {}}])):
        (tmp_path / "meson-info" / "intro-buildoptions.json").write_text(text)
        assert read_origins(BuildTree(str(tmp_path), System.MESON), {}) == []
    (tmp_path / "CMakeCache.txt").write_text("CMAKE_C_FLAGS:STRING=-O2 'it\n")
    [origin] = read_origins(BuildTree(str(tmp_path), System.CMAKE), {})
    assert origin.words == ("-O2", "'it")


def test_document() -> None:
    verdicts = [judge(command("gcc -march=native", 2)), judge(command("gcc -gsplit-dwarf"))]
    document = tree_document(TREE, [], verdicts)
    assert_shape(document, "build directory")
    assert (document["compilations"], document["kept"]) == (3, 2)
    assert [option["effect"] for option in document["options"]] == ["stays", "loses"]
    assert_shape(tree_document(TREE, [], []), "build directory")

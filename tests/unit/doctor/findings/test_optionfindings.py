"""Findings about options that keep compilations here or change them on a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.findings.finding import Result
from distcc_driver.doctor.findings.optionfindings import option_findings
from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.buildtree import BuildTree, System

if TYPE_CHECKING:
    from distcc_driver.doctor.findings.finding import Finding

TREE = BuildTree("d", System.MAKE, "Makefile")


def command(text: str, count: int | None = 1, place: str = "CFLAGS in Makefile") -> BuildCommand:
    return BuildCommand((*text.split(), "-c"), place, count, "/d", "a.c")


def findings(*commands: BuildCommand) -> list[Finding]:
    return option_findings(TREE, [judge(one) for one in commands], [])


def test_compilations_of_all_places_are_counted() -> None:
    native = "distcc gcc -march=native"
    [finding] = findings(
        command(native, 2), command(native + " -g", 3, "AM_CFLAGS in b/Makefile"), command("gcc")
    )
    assert finding.result is Result.WARNING
    text = "-march=native (CFLAGS in Makefile and 1 more) keeps 5 of 6 compilations here: "
    assert finding.text.startswith(text)
    assert finding.advice.endswith("take it out of CFLAGS in Makefile")


def test_options_that_keep_all_compilations_here_are_problems() -> None:
    assert [finding.result for finding in findings(command("gcc -march=native -flto"))] == [
        Result.PROBLEM
    ] * 2
    assert [finding.result for finding in findings(command("gcc -E"), command("gcc --coverage"))] == [
        Result.PROBLEM
    ] * 2


def test_unknown_numbers_of_compilations() -> None:
    [finding] = findings(command("gcc -march=native", None))
    assert "keeps all compilations here" in finding.text
    [finding] = findings(command("gcc -march=native", None), command("gcc", 3))
    assert "keeps some compilations here" in finding.text


def test_build_without_such_options() -> None:
    assert findings() == []
    assert findings(command("cc")) == []


def test_command_that_compiles_and_links() -> None:
    [finding] = findings(BuildCommand(("distcc", "gcc", "-O2"), "a recipe in Makefile", None, "/d", "a.c"))
    assert finding.result is Result.PROBLEM
    assert finding.text == "a.c (a recipe in Makefile) keeps all compilations here: it has neither -c nor -S"


@pytest.mark.parametrize(
    ("system", "advice"),
    [
        (System.CMAKE, "if no source uses modules, run cmake -DCMAKE_CXX_SCAN_FOR_MODULES=OFF d"),
        (System.MAKE, "take it out of CFLAGS in Makefile"),
    ],
)
def test_module_maps_of_cmake(system: System, advice: str) -> None:
    """CMake 3.28 and later gives GCC 14 and later a module map for each C++20 source."""
    word = "-fmodule-mapper=CMakeFiles/p.dir/a.cc.o.modmap"
    [finding] = option_findings(BuildTree("d", system, "x"), [judge(command(f"g++ {word}"))], [])
    assert "names the module map, which workers do not get: 1 of 1 compilations fail there" in finding.text
    assert finding.advice == advice


def test_files_that_distcc_never_sends() -> None:
    assembler = BuildCommand(("gcc", "-march=native"), "ASFLAGS in Makefile", 2, "/d", "low.S")
    [finding] = option_findings(TREE, [judge(assembler), judge(command("gcc"))], [])
    assert finding.result is Result.OK
    assert finding.text == "distcc sends no .S files: 2 of 3 compilations stay here"
    assert option_findings(TREE, [judge(assembler)], [])[0].result is Result.PROBLEM

"""What the doctor says of the options of a build, and of who sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.findings import Result
from distcc_driver.doctor.optionfindings import option_findings
from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.buildtree import BuildTree, System

if TYPE_CHECKING:
    from distcc_driver.doctor.findings import Finding

TREE = BuildTree("d", System.MAKE, "Makefile")


def command(text: str, count: int | None = 1, place: str = "CFLAGS in Makefile") -> BuildCommand:
    return BuildCommand((*text.split(), "-c"), place, count, "/d", "a.c")


def findings(*commands: BuildCommand) -> list[Finding]:
    return option_findings(TREE, [judge(one) for one in commands], [])


def test_counts_of_all_places() -> None:
    native = "distcc gcc -march=native"
    [finding] = findings(
        command(native, 2), command(native + " -g", 3, "AM_CFLAGS in b/Makefile"), command("gcc")
    )
    assert finding.result is Result.WARNING
    text = "-march=native (CFLAGS in Makefile and 1 more) keeps 5 of 6 compilations here: "
    assert finding.text.startswith(text)
    assert finding.advice.endswith("take it out of CFLAGS in Makefile")


def test_all_of_them_are_a_problem() -> None:
    assert [finding.result for finding in findings(command("gcc -march=native -flto"))] == [
        Result.PROBLEM
    ] * 2
    assert [finding.result for finding in findings(command("gcc -E"), command("gcc --coverage"))] == [
        Result.PROBLEM
    ] * 2


def test_counts_that_cannot_be_told() -> None:
    [finding] = findings(command("gcc -march=native", None))
    assert "keeps all compilations here" in finding.text
    [finding] = findings(command("gcc -march=native", None), command("gcc", 3))
    assert "keeps some compilations here" in finding.text


def test_no_options_at_all() -> None:
    assert findings() == []
    assert findings(command("cc")) == []


def test_compiled_and_linked_at_once() -> None:
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
    """CMake 3.28 and later name one for each C++20 source where GCC is 14 or later."""
    word = "-fmodule-mapper=CMakeFiles/p.dir/a.cc.o.modmap"
    [finding] = option_findings(BuildTree("d", system, "x"), [judge(command(f"g++ {word}"))], [])
    assert "names the module map, which workers do not get: 1 of 1 compilations fail there" in finding.text
    assert finding.advice == advice


def test_files_that_distcc_sends_nowhere() -> None:
    assembler = BuildCommand(("gcc", "-march=native"), "ASFLAGS in Makefile", 2, "/d", "low.S")
    [finding] = option_findings(TREE, [judge(assembler), judge(command("gcc"))], [])
    assert finding.result is Result.OK
    assert finding.text == "distcc sends no .S files: 2 of 3 compilations stay here"
    assert option_findings(TREE, [judge(assembler)], [])[0].result is Result.PROBLEM

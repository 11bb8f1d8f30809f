"""Compilers of PATH and of build directories, and whether they call distcc."""

from __future__ import annotations

import pytest

from distcc_driver.doctor.findings.compilerfindings import build_directory_findings, compiler_findings
from distcc_driver.doctor.findings.finding import Result
from distcc_driver.doctor.trees.buildcommands import ConfiguredCompiler
from distcc_driver.doctor.trees.buildtree import BuildTree, System
from distcc_driver.machine.compilers import Command, Kind, Obstacle

GCC = Command(("gcc",), Kind.COMPILER, "/usr/bin/gcc", ("gcc",), "/usr/bin/gcc-12")
GXX = Command(("g++",), Kind.COMPILER, "/usr/bin/g++", ("g++",), "/usr/bin/g++-12")


def test_plain_compilers_do_not_matter_to_a_build_directory_that_calls_distcc() -> None:
    [finding] = compiler_findings([GCC, GXX], {}, is_tree_distributed=False)
    assert (finding.subject, finding.result) == ("gcc, g++", Result.WARNING)
    [finding] = compiler_findings([GCC, GXX], {}, is_tree_distributed=True)
    assert finding.result is Result.OK


def test_path_without_a_compiler() -> None:
    [finding] = compiler_findings([], {}, is_tree_distributed=True)
    assert finding.result is Result.PROBLEM


def test_link_to_distcc_without_a_compiler_behind_it() -> None:
    command = Command(("gcc",), Kind.DISTCC, "/usr/lib/distcc/gcc", ("gcc",), None)
    [finding] = compiler_findings([command], {}, is_tree_distributed=False)
    assert (finding.result, "no compiler is behind it" in finding.text) == (Result.PROBLEM, True)


def test_distcc_in_front_of_ccache() -> None:
    words = ("distcc", "ccache", "gcc")
    command = Command(
        words, Kind.DISTCC, "/usr/bin/distcc", words[1:], "/usr/bin/gcc-12", Obstacle.NO_COMPILER
    )
    [finding] = compiler_findings([command], {}, is_tree_distributed=False)
    assert (finding.result, finding.text.partition(" ")[0]) == (Result.WARNING, "distcc")
    assert "put ccache in front of distcc" in finding.advice
    configured = ConfiguredCompiler("CC", ("gcc",))
    tree = BuildTree("d", System.AUTOTOOLS, "config.log", compilers=(configured,))
    [finding] = build_directory_findings(tree, [command])
    assert finding.result is Result.WARNING
    assert finding.text.startswith(
        "configured with distcc ccache gcc (CC in config.log): distcc is told to run ccache"
    )


def test_script_and_ccache_reach_distcc() -> None:
    script = Command(("cc",), Kind.SCRIPT, "/opt/bin/cc", ("cc",), "/usr/bin/gcc-12")
    [finding] = compiler_findings([script], {}, is_tree_distributed=False)
    assert finding.text == "script in /opt/bin that names distcc, compiler in /usr/bin"
    ccache = Command(("ccache", "gcc"), Kind.CCACHE, "/usr/bin/ccache", ("/usr/bin/gcc",), "/usr/bin/gcc-12")
    [finding] = compiler_findings([ccache], {"CCACHE_PREFIX": "distcc"}, is_tree_distributed=False)
    assert finding.text.endswith(", and distcc_build makes ccache call distcc (CCACHE_PREFIX)")


def test_sources_that_are_not_configured() -> None:
    [finding] = build_directory_findings(BuildTree("d", System.NONE, unconfigured="configure"), [])
    assert finding.text == "sources with configure, not configured yet: only the compilers above count"


def test_build_directory_with_an_unknown_compiler_is_ok() -> None:
    [finding] = build_directory_findings(BuildTree("d", System.MAKE, "Makefile", unknown="it is odd"), [])
    assert finding.result is Result.OK
    assert "only a build could tell the compiler: it is odd" in finding.text


@pytest.mark.parametrize(
    ("directory", "names", "text", "advice"),
    [
        (".", ["build"], "configured in build", "run distcc-driver doctor --build-dir build"),
        ("/s c", ["a", "b"], "configured in a, b", "run distcc-driver doctor --build-dir '/s c/a'"),
        (".", list("abcde"), "configured in a, b, c and 2 more", "run distcc-driver doctor --build-dir a"),
    ],
)
def test_sources_with_build_directories_below(
    directory: str, names: list[str], text: str, advice: str
) -> None:
    tree = BuildTree(directory, System.NONE, unconfigured="CMakeLists.txt", configured=tuple(names))
    [finding] = build_directory_findings(tree, [])
    assert (finding.result, finding.advice) == (Result.WARNING, advice)
    assert finding.text == f"sources with CMakeLists.txt, {text}"


def test_build_directory_whose_compiler_is_missing() -> None:
    configured = ConfiguredCompiler("CMAKE_C_COMPILER", ("/opt/cc",))
    tree = BuildTree("d", System.CMAKE, "CMakeCache.txt", compilers=(configured,))
    [finding] = build_directory_findings(
        tree, [Command(("/opt/cc",), Kind.MISSING, None, ("/opt/cc",), None)]
    )
    assert (finding.result, "/opt/cc is not found" in finding.text) == (Result.PROBLEM, True)

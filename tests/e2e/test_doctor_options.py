"""What the doctor says about the options of a build agrees with the counters of the worker."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.distccd import Distccd
from tests.support.doctor import doctor_document
from tests.support.toolchains import Toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCES = {
    "main.c": "int main(void) { return 0; }\n",
    "part.c": "int part(int x) { switch (x) { case 1: x++; /* fall through */ default: return x; } }\n",
    "more.cc": "#include <vector>\nint more() { return 0; }\n",
    "low.S": ".globl low\nlow:\n.section .note.GNU-stack\n",
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.16)
project(p C CXX ASM)
add_library(p STATIC main.c part.c more.cc)
if(LOW)
  target_sources(p PRIVATE low.S)
endif()
if(HEADER)
  add_library(h OBJECT more.cc)
  target_precompile_headers(h PRIVATE <vector>)
endif()
if(NATIVE)
  target_compile_options(p PRIVATE -march=native)
endif()
""",
    "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign subdir-objects])\nAC_PROG_CC\nAC_PROG_CXX\n"
    "AC_PROG_RANLIB\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "noinst_LIBRARIES = libp.a\nlibp_a_SOURCES = main.c part.c more.cc\n",
    "meson.build": "project('p', 'c', 'cpp')\nstatic_library('p', 'main.c', 'part.c', 'more.cc')\n",
}
CMAKE = "cmake .. -DCMAKE_C_COMPILER_LAUNCHER=distcc -DCMAKE_CXX_COMPILER_LAUNCHER=distcc "
CLANG = CMAKE + "-G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ "
# CMake wants llvm-ar for this, which Debian has in another package than clang.
AR = "-DCMAKE_C_COMPILER_AR=/usr/bin/ar -DCMAKE_CXX_COMPILER_AR=/usr/bin/ar "
AR += "-DCMAKE_C_COMPILER_RANLIB=/bin/true -DCMAKE_CXX_COMPILER_RANLIB=/bin/true "
MESON = "CC='distcc gcc' CXX='distcc g++' meson setup . .. "
# The command that configures, the option, its effect; then three numbers of compilations: those that have the
# option, those that stay here, and all.
CASES = [
    (CMAKE + "-DCMAKE_C_FLAGS='-O1 -march=native'", "-march=native", "stays", 2, 2, 3),
    (CMAKE + "-G Ninja -DCMAKE_C_FLAGS='-O1 -march=native'", "-march=native", "stays", 2, 2, 3),
    (CMAKE + "-DCMAKE_C_FLAGS=-mtune=native -DLOW=ON", "-mtune=native", "stays", 2, 3, 4),
    (CMAKE + "-DCMAKE_C_FLAGS=-specs=/dev/null -G Ninja", "-specs=/dev/null", "stays", 2, 2, 3),
    (CMAKE + "-DCMAKE_C_FLAGS=--coverage -DCMAKE_CXX_FLAGS=--coverage", "--coverage", "stays", 3, 3, 3),
    (CMAKE + "-DCMAKE_CXX_FLAGS_DEBUG='-g -flto' -DCMAKE_BUILD_TYPE=Debug", "-flto", "stays", 1, 1, 3),
    (CMAKE + "-DCMAKE_C_FLAGS=-gsplit-dwarf", "-gsplit-dwarf", "loses", 2, 0, 3),
    (CMAKE + "-G Ninja -DHEADER=ON", "-x c++-header", "spoils", 1, 0, 5),
    (CLANG + "-DHEADER=ON", "-include-pch", "fails", 1, 0, 5),
    (CLANG + "-DCMAKE_C_FLAGS='-O1 -flto'", "-flto", "stays", 2, 2, 3),
    (MESON + "-Dc_args='-march=native -O1 -g3'", "-march=native", "stays", 2, 2, 3),
    (MESON + "-Db_coverage=true", "--coverage", "stays", 3, 3, 3),
    (MESON + "-Db_pgo=generate", "-fprofile-generate", "stays", 3, 3, 3),
    (MESON.replace("gcc", "clang").replace("g++", "clang++") + "-Db_lto=true", "-flto", "stays", 3, 3, 3),
]
AUTOTOOLS = "(cd .. && autoreconf --install) && ../configure CC='distcc gcc' CXX='distcc g++' "
PLAIN = "CC = distcc gcc\nCXX = distcc g++\n{}all: main.o part.o more.o\nclean:\n\trm -f *.o\n"
# A Makefile, the environment, the option, its place, and how many of three compilations stay here.
MAKEFILES = [
    (PLAIN.format("CFLAGS = -O1 -march=native\n"), {}, "-march=native", "CFLAGS in Makefile", 2),
    (PLAIN.format("override CXXFLAGS += --coverage\n"), {}, "--coverage", "CXXFLAGS in Makefile", 1),
    (PLAIN.format(""), {"CFLAGS": "-O1 -flto"}, "-flto", "CFLAGS in the environment", 2),
    (PLAIN.format("CFLAGS = -O1\n"), {"CFLAGS": "-flto"}, None, "", 0),
    (PLAIN.format("CPPFLAGS += -march=native\n"), {}, "-march=native", "CPPFLAGS in Makefile", 3),
    (
        "all:\n\tdistcc gcc -mtune=native -c main.c\n\tdistcc gcc -c part.c\n\tdistcc g++ -c more.cc\n"
        "clean:\n",
        {},
        "-mtune=native",
        "a recipe in Makefile",
        1,
    ),
]
UNTROUBLED = [
    CMAKE + "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON",
    CMAKE + "-G Ninja -DCMAKE_C_FLAGS='-Wextra -Werror -C'",
    CLANG + AR + "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON",
    MESON + "-Db_lto=true -Dwerror=true",
]


class Tree:
    """A build directory and the worker of its builds."""

    def __init__(self, work: Path, environ: dict[str, str], worker: Distccd) -> None:
        for name, text in _SOURCES.items():
            (work / name).write_text(text)
        self.directory = work / "build"
        self.directory.mkdir()
        self.environ = environ
        self._worker = worker

    def run(self, command: str, **environ: str) -> None:
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.directory,
            env={**self.environ, "DISTCC_HOSTS": "localhost", **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def examine(self, *hosts: str) -> dict[str, Any]:
        """The JSON document of the doctor; with `hosts` for those instead of the worker."""
        environ = self.environ | {"DISTCC_AUTO_HOSTS": " ".join(hosts) or self._worker.spec}
        return doctor_document(environ, self.directory)[1]

    def build(self, assignment: str = "") -> tuple[int, int]:
        """Build everything anew; returns how many compilations succeeded and failed on the worker."""
        before = self._worker.counters()
        for mark in Path(self.environ["DISTCC_DIR"]).glob("lock/backoff*"):  # as distcc_build does
            mark.unlink()
        hosts = self._worker.distcc_host
        make = (
            f"if [ -e build.ninja ]; then ninja -t clean; ninja; else make clean && make {assignment} all; fi"
        )
        self.run(make, DISTCC_HOSTS=hosts)
        after = self._worker.counters()
        ok, error = (after[key] - before[key] for key in ("dcc_compile_ok", "dcc_compile_error"))
        return ok, error


@pytest.fixture
def tree(work: Path, environ: dict[str, str], start_distccd: Callable[..., Distccd]) -> Tree:
    return Tree(work, environ, start_distccd())


def advice_of(document: dict[str, Any], option: str) -> str:
    [step] = [step for step in document["steps"] if step["text"].startswith(f"{option} (")]
    return str(step["advice"])


@pytest.mark.parametrize(("configure", "option", "effect", "number", "kept", "total"), CASES)
def test_option_that_keeps_compilations_here_or_changes_them(
    configure: str, option: str, effect: str, number: int, kept: int, total: int, tree: Tree
) -> None:
    tree.run(configure)
    document = tree.examine()
    directory = document["build_directory"]
    assert (directory["compilations"], directory["kept"]) == (total, kept)
    found = {one["option"]: one["compilations"] for one in directory["options"]}
    assert found[option] == number
    assert {one["effect"] for one in directory["options"]} == {effect}
    assert len(found) == (
        2 if option == "-include-pch" else 1
    )  # the other is -emit-pch, by which clang makes the header
    assert document["result"] == ("problem" if kept == total else "warning")
    compiled, failed = tree.build()
    if effect == "fails":
        assert failed > 0
    else:
        assert (compiled, failed) == (total - kept, 0)
    command = re.search(r"\brun (.*)", advice_of(document, option))
    assert command is not None
    tree.run(command[1])
    document = tree.examine()
    assert document["build_directory"]["options"] == []
    compilations = document["build_directory"]["compilations"]
    assert tree.build() == (compilations - ("LOW=ON" in configure), 0)


@pytest.mark.parametrize("configure", UNTROUBLED)
def test_options_without_an_effect_on_distcc(configure: str, tree: Tree) -> None:
    tree.run(configure)
    document = tree.examine()
    directory = document["build_directory"]
    assert (directory["compilations"], directory["kept"], directory["options"]) == (3, 0, [])
    assert (document["result"], tree.build()) == ("ok", (3, 0))


def test_comments_that_distcc_does_not_send(tree: Tree) -> None:
    tree.run(CMAKE + "-G Ninja -DCMAKE_C_FLAGS='-Wextra -Werror'")
    document = tree.examine()
    [found] = document["build_directory"]["options"]
    assert (found["option"], found["effect"]) == ("-Wextra -Werror", "may_fail")
    assert document["result"] == "warning"
    assert tree.build()[1] == 1
    advice = advice_of(document, "-Wextra -Werror")
    assert "add -C, which sends comments" in advice
    assert advice.endswith(" to CMAKE_C_FLAGS and CMAKE_CXX_FLAGS")
    for cure in ("-C", "-Wno-error=implicit-fallthrough"):
        tree.run(f"cmake -DCMAKE_C_FLAGS='-Wextra -Werror {cure}' .")
        assert tree.examine()["build_directory"]["options"] == []
        assert tree.build() == (3, 0)


def test_option_that_the_compiler_of_a_worker_does_not_know(
    tree: Tree, public: Path, shared_distccd: Distccd
) -> None:
    tools = Toolchain(public / "tools")
    tools.add("g++")
    unknown = "gcc: error: unrecognized command-line option -std=c2x"
    gcc = shutil.which("gcc")
    tools.add_script(
        "gcc", f'#!/bin/sh\ncase "$*" in *-std=c2x*) echo "{unknown}" >&2; exit 1;; esac\nexec {gcc} "$@"\n'
    )
    configure = MESON + "-Dc_args='-std=c2x -Wpedantic -O1 -DX=1 -Wno-unused -fno-plt -march=native'"
    tree.run(configure)
    other = Distccd(environ=tools.environ)
    try:
        document = tree.examine(shared_distccd.spec, other.spec)
    finally:
        other.stop()
    trials = {(trial["host"], trial["compiler"]): trial for trial in document["trials"]}
    compiler = "gcc -std=c2x -Wpedantic -fno-plt"
    assert trials[shared_distccd.spec, compiler]["outcome"] == "compiled"
    assert trials[other.spec, compiler]["outcome"] == "failed"
    assert trials[other.spec, "g++"]["outcome"] == "compiled"
    assert len(trials) == 4
    [step] = [step for step in document["steps"] if step["result"] != "ok" and other.spec in step["subjects"]]
    assert f"fails there: {unknown}" in step["text"]
    assert step["advice"].startswith("install the version there that this machine has")


def test_option_that_the_project_sets(tree: Tree) -> None:
    tree.run(CMAKE + "-DNATIVE=ON")
    document = tree.examine()
    assert document["result"] == "problem"
    assert "CMakeLists.txt sets it" in advice_of(document, "-march=native")


@pytest.mark.parametrize(("makefile", "added", "option", "place", "kept"), MAKEFILES)
def test_options_of_makefiles(
    makefile: str, added: dict[str, str], option: str | None, place: str, kept: int, tree: Tree
) -> None:
    for name in ("main.c", "part.c", "more.cc"):
        (tree.directory / name).write_text(_SOURCES[name])
    (tree.directory / "Makefile").write_text(makefile)
    tree.environ.update(added)
    document = tree.examine()
    options = document["build_directory"]["options"]
    assert [found["option"] for found in options] == ([option] if option else [])
    if option:
        assert options[0]["places"][0] == place
        assert document["result"] == ("problem" if kept == 3 else "warning")
    assert tree.build() == (3 - kept, 0)


def test_option_of_autotools(tree: Tree) -> None:
    tree.run(AUTOTOOLS + "CFLAGS='-O1 -march=native'")
    document = tree.examine()
    directory = document["build_directory"]
    [found] = directory["options"]
    assert (found["option"], found["effect"]) == ("-march=native", "stays")
    assert document["result"] == "warning"
    assert tree.build() == (1, 0)
    advice = advice_of(document, "-march=native")
    assert "or build with: distcc_build make CFLAGS=-O1" in advice
    tree.run("make clean")
    assert tree.build("CFLAGS=-O1") == (3, 0)


def test_precompiled_header_of_meson(tree: Tree) -> None:
    sources = tree.directory.parent
    (sources / "pch").mkdir()
    (sources / "pch" / "p.h").write_text("#include <vector>\n")
    (sources / "meson.build").write_text(
        "project('p', 'cpp')\nstatic_library('p', 'more.cc', cpp_pch: 'pch/p.h')\n"
    )
    tree.run(MESON)
    document = tree.examine()
    directory = document["build_directory"]
    assert (directory["compilations"], directory["kept"]) == (2, 1)
    [found] = directory["options"]
    assert (found["option"], found["effect"]) == ("-fpch-preprocess", "fails")
    assert document["result"] == "warning"
    assert tree.build() == (0, 1)
    command = advice_of(document, "-fpch-preprocess").removeprefix("run ")
    assert "-Db_pch=false" in command
    tree.run(command)
    assert tree.examine()["result"] == "ok"
    assert tree.build() == (1, 0)

"""`distcc-driver doctor` in build directories that real CMake, Meson and Autotools configured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.buildtrees import write
from tests.support.doctor import doctor_document
from tests.support.shells import MASQUERADE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd

_SOURCES = {
    "main.c": "int main(void) { return 0; }\n",
    "part.cc": "int part() { return 0; }\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\n"
    "option(HIDDEN_LAUNCHER OFF)\n"
    "if(HIDDEN_LAUNCHER)\n"
    "  set(CMAKE_C_COMPILER_LAUNCHER distcc)\n"
    "  set(CMAKE_CXX_COMPILER_LAUNCHER distcc)\n"
    "endif()\n"
    "project(p C CXX)\nadd_subdirectory(sub)\nadd_executable(p main.c part.cc)\n",
    "sub/CMakeLists.txt": "add_library(sub sub.c sub.cc)\n",
    "sub/sub.c": "int sub(void) { return 0; }\n",
    "sub/sub.cc": "int sub() { return 0; }\n",
    "meson.build": "project('p', 'c', 'cpp')\nexecutable('p', 'main.c', 'part.cc')\n",
    "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_PROG_CXX\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "bin_PROGRAMS = p\np_SOURCES = main.c part.cc\n",
}
# CMake 3.31 and later write a launcher as a variable of each build statement.
CMAKES = pytest.mark.parametrize(
    "cmake", ["cmake", os.path.join(os.path.dirname(sys.executable), "cmake")], ids=["system", "newest"]
)
_LAUNCHERS = ["-DCMAKE_C_COMPILER_LAUNCHER=distcc", "-DCMAKE_CXX_COMPILER_LAUNCHER=distcc"]
_WRAPPED = {"CC": "distcc gcc", "CXX": "distcc g++"}
_PLAIN = {"CC": "gcc", "CXX": "g++"}


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in C and C++ that CMake, Meson and Autotools can configure."""
    directory = tmp_path_factory.mktemp("sources")
    write_sources(directory)
    subprocess.run(["autoreconf", "--install"], cwd=directory, check=True, capture_output=True)
    return directory


def write_sources(directory: Path) -> None:
    write(_SOURCES, directory)


def configure(command: list[str], directory: Path, environ: dict[str, str]) -> None:
    """Configure in a new directory, with distcc on this machine only.

    A worker that refuses the job would make distcc compile here at once. The preprocessor that distcc started
    could then write its temporary file after distcc had removed it.
    """
    directory.mkdir()
    environ = environ | {"DISTCC_HOSTS": "localhost"}
    done = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def examined(directory: Path, environ: dict[str, str], distccd: Distccd) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of the doctor for a build directory."""
    environ = environ | {"DISTCC_AUTO_HOSTS": distccd.spec}
    return doctor_document(environ, directory.parent, "--build-dir", str(directory))


def assert_calls_distcc(
    directory: Path, environ: dict[str, str], distccd: Distccd, system: str, *commands: str
) -> None:
    code, document = examined(directory, environ, distccd)
    tree = document["build_directory"]
    assert (tree["system"], [found["command"] for found in tree["compilers"]]) == (system, list(commands))
    assert all(found["is_distributed"] for found in tree["compilers"])
    assert [trial["outcome"] for trial in document["trials"]] == ["compiled", "compiled"]
    assert (code, document["result"]) == (0, "ok"), document["steps"]


def assert_never_calls_distcc(
    directory: Path, environ: dict[str, str], distccd: Distccd, system: str, *commands: str
) -> list[str]:
    """Check the document; returns text and advice about each compiler."""
    code, document = examined(directory, environ, distccd)
    tree = document["build_directory"]
    assert (tree["system"], [found["command"] for found in tree["compilers"]]) == (system, list(commands))
    assert code == 1
    steps = [step for step in document["steps"] if step["part"] == "build directory"]
    assert [step["result"] for step in steps] == ["problem", "problem"]
    return [f"{step['text']}; {step['advice']}" for step in steps]


@CMAKES
@pytest.mark.parametrize(("generator", "runner"), [("Unix Makefiles", "make"), ("Ninja", "ninja")])
def test_cmake_without_launcher(
    generator: str,
    runner: str,
    cmake: str,
    sources: Path,
    work: Path,
    environ: dict[str, str],
    shared_distccd: Distccd,
) -> None:
    tree = work / "build"
    configure([cmake, "-G", generator, str(sources)], tree, environ)
    # The links to distcc come first on PATH too late: CMake has stored the path of the compiler.
    later = environ | {"PATH": f"{MASQUERADE}:{environ['PATH']}"}
    said = assert_never_calls_distcc(tree, later, shared_distccd, "CMake", "/usr/bin/cc", "/usr/bin/c++")
    assert said[0].startswith("configured with /usr/bin/cc (CMAKE_C_COMPILER in CMakeCache.txt): ")
    assert f"{runner} will never call distcc; run cmake -DCMAKE_C_COMPILER_LAUNCHER=distcc " in said[0]
    subprocess.run([cmake, *_LAUNCHERS, str(tree)], env=environ, check=True, capture_output=True)
    assert_calls_distcc(tree, environ, shared_distccd, "CMake", "distcc /usr/bin/cc", "distcc /usr/bin/c++")


@CMAKES
@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_cmake_with_a_launcher_that_the_project_sets(
    generator: str, cmake: str, sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    tree = work / "build"
    configure([cmake, "-G", generator, "-DHIDDEN_LAUNCHER=ON", str(sources)], tree, environ)
    assert_calls_distcc(tree, environ, shared_distccd, "CMake", "distcc /usr/bin/cc", "distcc /usr/bin/c++")


def test_sources_with_a_build_directory_below(
    work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    write_sources(work)
    configure(["cmake", ".."], work / "build", environ)
    _, document = examined(work, environ, shared_distccd)
    [step] = [step for step in document["steps"] if step["part"] == "build directory"]
    assert (step["result"], step["text"]) == ("warning", "sources with CMakeLists.txt, configured in build")
    assert step["advice"] == f"run distcc-driver doctor --build-dir {work}/build"


def test_cmake_with_a_compiler_variable(
    sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    tree = work / "build"
    configure(["cmake", str(sources)], tree, environ | _WRAPPED)
    assert_calls_distcc(tree, environ, shared_distccd, "CMake", "/usr/bin/distcc gcc", "/usr/bin/distcc g++")


@CMAKES
@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_cmake_configured_with_links_to_distcc_on_path(
    generator: str, cmake: str, sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    tree = work / "build"
    configure(
        [cmake, "-G", generator, str(sources)], tree, environ | {"PATH": f"{MASQUERADE}:{environ['PATH']}"}
    )
    links = (f"{MASQUERADE}/cc", f"{MASQUERADE}/c++")
    assert_calls_distcc(tree, environ, shared_distccd, "CMake", *links)


def test_meson_with_and_without_distcc(
    sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    plain, wrapped = work / "plain", work / "wrapped"
    configure(["meson", "setup", ".", str(sources)], plain, environ | _PLAIN)
    said = assert_never_calls_distcc(plain, environ, shared_distccd, "Meson", "gcc", "g++")
    assert (
        "ninja will not call distcc; set up another build directory: CC='distcc gcc' meson setup" in said[0]
    )
    configure(["meson", "setup", ".", str(sources)], wrapped, environ | _WRAPPED)
    assert_calls_distcc(wrapped, environ, shared_distccd, "Meson", "distcc gcc", "distcc g++")


def test_meson_that_found_ccache(
    sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    tree = work / "build"
    configure(["meson", "setup", ".", str(sources)], tree, environ)
    # Meson 1.4 and later note where ccache is.
    commands = [step["command"] for step in json.loads((tree / "compile_commands.json").read_text())]
    ccache = next(command.split()[0] for command in commands)
    assert os.path.basename(ccache) == "ccache"
    assert_calls_distcc(tree, environ, shared_distccd, "Meson", f"{ccache} cc", f"{ccache} c++")


def test_autotools_with_and_without_distcc(
    sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    plain, wrapped = work / "plain", work / "wrapped"
    script = str(sources / "configure")
    configure([script], plain, environ)
    said = assert_never_calls_distcc(plain, environ, shared_distccd, "Autotools", "gcc", "g++")
    assert "run configure again with CC='distcc gcc', or build with: distcc_build make CC=" in said[0]
    configure([script, *(f"{name}={value}" for name, value in _WRAPPED.items())], wrapped, environ)
    assert_calls_distcc(wrapped, environ, shared_distccd, "Autotools", "distcc gcc", "distcc g++")


def test_compiler_name_of_autotools_follows_path(
    sources: Path, work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    tree = work / "build"
    configure([str(sources / "configure")], tree, environ)
    later = environ | {"PATH": f"{MASQUERADE}:{environ['PATH']}"}
    assert_calls_distcc(tree, later, shared_distccd, "Autotools", "gcc", "g++")


def test_makefile_with_and_without_distcc(
    work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    (work / "Makefile").write_text(
        "CC = gcc\nCXX = g++\nprogram: main.o part.o\npart.o: part.cc\nmain.o: main.c\n"
    )
    said = assert_never_calls_distcc(work, environ, shared_distccd, "make", "gcc", "g++")
    assert said[0].startswith(
        "configured with gcc (CC in Makefile), on this PATH /usr/bin/gcc: make will not"
    )
    (work / "Makefile").write_text(
        "CC = distcc gcc\nCXX = distcc g++\nprogram: main.o part.o\npart.o: part.cc\nmain.o: main.c\n"
    )
    assert_calls_distcc(work, environ, shared_distccd, "make", "distcc gcc", "distcc g++")


def test_conditional_assignment_that_make_ignores(
    work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    (work / "Makefile").write_text("CC ?= distcc gcc\nmain.o: main.c\n\t$(CC) -c $<\n")
    (work / "main.c").write_text(_SOURCES["main.c"])
    printed = subprocess.run(
        ["make", "--dry-run"], cwd=work, env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert printed == "cc -c main.c\n"
    code, document = examined(work, environ, shared_distccd)
    [step] = [step for step in document["steps"] if step["part"] == "build directory"]
    assert (code, step["result"]) == (1, "problem")
    assert step["text"].startswith(
        "configured with cc (make's own value: 'CC ?=' in Makefile has no effect on it)"
    )
    assert step["advice"].startswith("set CC='distcc cc', or build with: distcc_build make CC='distcc cc'")


def test_compiler_that_is_missing(work: Path, environ: dict[str, str], shared_distccd: Distccd) -> None:
    """It is a problem, and there is no trial with it."""
    tree = work / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("CC = no-such-gcc\na.o: a.c\n\t$(CC) -c a.c\n")
    code, document = examined(tree, environ, shared_distccd)
    (step,) = [step for step in document["steps"] if step["part"] == "build directory"]
    assert (code, step["result"]) == (1, "problem")
    assert step["text"] == "configured with no-such-gcc (CC in Makefile): no-such-gcc is not found"
    tried = [step["subjects"] for step in document["steps"] if step["part"] == "trial compilations"]
    assert tried
    assert not [subjects for subjects in tried if "no-such-gcc" in " ".join(subjects)]


def test_recipe_that_names_its_compiler(work: Path, environ: dict[str, str], shared_distccd: Distccd) -> None:
    (work / "Makefile").write_text("CC = distcc cc\nmain.o: main.c\n\tgcc -c main.c\n")
    code, document = examined(work, environ, shared_distccd)
    [step] = [step for step in document["steps"] if step["part"] == "build directory"]
    assert (code, step["result"]) == (1, "problem")
    assert step["text"] == (
        "configured with gcc (a recipe in Makefile), on this PATH /usr/bin/gcc: make will not call distcc"
    )
    assert step["advice"] == f"write 'distcc gcc' in the recipe, or put {MASQUERADE} first on PATH"
    later = environ | {"PATH": f"{MASQUERADE}:{environ['PATH']}"}
    code, document = examined(work, later, shared_distccd)
    assert (code, document["result"]) == (0, "ok"), document["steps"]


def test_recipe_that_calls_its_compiler_by_path(
    work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    (work / "Makefile").write_text("main.o: main.c\n\t/usr/bin/gcc -c main.c\n")
    _, document = examined(work, environ, shared_distccd)
    [step] = [step for step in document["steps"] if step["part"] == "build directory"]
    assert step["advice"] == "write 'distcc /usr/bin/gcc' in the recipe"


def test_makefile_that_only_calls_another_build_tool_is_ok(
    work: Path, environ: dict[str, str], shared_distccd: Distccd
) -> None:
    (work / "Makefile").write_text("CC = gcc\nall:\n\tcmake --build build\n")
    _, document = examined(work, environ, shared_distccd)
    [step] = [step for step in document["steps"] if step["part"] == "build directory"]
    assert step["result"] == "ok"
    assert step["text"].endswith("it calls no compiler by itself")


def test_nothing_in_a_makefile_is_run(work: Path, environ: dict[str, str], shared_distccd: Distccd) -> None:
    (work / "Makefile").write_text(
        "X := $(shell touch executed)\n+:=$(shell touch executed)\nCC = $(shell touch executed; echo gcc)\n"
        "main.o:\n\t$(CC) -c main.c\n"
    )
    _, document = examined(work, environ, shared_distccd)
    assert "CC is " in document["build_directory"]["unknown"]
    assert not (work / "executed").exists()

"""What is read in build directories is what builds there really run, options and numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from distcc_driver.buildtree import BuildTree, read_tree
from tests.support.recorders import Recorders, commands

if TYPE_CHECKING:
    from pathlib import Path

CMAKES = ["cmake", os.path.join(os.path.dirname(sys.executable), "cmake")]
GENERATORS = ["Unix Makefiles", "Ninja"]
_LAUNCHER = ["-DCMAKE_C_COMPILER_LAUNCHER=distcc", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache;distcc"]
_CMAKE = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.16)
project(p C CXX)
if(ASSIGNING)
  set_property(GLOBAL PROPERTY RULE_LAUNCH_COMPILE "CCACHE_CPP2=yes CCACHE_HASHDIR=yes ccache")
endif()
add_subdirectory(lib)
add_subdirectory("with blank")
add_executable(p main.c part.cc)
target_compile_definitions(p PRIVATE "TEXT=\\"two words\\"" ONE=1)
set_source_files_properties(main.c PROPERTIES COMPILE_OPTIONS "-march=native")
target_link_libraries(p PRIVATE lib)
""",
    "main.c": "int main(void) { return 0; }\n",
    "part.cc": "int part() { return 0; }\n",
    "lib/CMakeLists.txt": "add_library(lib a.c b.c c.c)\n"
    'target_include_directories(lib PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")\n'
    "target_precompile_headers(lib PRIVATE a.h)\n",
    "lib/a.h": "int a(void);\n",
    "lib/a.c": "int a(void) { return 0; }\n",
    "lib/b.c": "int b(void) { return 0; }\n",
    "lib/c.c": "int c(void) { return 0; }\n",
    "with blank/CMakeLists.txt": 'add_library(blank OBJECT "a b.c")\n',
    "with blank/a b.c": "int a_b(void) { return 0; }\n",
}


@pytest.fixture
def recorders(tmp_path: Path) -> Recorders:
    return Recorders(tmp_path / "recorders")


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def run(words: list[str], directory: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_reads_what_runs(
    tree: BuildTree, words: list[str], recorders: Recorders, environ: dict[str, str], work: Path
) -> None:
    """Build with `words`, and compare the calls with what was read before."""
    recorders.forget()
    run(words, work, environ)
    assert recorders.called
    assert commands(tree.commands) == recorders.called


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("cmake", CMAKES, ids=["system", "newest"])
@pytest.mark.parametrize(
    ("options", "c", "cxx"),
    [
        ([], "{here}/cc", "{here}/c++"),
        (_LAUNCHER, "distcc {here}/cc", "ccache distcc {here}/c++"),
        (
            [*_LAUNCHER, "-DASSIGNING=ON"],
            "CCACHE_CPP2=yes CCACHE_HASHDIR=yes ccache distcc {here}/cc",
            "CCACHE_CPP2=yes CCACHE_HASHDIR=yes ccache ccache distcc {here}/c++",
        ),
        ([*_LAUNCHER, "-DCMAKE_C_CLANG_TIDY=true"], "distcc {here}/cc", "ccache distcc {here}/c++"),
    ],
    ids=["plain", "launcher", "assignments", "check"],
)
def test_cmake(
    options: list[str],
    c: str,
    cxx: str,
    cmake: str,
    generator: str,
    recorders: Recorders,
    work: Path,
    environ: dict[str, str],
) -> None:
    """With subdirectories, precompiled headers, names with blanks, and options of one source."""
    write(work, _CMAKE)
    environ = recorders.path(environ)
    build = work / "build"
    run([cmake, "-G", generator, *options, "-S", ".", "-B", "build"], work, environ)
    tree = read_tree(str(build), environ)
    here = recorders.directory
    heads = [" ".join(found.words) for found in tree.compilers]
    assert heads == [c.format(here=here), cxx.format(here=here)]
    assert len(tree.commands) == 5
    places = {found.place for found in tree.commands}
    if generator == "Ninja":
        assert places == {"FLAGS in build.ninja"}
    else:
        assert {
            "CXX_FLAGS in CMakeFiles/p.dir/flags.make",
            "C_FLAGS in lib/CMakeFiles/lib.dir/flags.make",
        } <= places
    assert [found.example for found in tree.commands if "-march=native" in found.words] == [f"{work}/main.c"]
    assert_reads_what_runs(tree, [cmake, "--build", "build"], recorders, environ, work)

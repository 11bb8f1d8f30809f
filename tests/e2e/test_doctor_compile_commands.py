"""The compile commands that the doctor reads are those that the build runs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.trees.buildtree import BuildTree, read_tree
from tests.support.buildtrees import write
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


def run(words: list[str], directory: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_reads_what_runs(
    tree: BuildTree, words: list[str], recorders: Recorders, environ: dict[str, str], work: Path
) -> None:
    """Build with `words`, and compare the calls with the commands that were read before the build."""
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
def test_commands_of_cmake(
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
    write(_CMAKE, work)
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


_SOURCES = {
    "main.c": "int main(void) { return 0; }\n",
    "native.c": "int native(void) { return 0; }\n",
    "part.cc": "int part() { return 0; }\n",
    "lib/a.c": "int a(void) { return 0; }\n",
}
MAKEFILES = {
    "built in": """\
CC = distcc gcc
CFLAGS = -O2 -Wall
CFLAGS := $(filter -O%,$(CFLAGS)) -g
OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c)) part.o
native.o: CFLAGS += -march=native
program: $(OBJECTS)
\t$(CXX) -o $@ $^
""",
    "pattern": """\
CPPFLAGS += -DX="\\"two words\\""
ifneq ($(OS),Windows_NT)
  CFLAGS ?= -O3
else
  CFLAGS = -O0
endif
include flags.mk
all: obj/main.o obj/native.o
obj/%.o: %.c | obj
\t@echo "  CC $@"
\t$(Q)ccache $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MF $(@:.o=.d) -c -o $@ $<
obj:
\tmkdir obj
-include $(wildcard obj/*.d)
""",
    "recipes": """\
all: main.o native.o lib/a.o part.o
main.o: main.c
\tgcc -O1 -c main.c
native.o: main.o
\tif true; then gcc -march=native -c native.c -o $@; fi
lib/a.o:
\tcd lib && gcc -O3 -c a.c
.SUFFIXES: .cc .o
.cc.o:
\t$(CXX) $(CXXFLAGS) -std=c++17 -c $< -o $*.o
""",
}


@pytest.mark.parametrize("text", MAKEFILES.values(), ids=MAKEFILES)
def test_commands_of_a_makefile(text: str, recorders: Recorders, work: Path, environ: dict[str, str]) -> None:
    write(_SOURCES, work)
    write({"Makefile": text, "flags.mk": "CFLAGS += -Wall\n"}, work)
    environ = recorders.path(environ) | {"CXXFLAGS": "-O1", "CFLAGS": "-g"}
    tree = read_tree(str(work), environ)
    recorders.forget()
    run(["make"], work, environ)
    assert recorders.called
    assert set(commands(tree.commands)) == set(recorders.called)


def test_commands_of_autotools(recorders: Recorders, work: Path, environ: dict[str, str]) -> None:
    """With a subdirectory, options of one program, and options of the configuration."""
    write(_SOURCES, work)
    files = {
        "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign subdir-objects])\nAC_PROG_CC\n"
        "AC_PROG_CXX\nAC_PROG_RANLIB\nAM_PROG_AR\nAC_CONFIG_FILES([Makefile lib/Makefile])\nAC_OUTPUT\n",
        "Makefile.am": "SUBDIRS = lib\nAM_CPPFLAGS = -DFROM_AUTOMAKE\nbin_PROGRAMS = p q\n"
        "p_SOURCES = main.c part.cc\nq_SOURCES = main.c native.c\nq_CFLAGS = -march=native\n",
        "lib/Makefile.am": "noinst_LIBRARIES = liba.a\nliba_a_SOURCES = a.c\n",
    }
    write(files, work)
    run(["autoreconf", "--install"], work, environ)
    environ = recorders.path(environ)
    run(["./configure", "CC=distcc gcc", "CFLAGS=-O2 -DTEXT='\"a\"'"], work, environ)
    environ["CFLAGS"] = "-O0"
    tree = read_tree(str(work), environ)
    recorders.forget()
    run(["make"], work, environ)
    assert set(commands(tree.commands)) == set(recorders.called)
    assert [found.place for found in tree.commands if "-march=native" in found.words] == [
        "q_CFLAGS, CFLAGS in Makefile"
    ]


@pytest.mark.parametrize("c", ["gcc", "clang"])
def test_commands_of_meson(c: str, recorders: Recorders, work: Path, environ: dict[str, str]) -> None:
    write(_SOURCES, work)
    text = "project('p', 'c', 'cpp')\nlib = static_library('a', 'lib/a.c', c_args: '-march=native')\n"
    text += "executable('p', 'main.c', 'part.cc', c_args: ['-DX=\"two words\"'],"
    text += " c_pch: 'pch/p.h', link_with: lib)\n"
    write({"meson.build": text, "pch/p.h": "#include <stdio.h>\n"}, work)
    environ = recorders.path(environ) | {"CC": f"distcc {c}", "CXX": "distcc g++"}
    run(["meson", "setup", "build", "-Dc_args=-O1"], work, environ)
    tree = read_tree(str(work / "build"), environ)
    assert {found.place for found in tree.commands} == {"ARGS in build.ninja"}
    assert_reads_what_runs(tree, ["ninja", "-C", "build"], recorders, environ, work)

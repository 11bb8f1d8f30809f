"""Build directories of CMake: of the system's CMake, and of the newer one from PyPI."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from ..buildtrees import Row
from ..shells import MASQUERADE
from .sources import C_AND_CXX, CXX, LIBRARY, NATIVE, C

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATORS = {"ninja": "Ninja", "make": "Unix Makefiles", "multi-config": "Ninja Multi-Config"}
_START = "cmake_minimum_required(VERSION 3.16)\n{}project(p {})\n"
_PROGRAM = "add_executable(p main.c one.c two.c)\n"
_PROJECT = {**C, "CMakeLists.txt": _START.format("", "C") + _PROGRAM}
_CXX = {**CXX, "CMakeLists.txt": _START.format("", "CXX") + "add_executable(p main.cc one.cc two.cc)\n"}
_BOTH = {
    **C_AND_CXX,
    "CMakeLists.txt": _START.format("", "C CXX") + "add_executable(p main.c one.c two.cc)\n",
}
_DIRECTORIES = {
    **LIBRARY,
    "CMakeLists.txt": _START.format("", "C")
    + "add_subdirectory(lib)\nadd_executable(p main.c)\ntarget_link_libraries(p parts)\n",
    "lib/CMakeLists.txt": "add_library(parts one.c two.c)\n",
}


def _cmake(
    name: str,
    options: str,
    leave: int,
    of: int = 3,
    *,
    files: Mapping[str, str] = _PROJECT,
    lines: str = "",
    before: str = "",
    program: str = "cmake",
    **more: Any,
) -> Row:
    """The first word of `name` is the generator. `lines` are added to the last CMakeLists.txt."""
    generator = name.split()[0].rstrip(",")
    place = max(file for file in files if file.endswith("CMakeLists.txt"))
    return Row(
        f"cmake {name}",
        {**files, place: files[place] + lines},
        f"{before} {program} -S . -B build -G '{_GENERATORS[generator]}' {options}",
        f"{'make' if generator == 'make' else 'ninja'} -C build",
        leave,
        of,
        **more,
    )


def _of_pypi(name: str, options: str, leave: int, **more: Any) -> Row:
    program = shlex.quote(os.path.join(os.path.dirname(sys.executable), "cmake"))
    return _cmake(f"{name}, of PyPI", options, leave, program=program, **more)


def _launcher(*words: str) -> str:
    return f"'-DCMAKE_C_COMPILER_LAUNCHER={';'.join(words)}'"


def _flags(*words: str) -> str:
    return f"{_launcher('distcc')} '-DCMAKE_C_FLAGS={' '.join(words)}'"


def _rule_launcher(command: str) -> Mapping[str, str]:
    line = f'set_property(GLOBAL PROPERTY RULE_LAUNCH_COMPILE "{command}")\n'
    return {**C, "CMakeLists.txt": _START.format("", "C") + line + _PROGRAM}


_DISTCC = _launcher("distcc")
_BOTH_DISTCC = f"{_DISTCC} -DCMAKE_CXX_COMPILER_LAUNCHER=distcc"
_OF_PROJECT = {
    **C,
    "CMakeLists.txt": _START.format("set(CMAKE_C_COMPILER_LAUNCHER distcc)\n", "C") + _PROGRAM,
}
_OF_LLVM = _rule_launcher("CCACHE_CPP2=yes CCACHE_HASHDIR=yes /usr/bin/ccache")
_CHECK = f"{_DISTCC} -DCMAKE_C_CPPCHECK=/bin/true"
_OF_TARGET = "set_property(TARGET parts PROPERTY C_COMPILER_LAUNCHER distcc)\n"

_LAUNCHERS = [
    _cmake("ninja without a launcher", "", 0),
    _cmake("make without a launcher", "", 0),
    _cmake("make, subdirectories without a launcher", "", 0, files=_DIRECTORIES),
    _cmake("ninja, distcc", _DISTCC, 3),
    _cmake("make, distcc", _DISTCC, 3),
    _cmake("make, subdirectories, distcc", _DISTCC, 3, files=_DIRECTORIES),
    _cmake("ninja, distcc in the project", "", 3, files=_OF_PROJECT),
    _cmake("ninja, ccache", _launcher("ccache"), 3),
    _cmake("ninja, ccache;distcc", _launcher("ccache", "distcc"), 3),
    _cmake("ninja, nice;distcc", _launcher("nice", "-n", "1", "distcc"), 3),
    _cmake("ninja, env;ccache", _launcher("env", "CCACHE_CPP2=yes", "ccache"), 3),
    _cmake("make, cmake -E env;ccache", _launcher("cmake", "-E", "env", "CCACHE_CPP2=yes", "ccache"), 3),
    _cmake("ninja, rule launcher of LLVM", "", 3, files=_OF_LLVM),
    _cmake("ninja, distcc for one target", "", 2, files=_DIRECTORIES, lines=_OF_TARGET),
    _cmake("ninja, distcc for C alone", _DISTCC, 2, files=_BOTH),
    _cmake("ninja, distcc behind a check", _CHECK, 3),
]

_COMPILERS = [
    _cmake("ninja, CC=distcc gcc", "", 3, before="CC='distcc gcc'"),
    _cmake("make, configured in masquerade", "", 3, before=f"PATH={MASQUERADE}:$PATH CC=gcc"),
    _cmake("ninja, masquerade too late", "", 0, first_on_path=MASQUERADE),
    _cmake("ninja, distcc before masquerade", _DISTCC, 0, before=f"CC={MASQUERADE}/gcc", status=1),
    _cmake("make, distcc clang", _DISTCC, 3, before="CC=clang"),
    _cmake("ninja, distcc g++", _BOTH_DISTCC, 3, files=_CXX, before="CXX=g++"),
    _cmake("make, distcc clang++", _BOTH_DISTCC, 3, files=_CXX, before="CXX=clang++"),
]

_RELEASE = f"-DCMAKE_C_FLAGS_RELEASE={NATIVE}"
_OF_FILE = f"set_source_files_properties(one.c PROPERTIES COMPILE_OPTIONS {NATIVE})\n"
_OF_LIBRARY = f"target_compile_options(parts PRIVATE {NATIVE})\n"
_HEADER = "target_precompile_headers(p PRIVATE <stddef.h>)\n"
_SPECIFICATION = {**_PROJECT, "my.specs": "*cc1_options:\n+ -O1\n\n"}
_OF_CXX = f"{_BOTH_DISTCC} -DCMAKE_CXX_FLAGS={NATIVE}"
_FLAGS = [
    _cmake("ninja, -march=native", _flags(NATIVE), 0),
    _cmake("multi-config, -march=native", _flags(NATIVE), 0),
    _cmake("ninja, -march=native of one file", _DISTCC, 2, lines=_OF_FILE),
    _cmake("make, -march=native of one file", _DISTCC, 2, lines=_OF_FILE),
    _cmake("ninja, -march=native of one target", _DISTCC, 1, files=_DIRECTORIES, lines=_OF_LIBRARY),
    _cmake("ninja, -march=native of C++", _OF_CXX, 2, files=_BOTH),
    _cmake("ninja, -march=native of its build type", f"{_DISTCC} {_RELEASE} -DCMAKE_BUILD_TYPE=Release", 0),
    _cmake("ninja, CFLAGS when configured", _DISTCC, 0, before=f"CFLAGS={NATIVE}"),
    _cmake("ninja, -mtune=native", _flags("-O2", "-mtune=native"), 0),
    _cmake("make, -specs=", f'{_DISTCC} "-DCMAKE_C_FLAGS=-specs=$PWD/my.specs"', 0, files=_SPECIFICATION),
    _cmake("ninja, --coverage", _flags("--coverage"), 0),
    _cmake("ninja, -flto", _flags("-flto"), 0),
    _cmake("ninja, -flto=auto", _flags("-flto=auto"), 3),
    _cmake("ninja, -gsplit-dwarf", _flags("-g", "-gsplit-dwarf"), 3),
    _cmake("make, -g3 -Werror -MD", _flags("-g3", "-Wall", "-Werror", "-MD"), 3),
    _cmake("ninja, -Wa,-a", _flags("-Wa,-aln=/dev/null"), 0),
    _cmake("ninja, -xc", _DISTCC, 0, lines="target_compile_options(p PRIVATE -xc)\n"),
    _cmake(
        "make, includes in a response file",
        f"{_DISTCC} -DCMAKE_C_USE_RESPONSE_FILE_FOR_INCLUDES=ON",
        3,
        lines="target_include_directories(p PRIVATE .)\n",
    ),
    _cmake("ninja, unity", f"{_DISTCC} -DCMAKE_UNITY_BUILD=ON", 1, 1),
    _cmake("ninja, precompiled header, gcc", _DISTCC, 4, 4, lines=_HEADER, before="CC=gcc"),
    _cmake("make, precompiled header, clang", _DISTCC, 0, 4, lines=_HEADER, before="CC=clang"),
]

_OF_PYPI = [
    _of_pypi("ninja without a launcher", "", 0),
    _of_pypi("ninja, distcc", _DISTCC, 3),
    _of_pypi("make, subdirectories, distcc", _DISTCC, 3, files=_DIRECTORIES),
    _of_pypi("ninja, ccache;distcc", _launcher("ccache", "distcc"), 3),
    _of_pypi("ninja, distcc behind a check", _CHECK, 3),
    _of_pypi("ninja, distcc for one target", "", 2, files=_DIRECTORIES, lines=_OF_TARGET),
    _of_pypi("ninja, -march=native of one target", _DISTCC, 1, files=_DIRECTORIES, lines=_OF_LIBRARY),
]

CMAKE = [*_LAUNCHERS, *_COMPILERS, *_FLAGS, *_OF_PYPI]

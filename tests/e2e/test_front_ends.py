"""Every line of the table in docs/front-ends.md: the tool runs as many compilations at once as it is told."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import Gate, finish, running
from tests.support.place import ROOT
from tests.support.shells import UserShell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd

JOBS = 3
PAGE = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| ([^|`]+) \| `(distcc_build [^`]+)` \|$", PAGE, re.MULTILINE))

PARTS = [f"part{number}" for number in range(JOBS)]
OBJECTS = " ".join(f"{part}.o" for part in PARTS)
SOURCES = " ".join(f"{part}.c" for part in PARTS)
COMPILE = "\t$(CC) -c -o $@ $<\n"
MAKEFILE = f"CC = gcc\nall: {OBJECTS}\n%.o: %.c\n{COMPILE}"


def write(directory: Path, **texts: str) -> None:
    """Files of the project; in the names __ stands for /, and _DOT_ for a dot."""
    for name, text in texts.items():
        path = directory / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\nset -e\n{text}\n")
    path.chmod(0o755)


def with_make(work: Path) -> None:
    write(work, Makefile=MAKEFILE)


def with_ninja(work: Path) -> str:
    return f"{with_cmake(work)} -G Ninja"


def with_cmake(work: Path) -> str:
    write(
        work,
        CMakeLists_DOT_txt="cmake_minimum_required(VERSION 3.16)\nproject(parts C)\n"
        f"add_library(parts STATIC {SOURCES})\n",
    )
    return "cmake -S . -B build"


def with_meson(work: Path) -> str:
    names = ", ".join(f"'{part}.c'" for part in PARTS)
    write(work, meson_DOT_build=f"project('parts', 'c')\nstatic_library('parts', {names})\n")
    return "meson setup build"


def with_scons(work: Path) -> None:
    text = f"import os\nEnvironment(ENV=os.environ, CC='gcc').StaticLibrary('parts', Split('{SOURCES}'))\n"
    write(work, SConstruct=text)


def with_b2(work: Path) -> None:
    write(
        work,
        project__config_DOT_jam="",
        Jamroot_DOT_jam=f"using gcc ;\nlib parts : {SOURCES} : <link>static ;\n",
    )


def with_setup(work: Path) -> None:
    extensions = ", ".join(f"Extension('{part}', ['{part}.c'])" for part in PARTS)
    write(
        work,
        setup_DOT_py="from setuptools import Extension, setup\n"
        f"setup(name='parts', version='1', py_modules=[], ext_modules=[{extensions}])\n",
    )


def like_kernel(work: Path) -> None:
    """A Makefile that runs make below itself, for targets of several kinds."""
    below = "\t$(MAKE) -C drivers $@\n"
    write(
        work,
        Makefile=f"export CC = gcc\nbzImage: part0.o\nmodules:\n{below}%.o: %.c\n{COMPILE}",
        drivers__Makefile="modules: part1.o part2.o\n%.o: ../%.c\n" + COMPILE,
    )


def like_buildroot(work: Path) -> None:
    """One make that is not parallel, and one below it with the number that the user sets."""
    write(
        work,
        Makefile=".NOTPARALLEL:\nworld:\n\tenv -u MAKEFLAGS $(MAKE) -j$(BR2_JLEVEL) -C package\n",
        package__Makefile=MAKEFILE.replace("%.c", "../%.c"),
    )


def with_debian(work: Path) -> None:
    write(
        work,
        Makefile=MAKEFILE,
        debian__control="Source: parts\nMaintainer: A <a@example.org>\nRules-Requires-Root: no\n\n"
        "Package: parts\nArchitecture: any\nDescription: parts\n",
        debian__changelog="parts (1) unstable; urgency=low\n\n  * New.\n\n"
        " -- A <a@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n",
        debian__rules="#!/usr/bin/make -f\n"
        "jobs = $(patsubst parallel=%,-j%,$(filter parallel=%,$(DEB_BUILD_OPTIONS)))\n"
        "clean:\nbuild:\n\tenv -u MAKEFLAGS $(MAKE) $(jobs)\nbinary: build\n"
        "\tmkdir -p debian/parts/DEBIAN\n\tdpkg-gencontrol -Pdebian/parts\n"
        "\tdpkg-deb --build debian/parts ..\n",
    )
    (work / "debian" / "rules").chmod(0o755)


def with_rpm(work: Path) -> None:
    write(
        work,
        Makefile=MAKEFILE,
        hello_DOT_spec="Name: hello\nVersion: 1\nRelease: 1\nSummary: parts\nLicense: MIT\n"
        f"%description\nparts\n%build\nmake -C {shlex.quote(str(work))} %{{?_smp_mflags}}\n%files\n",
    )


def with_script(work: Path) -> None:
    write(work, Makefile=MAKEFILE)
    script(work / "build.sh", "make")


def with_cmake_script(work: Path) -> str:
    script(work / "cmake.sh", "cmake --build build")
    return with_cmake(work)


def with_tests(work: Path) -> None:
    write(work, Makefile=MAKEFILE, tests__Makefile="all:\n")


# Each writes the files of its project, and may return a command that configures the project.
PROJECTS: dict[str, Callable[[Path], str | None]] = {
    "make": with_make,
    "ninja": with_ninja,
    "CMake": with_cmake,
    "Meson": with_meson,
    "SCons": with_scons,
    "b2 (Boost.Build)": with_b2,
    "setup.py": with_setup,
    "Linux kernel": like_kernel,
    "Buildroot": like_buildroot,
    "dpkg-buildpackage": with_debian,
    "rpmbuild": with_rpm,
    "a script that calls make": with_script,
    "a script that calls CMake": with_cmake_script,
    "several commands": with_tests,
}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "gate")
    yield made
    made.close()


@pytest.fixture
def tools(tmp_path: Path, gate: Gate) -> Path:
    """A directory for PATH: its compilers call distcc, and wait at the gate before a part of the project."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in ("gcc", "cc", "g++"):
        script(
            directory / name,
            f'case " $* " in *" -c "*part[0-9].c*) {gate.word} ;; esac\nexec distcc {name} "$@"',
        )
    script(directory / "python3", f'exec {shlex.quote(sys.executable)} "$@"')
    return directory


def test_the_table_has_a_line_for_every_project() -> None:
    assert set(ROWS) == set(PROJECTS)


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("tool", ROWS)
def test_the_tool_runs_all_jobs_at_once(
    tool: str, user_shell: UserShell, start_distccd: Callable[..., Distccd], tools: Path, gate: Gate
) -> None:
    worker = start_distccd(JOBS)
    work = user_shell.cwd / "source"  # dpkg-buildpackage writes above it
    work.mkdir()
    for part in PARTS:
        (work / f"{part}.c").write_text(f"int {part}(void);\nint {part}(void) {{ return 1; }}\n")
    user_shell.cwd = work
    user_shell.environ.update(
        PATH=f"{tools}:{user_shell.environ['PATH']}",
        CC="gcc",
        DISTCC_AUTO_HOSTS=worker.spec,
        DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="0",
    )
    configure = PROJECTS[tool](work) or ":"
    with running(user_shell, f"{configure} >&2 && {ROWS[tool]}") as process:
        for _ in PARTS:
            gate.wait()
        for _ in PARTS:
            gate.open()
        status, stdout, stderr = finish(process)
    assert status == 0, stdout + stderr
    assert worker.compiled >= JOBS, stderr

"""Builds that compile here without a message, and the advice of the doctor, in bash and zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.doctor import doctor_output
from tests.support.shells import MASQUERADE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell


def examined(shell: UserShell, work: Path, **environ: str) -> str:
    """The lines of the doctor in the environment of a shell."""
    return doctor_output({**shell.environ, **environ}, work)[1]


def sources(work: Path) -> None:
    for name in ("a", "b"):
        (work / f"{name}.c").write_text(f"int {name}(void) {{ return 0; }}\n")


def built(shell: UserShell, worker: Distccd, script: str) -> int:
    """The number of files that a build compiles on the worker."""
    before = worker.compiled
    done = shell.run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    return worker.compiled - before


def test_scons_with_and_without_the_environment(
    ready_shell: UserShell, shared_distccd: Distccd, work: Path
) -> None:
    sources(work)
    project = work / "SConstruct"
    project.write_text("StaticLibrary('p', ['a.c', 'b.c'])\n")
    build = f"PATH={MASQUERADE}:$PATH distcc_build scons -Q"
    assert built(ready_shell, shared_distccd, build) == 0
    said = examined(ready_shell, work)
    assert "scons gives compilers an environment of its own, without DISTCC_HOSTS and your PATH" in said
    for arguments in ("ENV=os.environ", "ENV=os.environ, CC='distcc gcc'"):
        assert arguments.partition(", ")[0] in said
        project.write_text(f"import os\nEnvironment({arguments}).StaticLibrary('p', ['a.c', 'b.c'])\n")
        path = "" if "CC" in arguments else f"PATH={MASQUERADE}:$PATH "
        assert built(ready_shell, shared_distccd, f"scons -Qc; {path}distcc_build scons -Q") == 2
    said = examined(ready_shell, work)
    assert "SConstruct: it uses os.environ, so scons can give compilers your environment" in said
    assert "all is well" not in said


def test_compiler_in_the_environment_of_an_unreadable_build(
    ready_shell: UserShell, shared_distccd: Distccd, work: Path, tmp_path: Path
) -> None:
    sources(work)
    (work / "Makefile").write_text("all:\n\t./compile\n")
    (work / "compile").write_text("#!/bin/sh\nfor name in a b; do $CC -c $name.c || exit; done\n")
    (work / "compile").chmod(0o755)
    ready_shell.environ["CCACHE_DIR"] = str(tmp_path / "ccache")
    said = examined(ready_shell, work, CC="ccache gcc")
    assert "compilers: ccache gcc: called through ccache" in said
    assert "nothing is wrong, but the compile commands of the build are not known" in said
    assert built(ready_shell, shared_distccd, "CC='ccache gcc' distcc_build make") == 2
    said = examined(ready_shell, work, CC="gcc")
    assert f"put {MASQUERADE} first on PATH, or let the build call 'distcc NAME'" in said
    assert built(ready_shell, shared_distccd, f"PATH={MASQUERADE}:$PATH CC=gcc distcc_build make") == 2
    assert built(ready_shell, shared_distccd, "CC='distcc gcc' distcc_build make") == 2


def test_launcher_in_front_of_a_link_to_distcc(
    ready_shell: UserShell, shared_distccd: Distccd, work: Path
) -> None:
    sources(work)
    (work / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_library(p STATIC a.c b.c)\n"
    )
    cmake = f"DISTCC_HOSTS=localhost cmake -DCMAKE_C_COMPILER={MASQUERADE}/gcc"
    configured = ready_shell.run(f"{cmake} . && {cmake} -DCMAKE_C_COMPILER_LAUNCHER=distcc .")
    assert configured.returncode == 0, configured.stderr
    said = examined(ready_shell, work)
    assert (
        f"distcc is told to run {MASQUERADE}/gcc, which is distcc itself: it stops, or compiles here" in said
    )
    assert "leave the launcher out, or name the compiler itself" in said
    ready_shell.run(f"{cmake} -DCMAKE_C_COMPILER_LAUNCHER= .")
    assert "all is well" in examined(ready_shell, work, PATH=f"{MASQUERADE}:{ready_shell.environ['PATH']}")
    assert built(ready_shell, shared_distccd, "distcc_build make") == 2

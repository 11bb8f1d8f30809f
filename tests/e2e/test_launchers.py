"""Launchers in front of a compiler or of distcc: the doctor says what the build then does."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.commands import run_driver
from tests.support.place import install
from tests.support.shells import MASQUERADE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

# Each command line, and whether a worker compiles its file under distcc_build.
COMMANDS = {
    "nice -n 5 distcc gcc": True,
    "nice distcc /usr/bin/gcc": True,
    "env A=b nice -n 5 distcc gcc": True,
    "env -S 'A=b nice -n 3' distcc gcc": True,
    "A=b ionice -c 3 distcc gcc": True,
    "taskset -c 0 distcc gcc": True,
    "timeout -k 5 60 distcc gcc": True,
    "stdbuf -oL distcc gcc": True,
    "setarch -R distcc gcc": True,
    "nohup distcc gcc": True,
    "time distcc gcc": True,
    "cmake -E env A=b distcc gcc": True,
    "cmake -E time distcc gcc": True,
    "cmake -E __run_co_compile --launcher='nice;distcc' --cpplint=true --source=a.c -- gcc": True,
    "CCACHE_CPP2=yes CCACHE_HASHDIR=yes /usr/bin/ccache /usr/bin/gcc": True,
    "CCACHE_PREFIX=distcc ccache gcc": True,
    "CCACHE_PREFIX='nice distcc' ccache gcc": True,
    "nice ccache distcc gcc": True,
    "ccache distcc /usr/bin/gcc": True,
    f"PATH={MASQUERADE}:$PATH gcc": True,
    f"nice {MASQUERADE}/gcc": True,
    "./launch distcc gcc": True,
    "./through gcc": True,
    "nice gcc": False,
    "./launch gcc": False,
    "distcc nice -n 5 gcc": False,
    "distcc env A=b gcc": False,
    "ccache nice gcc": False,
    "CCACHE_PREFIX= ccache gcc": False,
    "CCACHE_PREFIX=distcc ccache distcc gcc": False,
    "env -i distcc gcc": False,
    "env -i PATH=/usr/bin:/bin HOME=/ distcc gcc": False,
    "env -u DISTCC_HOSTS distcc gcc": False,
    "DISTCC_HOSTS=localhost distcc gcc": False,
    "no-such-launcher distcc gcc": False,
    "nice no-such-launcher distcc gcc": False,
}
# Each command compiles a file of its own. The log of distcc's client says where it was compiled.
BUILD = """\
while read -r number command; do
    echo "int number$number;" >$number.c
    export DISTCC_DIR=$PWD/$number.state DISTCC_LOG=$PWD/log DISTCC_VERBOSE=1 CCACHE_DIR=$PWD/cache
    mkdir -p $DISTCC_DIR
    : >log
    sh -c "$command -c $number.c -o $number.o" >/dev/null 2>&1 </dev/null
    echo $number $(grep ' completed ok' log | grep -cv ' on localhost ')
done <commands
"""


def write_programs(directory: Path) -> None:
    for name, text in (("launch", 'exec "$@"'), ("through", 'exec distcc "$@"')):
        (directory / name).write_text(f"#!/bin/sh\n{text}\n")
        (directory / name).chmod(0o755)


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)  # the shell makes no difference here
def test_doctor_says_what_a_build_does(
    ready_shell: UserShell, shared_distccd: Distccd, tmp_path: Path
) -> None:
    ready_shell.root = install(tmp_path / "copy")
    write_programs(ready_shell.cwd)
    (ready_shell.cwd / "build.sh").write_text(BUILD)
    path = ready_shell.environ["PATH"]
    commands = [command.replace("$PATH", path) for command in COMMANDS]
    (ready_shell.cwd / "commands").write_text(
        "".join(f"{number} {command}\n" for number, command in enumerate(commands))
    )
    before = shared_distccd.compiled
    output = ready_shell.run("distcc_build sh build.sh").stdout
    built = {commands[int(n)]: int(remote) > 0 for n, remote in map(str.split, output.splitlines())}
    assert built == dict(zip(commands, COMMANDS.values(), strict=True))
    assert shared_distccd.compiled - before == sum(COMMANDS.values())
    done = run_driver(ready_shell.environ, ready_shell.cwd, "doctor", "--json", "--compiler", *commands)
    said = [compiler["is_distributed"] for compiler in json.loads(done.stdout)["compilers"]]
    assert dict(zip(commands, said, strict=True)) == built


LISTS = """\
cmake_minimum_required(VERSION 3.10)
project(p C)
add_executable(p main.c)
if(RULE)
  set_property(GLOBAL PROPERTY RULE_LAUNCH_COMPILE "${RULE}")
endif()
"""
CMAKES = [
    # The generator, settings, the command that the doctor reads, whether a worker compiles, part of the
    # message.
    ("Ninja", {"RULE": "CCACHE_CPP2=yes CCACHE_HASHDIR=yes /usr/bin/ccache"}, True, "ccache, and that calls"),
    ("Unix Makefiles", {"RULE": "CCACHE_CPP2=yes /usr/bin/ccache"}, True, "ccache, and that calls distcc"),
    ("Ninja", {"RULE": "nice -n 5 distcc"}, True, "ninja calls distcc"),
    ("Unix Makefiles", {"RULE": "env A=b distcc"}, True, "make calls distcc"),
    ("Unix Makefiles", {"RULE": "nice -n 5"}, False, "make will never call distcc"),
    ("Ninja", {"CMAKE_C_COMPILER_LAUNCHER": "ccache;distcc"}, True, "ccache stores nothing"),
    ("Unix Makefiles", {"CMAKE_C_COMPILER_LAUNCHER": "ccache;distcc"}, True, "ccache stores nothing"),
    ("Ninja", {"CMAKE_C_COMPILER_LAUNCHER": "distcc;ccache"}, False, "told to run ccache"),
    ("Unix Makefiles", {"CMAKE_C_COMPILER_LAUNCHER": "nice;-n;5;distcc"}, True, "make calls distcc"),
    ("Ninja", {"CMAKE_C_COMPILER_LAUNCHER": "cmake;-E;env;A=b;distcc"}, True, "ninja calls distcc"),
    ("Ninja", {"CMAKE_C_COMPILER_LAUNCHER": "env;-u;DISTCC_HOSTS;distcc"}, False, "removes DISTCC_HOSTS"),
    ("Ninja", {"CMAKE_C_COMPILER_LAUNCHER": "nice"}, False, "ninja will never call distcc"),
]


def tree_step(shell: UserShell, directory: Path) -> dict[str, Any]:
    done = run_driver(shell.environ, shell.cwd, "doctor", "--json", "--build-dir", str(directory))
    [step] = [s for s in json.loads(done.stdout)["steps"] if s["part"] == "build directory"]
    assert isinstance(step, dict)
    return step


def is_built_remotely(shell: UserShell, distccd: Distccd, command: str) -> bool:
    before = distccd.compiled
    done = shell.run(f"distcc_build {command}")
    assert done.returncode == 0, done.stdout + done.stderr
    return distccd.compiled > before


@pytest.mark.parametrize("user_shell", ["zsh"], indirect=True)
@pytest.mark.parametrize(("generator", "settings", "is_remote", "text"), CMAKES)
def test_cmake(
    generator: str,
    settings: dict[str, str],
    is_remote: bool,
    text: str,
    ready_shell: UserShell,
    shared_distccd: Distccd,
    tmp_path: Path,
) -> None:
    ready_shell.root = install(tmp_path / "copy")
    ready_shell.environ["CCACHE_DIR"] = str(tmp_path / "cache")
    (ready_shell.cwd / "CMakeLists.txt").write_text(LISTS)
    (ready_shell.cwd / "main.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(
        ["cmake", "-G", generator, "-B", "build", *(f"-D{name}={value}" for name, value in settings.items())],
        cwd=ready_shell.cwd,
        env=ready_shell.environ | {"DISTCC_HOSTS": "localhost"},
        check=True,
        capture_output=True,
    )
    step = tree_step(ready_shell, ready_shell.cwd / "build")
    assert text in step["text"], step
    assert (step["result"] == "ok") <= is_remote
    assert is_built_remotely(ready_shell, shared_distccd, "cmake --build build --") is is_remote
    if step["result"] == "problem" and "run cmake" in step["advice"]:  # the advice works
        subprocess.run(
            ["sh", "-c", step["advice"].removeprefix("run ")],
            cwd=ready_shell.cwd,
            env=ready_shell.environ | {"DISTCC_HOSTS": "localhost"},
            check=True,
            capture_output=True,
        )
        assert tree_step(ready_shell, ready_shell.cwd / "build")["result"] == "ok"
        assert is_built_remotely(ready_shell, shared_distccd, "cmake --build build --clean-first --")


MAKES = [
    ("nice -n 5 distcc gcc", True, "make calls distcc"),
    ("A=b nice distcc gcc", True, "make calls distcc"),
    ("env -i PATH=/usr/bin:/bin HOME=/ distcc gcc", False, "it removes DISTCC_HOSTS"),
    ("DISTCC_HOSTS=localhost distcc gcc", False, "it sets DISTCC_HOSTS=localhost, so that distcc does not"),
    ("distcc nice gcc", False, "distcc is told to run nice, which is no compiler"),
    ("nice -n 5 gcc", False, "make will not call distcc"),
]


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize(("compiler", "is_remote", "text"), MAKES)
def test_makefile(
    compiler: str, is_remote: bool, text: str, ready_shell: UserShell, shared_distccd: Distccd
) -> None:
    work = ready_shell.cwd
    (work / "Makefile").write_text(f"CC = {compiler}\nmain.o: main.c\n\t$(CC) -c -o main.o main.c\n")
    (work / "main.c").write_text("int main(void) { return 0; }\n")
    step = tree_step(ready_shell, work)
    assert text in step["text"], step
    assert (step["result"] == "ok") is is_remote
    assert is_built_remotely(ready_shell, shared_distccd, "make") is is_remote
    if compiler == "nice -n 5 gcc":
        assert step["advice"].startswith(
            "set CC='nice -n 5 distcc gcc', or build with: distcc_build make CC="
        )
        (work / "main.o").unlink()
        assert is_built_remotely(ready_shell, shared_distccd, "make CC='nice -n 5 distcc gcc'")


def test_launcher_that_is_missing_is_named(ready_shell: UserShell) -> None:
    work = ready_shell.cwd
    (work / "Makefile").write_text("CC = no-such-launcher distcc gcc\nmain.o: main.c\n\t$(CC) -c main.c\n")
    assert tree_step(ready_shell, work)["text"].endswith(
        "configured with no-such-launcher distcc gcc (CC in Makefile): no-such-launcher is not found"
    )
    assert os.listdir(work) == ["Makefile"]

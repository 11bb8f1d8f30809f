"""A build with ccache that works without distcc_build works with it, and is distributed no less."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.place import install
from tests.support.shells import MASQUERADE, UserShell

if TYPE_CHECKING:
    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder

CCACHE_LINKS = "/usr/lib/ccache"
# The directories that come first on PATH.
PATHS = {
    "neither": [],
    "distcc": [MASQUERADE],
    "ccache": [CCACHE_LINKS],
    "ccache, distcc": [CCACHE_LINKS, MASQUERADE],
    "distcc, ccache": [MASQUERADE, CCACHE_LINKS],
}
WITH_CCACHE = [
    "ccache gcc",
    "ccache cc",
    "ccache /usr/bin/gcc",
    "/usr/bin/ccache /usr/bin/cc",
    f"{CCACHE_LINKS}/gcc",
    "ccache distcc gcc",
    "ccache distcc /usr/bin/gcc",  # CMake writes this for the launcher ccache;distcc
    f"ccache {MASQUERADE}/gcc",
    "ccache ./wrapper",
]
OTHERS = [
    "gcc",
    "/usr/bin/gcc",
    "distcc gcc",
    "distcc /usr/bin/gcc",
    f"{MASQUERADE}/gcc",
    "distcc ccache gcc",
    f"distcc {MASQUERADE}/gcc",
    f"distcc {CCACHE_LINKS}/gcc",
    f"ccache {CCACHE_LINKS}/gcc",
]
# Each command compiles a file of its own twice. The second time ccache has the result. The script removes
# back-off marks, so that no command spoils the worker for the next one.
BUILD = """\
while read -r number command; do
    echo "int number$number;" >$number.c
    export DISTCC_DIR=$PWD/$number.state DISTCC_LOG=$PWD/log
    mkdir -p $DISTCC_DIR
    for time in cold warm; do
        : >log
        sh -c "$command -c $number.c -o $number.o" 2>/dev/null </dev/null
        echo $number $? $(grep ' completed ok' log | grep -cv ' on localhost ')
        rm -rf $DISTCC_DIR/lock/backoff*
    done
done <commands
"""


class Done(NamedTuple):
    """One compilation: its exit status, and whether a worker did it."""

    status: int
    is_remote: bool


def written(directory: Path, commands: list[str]) -> list[str]:
    """Write the script that compiles with each command; return its argument list."""
    (directory / "build.sh").write_text(BUILD)
    (directory / "commands").write_text("".join(f"{n} {command}\n" for n, command in enumerate(commands)))
    (directory / "wrapper").write_text('#!/bin/sh\nexec distcc gcc "$@"\n')
    (directory / "wrapper").chmod(0o755)
    return ["sh", "build.sh"]


def read(text: str, commands: list[str]) -> dict[str, list[Done]]:
    """For each command, its compilation with a cold cache and the one with a warm cache."""
    found: dict[str, list[Done]] = {command: [] for command in commands}
    for line in text.splitlines():
        number, status, remote = map(int, line.split())
        found[commands[number]].append(Done(status, remote > 0))
    return found


def environ_of(base: dict[str, str], first: str, tmp_path: Path, name: str) -> dict[str, str]:
    cache = tmp_path / f"cache {name}"
    environ = base | {"CCACHE_DIR": str(cache), "CCACHE_TEMPDIR": str(cache), "DISTCC_VERBOSE": "1"}
    return environ | {"PATH": os.pathsep.join([*PATHS[first], *base["PATH"].split(os.pathsep)])}


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)  # the shell makes no difference here
@pytest.mark.parametrize("first", PATHS)
def test_every_build_that_works_by_hand(
    first: str, ready_shell: UserShell, shared_distccd: Distccd, tmp_path: Path
) -> None:
    """Runs each command with each PATH, with a cold and a warm cache.

    Workers do ccache's compilations, too.
    """
    commands = WITH_CCACHE + OTHERS
    script = written(ready_shell.cwd, commands)
    base = dict(ready_shell.environ)
    by_hand = environ_of(base, first, tmp_path, "by hand") | {"DISTCC_HOSTS": shared_distccd.distcc_host}
    hand = read(
        subprocess.run(
            script, cwd=ready_shell.cwd, env=by_hand, stdout=subprocess.PIPE, text=True, check=True
        ).stdout,
        commands,
    )
    ready_shell.root = install(tmp_path / "copy")
    ready_shell.environ.update(environ_of(base, first, tmp_path, "driver"))
    before = shared_distccd.compiled
    ours = read(ready_shell.run(f"distcc_build {' '.join(script)}").stdout, commands)
    is_remote = [done.is_remote for both in ours.values() for done in both]
    assert shared_distccd.compiled - before == is_remote.count(True)
    for command in commands:
        for done, expected in zip(ours[command], hand[command], strict=True):
            assert done.status == 0 or expected.status != 0, f"{command} stops"
            assert done.is_remote or not expected.is_remote, f"{command} is not distributed"
    for command in WITH_CCACHE:
        cold, warm = ours[command]
        assert cold == Done(0, is_remote=True), command
        # ccache takes the two words of `distcc /usr/bin/gcc` for sources, and caches nothing.
        assert warm == Done(0, is_remote=command.endswith("distcc /usr/bin/gcc")), command


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_cache_is_shared_with_builds_without_distcc_build(ready_shell: UserShell, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    ready_shell.environ["CCACHE_DIR"] = str(tmp_path / "cache")
    (ready_shell.cwd / "file.c").write_text("int number;\n")
    statistics = "ccache --print-stats | grep -E '^(direct_cache_hit|cache_miss)'"
    result = ready_shell.run(
        "distcc_build sh -c 'ccache gcc -c file.c'; ccache gcc -c file.c\n"
        f"distcc_build sh -c 'ccache gcc -c file.c'; {statistics}"
    )
    assert sorted(result.stdout.split()) == ["1", "2", "cache_miss", "direct_cache_hit"]


@pytest.mark.parametrize("kind", ["a blank", "not executable"])
def test_a_program_that_ccache_cannot_run_is_not_its_prefix(
    kind: str, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """ccache would fail on such a prefix. Without it the build works as it does by hand."""
    ready_shell.root = install(tmp_path / ("a copy" if kind == "a blank" else "copy"))
    if kind == "not executable":
        (ready_shell.root / "distcc_driver" / "ccache_prefix.sh").chmod(0o644)
    (ready_shell.cwd / "file.c").write_text("int number;\n")
    ready_shell.environ["CCACHE_DIR"] = str(tmp_path / "cache")
    result = ready_shell.run(
        f"distcc_build {recorder.word}\ndistcc_build sh -c 'ccache distcc gcc -c file.c'; echo $?"
    )
    assert result.stdout == "0\n"
    assert "CCACHE_PREFIX" not in recorder.environ


def test_prefix_of_the_user_is_replaced(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    ready_shell.environ |= {"CCACHE_PREFIX": "icecc", "CCACHE_PREFIX_CPP": "nice"}
    ready_shell.run(f"distcc_build {recorder.word}")
    assert recorder.environ["CCACHE_PREFIX"] == str(tmp_path / "copy" / "distcc_driver" / "ccache_prefix.sh")
    assert recorder.environ["CCACHE_PREFIX_CPP"] == "nice"

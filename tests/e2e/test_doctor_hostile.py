"""`distcc-driver doctor` in hostile build directories and with hostile workers."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.doctor import doctor_output
from tests.support.hostile import Behaviour, Worker, answering, compiler_saying
from tests.support.servers import saying
from tests.support.shells import MASQUERADE
from tests.unit.samples import REPLY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A program that must never run."""
    program = tmp_path / "canary"
    program.write_text(f"#!/bin/sh\n: >'{tmp_path}/canary has run'\nexec gcc \"$@\"\n")
    program.chmod(0o755)
    yield program
    assert not (tmp_path / "canary has run").exists()


@pytest.fixture
def masqueraded(environ: dict[str, str], shared_distccd: Distccd) -> dict[str, str]:
    """An environment without a fault."""
    return environ | {
        "PATH": f"{MASQUERADE}:{environ['PATH']}",
        "DISTCC_AUTO_HOSTS": shared_distccd.spec,
    }


def said(environ: dict[str, str], directory: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of the doctor, which leaves no files."""
    answer = doctor_output(environ, directory, *words)
    assert os.listdir(environ["TMPDIR"]) == []
    return answer


COMMANDS = [
    "{canary}",
    "sh -c '{canary}; exit 1'",
    "distcc {canary}",
    "gcc -wrapper {canary},--args",
    "gcc -B{directory}/",
    "gcc -fplugin={canary}",
    "gcc -specs={canary}",
    "gcc @{canary}",
    "{directory}/gcc",
    "distcc {directory}/gcc -O2",
    "./gcc",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("system", ["make", "cmake", "autotools"])
def test_program_that_a_build_directory_names_is_not_run(
    system: str, command: str, masqueraded: dict[str, str], work: Path, canary: Path
) -> None:
    """Only compilers on PATH and compilers of the system are run: a file may name any program."""
    for name in ("gcc", "cc1", "as"):
        (work / name).symlink_to(canary)
    words = command.format(canary=canary, directory=work)
    if system == "make":
        (work / "Makefile").write_text(f"CC = {words}\na.o: a.c\n\t$(CC) -c a.c\n")
    elif system == "autotools":
        (work / "config.status").write_text(f'S["CC"]="{words}"\n')
    else:
        first, *rest = shlex.split(words)
        (work / "CMakeCache.txt").write_text(
            f"CMAKE_C_COMPILER:FILEPATH={first}\nCMAKE_C_COMPILER_ARG1:STRING={shlex.join(rest)}\n"
            f"CMAKE_GENERATOR:INTERNAL=Unix Makefiles\n"
        )
    _, text = said(masqueraded, work)
    assert "trial compilations: " in text


def test_compiler_of_a_build_directory_is_tried_if_the_user_names_it(
    masqueraded: dict[str, str], work: Path
) -> None:
    own = work / "own-gcc"
    own.write_text('#!/bin/sh\nexec /usr/bin/gcc "$@"\n')
    own.chmod(0o755)
    (work / "Makefile").write_text(f"CC = distcc {own}\na.o: a.c\n\t$(CC) -c a.c\n")
    _, text = said(masqueraded, work)
    advice = f"to try it all the same, add --compiler 'distcc {own}'"
    assert f"not tried, because it is neither a compiler on PATH nor one of this system; {advice}" in text
    _, text = said(masqueraded, work, "--compiler", f"distcc {own}")
    assert f"compiler not allowed there, it hangs up without an answer: {own}" in text


def fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    path.chmod(0o755)


def cmake(work: Path, compiler: str = "/usr/bin/cc", generator: str = "Unix Makefiles") -> None:
    (work / "CMakeCache.txt").write_text(
        f"CMAKE_C_COMPILER:FILEPATH={compiler}\nCMAKE_GENERATOR:INTERNAL={generator}\n"
    )


def pipe_for_rules(work: Path) -> None:
    cmake(work)
    fifo(work / "CMakeFiles" / "a.dir" / "build.make")


def pipe_for_ninja(work: Path) -> None:
    (work / "meson-info").mkdir()
    fifo(work / "build.ninja")


def pipe_for_a_compiler(work: Path) -> None:
    cmake(work, str(work / "gcc"))
    fifo(work / "gcc")


def blank_rules(work: Path) -> None:
    cmake(work, generator="Ninja")
    (work / "CMakeFiles").mkdir()
    (work / "CMakeFiles" / "rules.ninja").write_text("\n" * 1_000_000)


def rules_of_one_line(work: Path) -> None:
    cmake(work, generator="Ninja")
    (work / "CMakeFiles").mkdir()
    (work / "CMakeFiles" / "rules.ninja").write_text("  command = " + "/usr/bin/cc x" * 100_000)


def values_of_values(work: Path) -> None:
    lines = [f"V{n} = {f'$(V{n + 1})' * 60}" for n in range(9)]
    (work / "Makefile").write_text(
        "\n".join(["CC = $(V0)", *lines, "V9 = x", "a.o: a.c", "\t$(CC) -c a.c", ""])
    )


def values_that_double(work: Path) -> None:
    lines = ["a = xx", *["a = $a$a$a$a"] * 200, "rule cc", "  command = gcc $a -c $in"]
    lines += [f"build {n}.o: cc {n}.c" for n in range(5000)]
    (work / "build.ninja").write_text("\n".join(lines))


def pipe_that_is_included(work: Path) -> None:
    fifo(work / "config.mk")
    fifo(work / "sub" / "Makefile")
    (work / "Makefile").write_text("include config.mk\na.o: a.c\n\t$(MAKE) -C sub\n\tgcc -c a.c\n")


def targets_that_are_no_files(work: Path) -> None:
    cmake(work)
    fifo(work / "pipe.dir" / "flags.make")
    (work / "CMakeFiles").mkdir()
    (work / "CMakeFiles" / "TargetDirectories.txt").write_text("/dev\n/proc/self\n\0\npipe.dir\n" * 1000)


def makefiles_without_end(work: Path) -> None:
    (work / "Makefile").write_text("N := x$(N)\nexport N\na.o: a.c\n\t$(MAKE) N=$(N)\n\tgcc -c a.c\n")


@pytest.mark.parametrize(
    "trap",
    [
        pipe_for_rules,
        pipe_for_ninja,
        pipe_for_a_compiler,
        blank_rules,
        rules_of_one_line,
        values_of_values,
        values_that_double,
        pipe_that_is_included,
        targets_that_are_no_files,
        makefiles_without_end,
    ],
)
def test_hostile_build_directory_does_not_block_the_doctor(
    trap: object, masqueraded: dict[str, str], work: Path
) -> None:
    assert callable(trap)
    trap(work)
    _, text = said(masqueraded, work)
    assert "trial compilations: " in text


WORDS = b"distccd[1]" * 2000 + b"failed to exec " * 2900
REPLIES = [
    Behaviour("a text that takes days to search", compiler_saying(WORDS)),
    Behaviour("no object", answering(0, b"")),
    Behaviour("a web page", answering(0, b"<html>it works</html>")),
    Behaviour("half an object", answering(0, b"\x7fELF\x02\x01\x01" + bytes(57))),
    Behaviour("4 GB to come", saying(b"DONE00000002STAT00000000SERR00000000SOUT00000000DOTOf0000000")),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.name)
def test_worker_that_returns_no_object_file_is_a_problem(
    reply: Behaviour, masqueraded: dict[str, str], work: Path
) -> None:
    with Worker(saying(REPLY), reply.answer, job_acts=False) as worker:
        masqueraded["DISTCC_AUTO_HOSTS"] = worker.spec
        code, text = said(masqueraded | {"DISTCC_IO_TIMEOUT": "3"}, work, "--compiler", "gcc")
    assert code == 1
    assert f"problem  trial compilations: {worker.spec}: " in text


PLACES = [
    ({"DISTCC_DIR": "/nonexistent"}, "DISTCC_DIR: /nonexistent is not a directory"),
    ({"DISTCC_DIR": "/dev/null"}, "DISTCC_DIR: /dev/null is not a directory"),
    ({"TMPDIR": "/nonexistent"}, "TMPDIR: /nonexistent is not a directory"),
    ({"DISTCC_DIR": None, "HOME": "/dev/null"}, "HOME: /dev/null is not a directory"),
    ({"DISTCC_DIR": None, "HOME": None}, "HOME: not set, and neither is DISTCC_DIR"),
]


@pytest.mark.parametrize(("changes", "expected"), PLACES, ids=lambda value: str(value)[:40])
def test_directory_that_distcc_cannot_use(
    changes: dict[str, str | None], expected: str, masqueraded: dict[str, str], work: Path
) -> None:
    """Without a directory for its files the real client compiles each file here."""
    (work / "x.c").write_text("int x;\n")
    broken = {**masqueraded, **{name: value for name, value in changes.items() if value}}
    for name in [name for name, value in changes.items() if value is None]:
        del broken[name]
    address, jobs, _ = broken["DISTCC_AUTO_HOSTS"].split(":")
    hosts = {"DISTCC_HOSTS": f"{address}:{jobs}/5,lzo"}
    compiled = subprocess.run(
        ["distcc", "gcc", "-c", "x.c"],
        cwd=work,
        env=broken | hosts,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "running locally" in compiled.stderr
    result = run_driver(broken, work, "doctor")
    assert result.returncode == 1
    assert (
        f"problem  distcc client: {expected}: distcc has no place for its files, and compiles"
        in result.stdout
    )

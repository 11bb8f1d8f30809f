"""The report about builds that compiled nothing on a worker, and about jobs that failed there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import Gate, finish, running
from tests.support.ports import LOOPBACK, host_spec
from tests.support.processes import wait_until
from tests.support.servers import Server
from tests.support.shells import MASQUERADE, UserShell, write_c_project

from .test_report import NOTHING, after_summary, build, counted, prepare

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd

NO_OBJECT = "no object file is new in this directory"
KEPT = "is new, distcc ran, and it kept everything here"
NOT_CALLED = "is new, and distcc left no trace in "
AVOIDS = "distcc avoids a worker for 60 s after a failure there"
REPEATS = "(distcc repeats these here, "


@pytest.fixture
def quiet(user_shell: UserShell) -> UserShell:
    """A shell whose builds print only warnings and errors."""
    user_shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "warning"
    return user_shell


def problems(shell: UserShell, command: str, status: int = 0) -> list[str]:
    """Run a build that takes more than 2 s; return the lines of the driver except its summary."""
    result = shell.run(
        f"distcc_build sh -c {shlex.quote(f'{command}; status=$?; sleep 2.1; exit $status')} sh"
    )
    assert result.returncode == status, result.stderr
    return [line for line in result.stderr.splitlines() if line.startswith("distcc-driver: ")]


def use(shell: UserShell, *workers: Distccd) -> Path:
    """Let the builds of a shell use the workers through the masquerade, and repeat failed files here."""
    project = prepare(shell, workers, files=4)
    del shell.environ["DISTCC_FALLBACK"]
    return project


HEALTHY = [
    "make -C project -q || true",
    "mkdir -p lib && install -m 644 project/part1.o.old lib/part1.a",
    "./project/program || true",
    "rm project/program && make -C project",  # only links, and distcc links here
]


@pytest.mark.parametrize("command", HEALTHY)
def test_a_build_that_compiles_nothing_has_no_warning(
    command: str, quiet: UserShell, shared_distccd: Distccd
) -> None:
    project = use(quiet, shared_distccd)
    environ = {**quiet.environ, "PATH": os.defpath}
    subprocess.run(["make", "CC=/usr/bin/gcc"], cwd=project, env=environ, check=True, capture_output=True)
    (project / "part1.o.old").write_bytes((project / "part1.o").read_bytes())
    for path in project.glob("*.o"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    for path in project.glob("*.c"):
        os.utime(path, (900_000_000, 900_000_000))
    assert problems(quiet, command) == []
    quiet.environ["DISTCC_AUTO_LOG_LEVEL"] = "info"
    _, line = problems(quiet, "sleep 0")
    assert line.startswith(f"{NOTHING}")
    assert line.endswith(f" s; {NO_OBJECT}")


@pytest.mark.parametrize(
    "make", ["make CC='ccache gcc' -C project", "make CC='ccache /usr/bin/gcc' -C project"]
)
def test_a_warm_ccache_is_no_problem(make: str, quiet: UserShell, shared_distccd: Distccd) -> None:
    project = use(quiet, shared_distccd)
    quiet.environ["PATH"] = quiet.environ["PATH"].removeprefix(f"{MASQUERADE}:")
    quiet.environ.update(CCACHE_DIR=str(quiet.cwd.parent / "ccache"), XDG_RUNTIME_DIR=str(quiet.cwd.parent))
    assert problems(quiet, make) == []
    subprocess.run(["make", "-C", str(project), "-s", "clean"], check=False, capture_output=True)
    for path in [*project.glob("*.o"), project / "program"]:
        path.unlink()
    assert problems(quiet, make) == []
    assert (project / "part1.o").exists()


def test_a_cold_ccache_that_does_not_call_distcc_is_a_problem(
    quiet: UserShell, shared_distccd: Distccd
) -> None:
    use(quiet, shared_distccd)
    quiet.environ.update(CCACHE_DIR=str(quiet.cwd.parent / "ccache"), XDG_RUNTIME_DIR=str(quiet.cwd.parent))
    (line,) = problems(quiet, "env -u CCACHE_PREFIX make CC='ccache /usr/bin/gcc' -C project")
    assert NOT_CALLED in line


def test_a_build_that_never_calls_distcc(quiet: UserShell, shared_distccd: Distccd) -> None:
    use(quiet, shared_distccd)
    (line,) = problems(quiet, "make CC=/usr/bin/gcc -C project")
    state = f"{quiet.environ['DISTCC_DIR']}/state"
    assert re.fullmatch(rf"{NOTHING}\d s; project/part\d\.o {NOT_CALLED}{state}: .*doctor.*", line)


@pytest.mark.parametrize("make", ["make CC='gcc -march=native'", "env -u DISTCC_HOSTS make"])
def test_a_build_that_distcc_keeps_here(make: str, quiet: UserShell, shared_distccd: Distccd) -> None:
    use(quiet, shared_distccd)
    (line,) = problems(quiet, f"{make} -C project 2>/dev/null")
    assert re.match(rf"{NOTHING}\d s; project/part\d\.o {KEPT}: an option such as -march=native, or ", line)


def test_an_environment_that_is_emptied(quiet: UserShell, shared_distccd: Distccd) -> None:
    use(quiet, shared_distccd)
    (line,) = problems(quiet, f"env -i PATH={MASQUERADE}:$PATH HOME=/nonexistent make -C project 2>/dev/null")
    assert NOT_CALLED in line
    assert "sudo, env -i" in line


def test_an_unknown_cause_gets_no_warning(quiet: UserShell, shared_distccd: Distccd, tmp_path: Path) -> None:
    use(quiet, shared_distccd)
    write_c_project(tmp_path / "elsewhere", 2)
    assert problems(quiet, f"make CC=/usr/bin/gcc -C {tmp_path}/elsewhere") == []
    quiet.environ["DISTCC_DIR"] = "relative"
    assert problems(quiet, "make CC=/usr/bin/gcc -C project 2>/dev/null") == []


def test_a_job_port_that_hangs_up_is_named(quiet: UserShell, start_distccd: Callable[..., Distccd]) -> None:
    """A proxy whose backend is down accepts connections, and closes them a moment later."""

    def hang_up(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(1)

    worker = start_distccd()
    use(quiet, worker)
    with Server(hang_up) as job:
        spec = host_spec(LOOPBACK, job.port, worker.stats_port)
        quiet.environ["DISTCC_AUTO_HOSTS"] = spec
        nothing, avoided = problems(quiet, "make -C project 2>/dev/null")
    assert re.fullmatch(rf"{NOTHING}\d s", nothing)
    assert avoided.startswith(f"distcc-driver: {spec}: {AVOIDS}, the last was ")
    assert "; by its counters no compilation failed there: a connection broke, or " in avoided


def test_a_mark_of_an_earlier_build_is_not_of_this_one(quiet: UserShell, shared_distccd: Distccd) -> None:
    use(quiet, shared_distccd)
    lock = quiet.cwd.parent / "home" / "distcc" / "lock"
    lock.mkdir()
    mark = lock / f"backoff_tcp_{LOOPBACK}_{shared_distccd.job_port}_0"
    mark.write_text("x")
    os.utime(mark, (time.time() - 30, time.time() - 30))
    assert problems(quiet, "true") == []


FALL = """int f(int a) { int r = 0; switch (a) { case 1: r = 2; /* fall through */
    case 2: r = 3; } return r; }
"""


def test_warnings_that_preprocessing_changes(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    """gcc sees the comment here, but not on the worker: with -Werror the file fails only there."""
    worker = start_distccd(jobs=1)
    project = use(user_shell, worker)
    (project / "part1.c").write_text(FALL.replace("int f", "int part1", 1))
    make = "make -C project CC='gcc -Wimplicit-fallthrough -Werror' 2>/dev/null"
    said = build_quoted(user_shell, gate, make, lambda: wait_until(lambda: failed(worker) == 1, "counted"))
    assert [AVOIDS in line for line in said].count(True) <= 1
    assert f"1 failed on {worker.spec} {REPEATS}" in said[0]


def build_quoted(
    shell: UserShell, gate: Gate, command: str, before_the_end: Callable[[], object], status: int = 0
) -> list[str]:
    """Like `build`, for a command with quotes."""
    script = shell.cwd / "command"
    script.write_text(f"{command}\n")
    return build(shell, gate, f"sh {script}", before_the_end, status)


def failed(worker: Distccd) -> int:
    return worker.counters()["dcc_compile_error"]


def test_the_ways_out_that_the_documents_name(
    quiet: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    project = use(quiet, worker)
    (project / "part1.c").write_text(FALL.replace("int f", "int part1", 1))
    for option in ("-C", "-fdirectives-only", "-Wno-error=implicit-fallthrough"):
        make = f"touch project/part1.c; make -C project CC='gcc -Wimplicit-fallthrough -Werror {option}'"
        assert problems(quiet, make) == []
    assert failed(worker) == 0


def test_jobs_that_clients_or_workers_give_up_are_counted(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    use(user_shell, worker)
    with (user_shell.cwd / "endless.c").open("w") as file:
        file.write("int f(int a) { int r = 0;\n")
        file.writelines(
            f"for (int i = 0; i < a; i++) {{ r += i * {n}; r ^= a >> {n % 30}; }}\n" for n in range(6000)
        )
        file.write("return r; }\n")
    command = "DISTCC_FALLBACK=0 DISTCC_IO_TIMEOUT=1 distcc gcc -O3 -c endless.c 2>/dev/null"
    (user_shell.cwd / "command").write_text(f"{command}\nmake -C project\n")
    script = f"distcc_build sh -c 'sh command; sleep 2.1; {gate.word}' sh"
    with running(user_shell, script) as process:
        gate.wait()
        wait_until(lambda: worker.counters()["dcc_cli_disconnect"] == 1, "it is counted")
        counted(worker, files=4)
        gate.open()
        status, _, stderr = finish(process)
    assert status == 0
    assert f"1 given up by a client while on {worker.spec}" in after_summary(stderr)[0]

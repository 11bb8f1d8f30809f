"""Workers that hang up on a job, or fail it: the doctor names the cause. Real daemons in such states."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.commands import run_driver
from tests.support.distccd import Distccd
from tests.support.ports import LOOPBACK, host_spec
from tests.support.servers import Server, empty, forwarding
from tests.support.toolchains import Toolchain, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    State = Callable[[Path], contextlib.AbstractContextManager[str]]


@contextlib.contextmanager
def worker_of(
    environ: dict[str, str] | None = None, clients: tuple[str, ...] = (), options: tuple[str, ...] = ()
) -> Iterator[Distccd]:
    worker = Distccd(environ=environ, clients=clients, options=options)
    try:
        yield worker
    finally:
        worker.stop()


@contextlib.contextmanager
def with_compiler(directory: Path, script: str, *options: str) -> Iterator[str]:
    """A worker whose compiler is this shell script."""
    tools = Toolchain(directory / "tools")
    tools.add_script("gcc", f"#!/bin/sh\n{script}\n")
    with worker_of(tools.environ, options=options) as worker:
        yield worker.spec


@contextlib.contextmanager
def not_allowed(directory: Path) -> Iterator[str]:
    allowed = directory / "allowed"
    allowed.write_text(f"/usr/bin/{target()}-g++\n")
    with worker_of({"DISTCC_CMDLIST": str(allowed)}) as worker:
        yield worker.spec


def public_directory(path: Path) -> Path:
    """Make a directory that the user of distccd can write to."""
    path.mkdir()
    path.chmod(0o777)
    return path


@contextlib.contextmanager
def read_only(directory: Path) -> Iterator[str]:
    files = public_directory(directory / "files")
    with worker_of({"TMPDIR": str(files)}) as worker:
        files.chmod(0o555)
        yield worker.spec


@contextlib.contextmanager
def gone(directory: Path) -> Iterator[str]:
    files = public_directory(directory / "files")
    with worker_of({"TMPDIR": str(files)}) as worker:
        shutil.rmtree(files)
        yield worker.spec


@contextlib.contextmanager
def filled(directory: Path) -> Iterator[str]:
    """A worker whose disk is full from the first job on."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a tmpfs")
    del directory
    place = Path(tempfile.mkdtemp(prefix="filled-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=1777", "none", place], check=True)
    tools = Toolchain(place / "tools")
    tools.add("g++")
    script = f'#!/bin/sh\n/usr/bin/cat /dev/zero >{place}/fill 2>/dev/null\nexec /usr/bin/gcc "$@"\n'
    tools.add_script("gcc", script)
    try:
        with worker_of({**tools.environ, "TMPDIR": str(place)}) as worker:
            yield worker.spec
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


@contextlib.contextmanager
def without_inodes(directory: Path) -> Iterator[str]:
    """A worker that can make no more files. distccd 3.4 then tries new names for its file without end."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a tmpfs")
    del directory
    files = Path(tempfile.mkdtemp(prefix="inodes-"))
    options = "size=16m,nr_inodes=50,mode=1777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", files], check=True)
    try:
        with worker_of({"TMPDIR": str(files)}) as worker:
            with contextlib.suppress(OSError):
                for number in range(100):
                    (files / str(number)).touch()
            yield worker.spec
    finally:
        subprocess.run(["umount", files], check=True)
        files.rmdir()


@contextlib.contextmanager
def killed(directory: Path) -> Iterator[str]:
    """A worker that loses the process of each job, as if the kernel killed it for lack of memory."""
    with with_compiler(directory, "kill -9 $PPID") as spec:
        yield spec


@contextlib.contextmanager
def killed_once(directory: Path) -> Iterator[str]:
    mark = public_directory(directory / "marks") / "mark"
    script = f'[ -e {mark} ] && exec /usr/bin/gcc "$@"\n: >{mark}\nkill -9 $PPID'
    with with_compiler(directory, script) as spec:
        yield spec


@contextlib.contextmanager
def refused(directory: Path) -> Iterator[str]:
    """A worker whose job port is behind a proxy, and distccd does not allow the proxy's address."""
    del directory
    with worker_of() as worker, Server(forwarding(worker.job_port, "127.0.0.2")) as proxy:
        yield host_spec(LOOPBACK, proxy.port, worker.stats_port)


@contextlib.contextmanager
def proxied(directory: Path) -> Iterator[str]:
    """A job port that is a proxy, with no distccd behind it."""
    del directory
    with worker_of() as worker, Server(empty) as proxy:
        yield host_spec(LOOPBACK, proxy.port, worker.stats_port)


@contextlib.contextmanager
def little_memory(directory: Path) -> Iterator[str]:
    with with_compiler(directory, 'ulimit -v 20000\nexec /usr/bin/gcc "$@"') as spec:
        yield spec


@contextlib.contextmanager
def killed_compiler(directory: Path) -> Iterator[str]:
    with with_compiler(directory, "kill -9 $$") as spec:
        yield spec


@contextlib.contextmanager
def short_life(directory: Path) -> Iterator[str]:
    with with_compiler(directory, "exec /usr/bin/sleep 30", "--job-lifetime", "1") as spec:
        yield spec


DISK = "free some there (TMPDIR of that distccd, else /tmp)"
LOG = "its log tells why: the process for the job was killed, or --allow refuses this client"
STATES: list[tuple[State, str, str, str, str]] = [
    # The state of the worker, the compiler, the outcome, a part of the cause, and a part of the advice.
    (
        not_allowed,
        "gcc",
        "not_allowed",
        "compiler not allowed there, it hangs up without",
        "update-distcc-symlinks",
    ),
    (
        read_only,
        "gcc",
        "not_stored",
        "cannot write the files of a job, and hangs up (gcc)",
        "its TMPDIR, else /tmp",
    ),
    (gone, "gcc", "not_stored", "cannot write the files of a job", "check its quotas"),
    (filled, "g++", "no_room", "has no room for the files of a job (gcc, g++)", DISK),
    (without_inodes, "gcc", "hung", "does not finish it within 2 s (gcc)", "has inodes left (df -i)"),
    (killed, "gcc", "dropped", "accepts a job, and drops it (gcc)", LOG),
    (
        killed_once,
        "gcc",
        "hung_up",
        "hung up once, and compiled at a second try (gcc)",
        "run the doctor again",
    ),
    (refused, "gcc", "dropped", "accepts a job, and drops it (gcc)", LOG),
    (
        proxied,
        "gcc",
        "elsewhere",
        "its distccd has seen no job: the job port leads elsewhere",
        "check the proxy",
    ),
    (little_memory, "gcc", "failed", "gcc fails there: ", "give it memory there"),
    (killed_compiler, "gcc", "failed", ": Killed", "give it memory there"),
    (short_life, "gcc", "failed", "Compilation takes too long", "raise --job-lifetime of distccd there"),
]


def examined(environ: dict[str, str], work: Path, *compilers: str) -> dict[str, Any]:
    done = run_driver(environ, work, "doctor", "--json", "--compiler", *compilers)
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(("state", "compiler", "outcome", "text", "advice"), STATES)
def test_worker(
    state: State,
    compiler: str,
    outcome: str,
    text: str,
    advice: str,
    environ: dict[str, str],
    work: Path,
    public: Path,
) -> None:
    names = ["gcc", "g++"] if state is filled else [f"distcc {compiler}"]
    with state(public) as spec:
        environ["DISTCC_AUTO_HOSTS"] = spec
        if state is without_inodes:
            environ["DISTCC_IO_TIMEOUT"] = "2"
        document = examined(environ, work, *names)
    [trial] = [trial for trial in document["trials"] if trial["compiler"] == compiler]
    assert trial["outcome"] == outcome, document["trials"]
    said = [step for step in document["steps"] if step["part"] == "trial compilations"]
    [step] = [step for step in said if text in step["text"]]
    assert (step["result"], step["subjects"]) == ("problem", [spec])
    assert advice in step["advice"]


def test_workers_with_different_causes(environ: dict[str, str], work: Path, public: Path) -> None:
    """Each worker has its own cause, for the compilers with which it fails."""
    for name in ("one", "two"):
        (public / name).mkdir()
    with not_allowed(public / "one") as one, read_only(public / "two") as two:
        environ["DISTCC_AUTO_HOSTS"] = f"{one} {two}"
        document = examined(environ, work, "gcc", "g++", "gcc -O2")
    outcomes = {(trial["host"], trial["compiler"]): trial["outcome"] for trial in document["trials"]}
    assert outcomes == {
        (one, "gcc"): "not_allowed",
        (one, "g++"): "compiled",
        (one, "gcc -O2"): "not_allowed",
        (two, "gcc"): "not_stored",
        (two, "g++"): "not_stored",
        (two, "gcc -O2"): "not_stored",
    }

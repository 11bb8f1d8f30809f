"""Tunnels while a build runs: which files they hold open, and what happens if one is lost."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import finish, running
from tests.support.processes import is_alive, stat_fields, wait_until
from tests.support.shells import MASQUERADE, PROMPT, UserShell, write_c_project
from tests.support.traces import tunnel_ports

from .conftest import PASSPHRASE, behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

LOST = "worker lost, its tunnel ended during the build"


def descriptors(pid: int) -> set[str]:
    """The open files of a process, with `socket:[1]` shortened to `socket`."""
    directory = Path(f"/proc/{pid}/fd")
    return {re.sub(r":\[\d+\]", "", os.readlink(entry)) for entry in directory.iterdir()}


def wait_until_guard_waits(guard: int) -> None:
    """Wait until the guard sleeps in the kernel, waiting for the end of processes."""
    wait_until(lambda: "pidfd" in " ".join(descriptors(guard)), "the guard has processes to wait for")
    wait_until(lambda: stat_fields(guard)[0] == "S", "the guard sleeps")


def switches(pid: int) -> str:
    """The numbers of a process's context switches, which change when it runs."""
    return "".join(re.findall(r"ctxt_switches:\s*(\d+)", Path(f"/proc/{pid}/status").read_text()))


@pytest.mark.usefixtures("worker")
def test_guard_and_ssh_hold_no_terminal_and_no_pipe_of_the_build(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"x=$(distcc_build {gate.word} 2>&1 | cat)\r")
        held = gate.wait()
        (master,) = traces.masters()
        guard = traces.guard()
        assert any(name.startswith(("/dev/pts", "pipe")) for name in descriptors(held.pid))
        wait_until_guard_waits(guard)
        assert descriptors(guard) <= {"/dev/null", "anon_inode:[pidfd]", "pidfd", "socket"}
        log = str(traces.sessions()[0] / "0.log")
        assert descriptors(master) == {"/dev/null", "socket", log}
        gate.open()
        terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)


def test_ssh_that_asked_for_a_passphrase_holds_no_terminal_afterwards(
    user_shell: UserShell, worker: str, ssh: SshUser, keys: Keys, gate: Gate, traces: Traces
) -> None:
    ssh.default(IdentityFile=str(keys.protected.private))
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word}\r")
        terminal.expect("Enter passphrase")
        terminal.send(f"{PASSPHRASE}\r")
        terminal.expect(f"5 remote ({worker}: 5)")
        held = gate.wait()
        (master,) = traces.masters()
        assert [name for name in descriptors(master) if name.startswith(("/dev/pts", "/dev/tty"))] == []
        assert os.getsid(master) != os.getsid(held.pid)
        gate.open()
        terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)


@pytest.mark.usefixtures("worker")
def test_guard_sleeps_while_its_build_goes_on_and_another_begins_and_ends(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with running(user_shell, f"run() {{ {gate.word} && {gate.word}; }}; distcc_build run") as process:
        gate.wait()
        guard = traces.guard()
        wait_until_guard_waits(guard)
        before = switches(guard)
        assert user_shell.run("distcc_build true").returncode == 0
        gate.open()
        gate.wait()
        assert switches(guard) == before
        gate.open()
        assert finish(process)[0] == 0


def test_two_builds_at_the_same_time(user_shell: UserShell, worker: str, gate: Gate, traces: Traces) -> None:
    script = f"distcc_build {gate.word}"
    with running(user_shell, script) as first, running(user_shell, script) as second:
        builds = [gate.wait(), gate.wait()]
        ports = [port for held in builds for port in tunnel_ports(held.distcc_hosts)]
        assert len(set(ports)) == 2
        assert len(set(traces.sessions())) == 2
        assert len(traces.masters()) == 2
        gate.open()
        wait_until(lambda: first.poll() is not None or second.poll() is not None, "one has ended")
        assert len(traces.masters()) == 1
        assert len(traces.sessions()) == 1
        gate.open()
        for process in (first, second):
            status, stdout, stderr = finish(process)
            assert (status, stdout) == (0, "")
            assert stderr == f"distcc-driver: -j 5 = 5 remote ({worker}: 5)\n"
    traces.assert_none()


def test_two_builds_in_one_pipeline(user_shell: UserShell, worker: str, traces: Traces) -> None:
    result = user_shell.run("count() { wc -l; }; distcc_build printf '%s\\n' x | distcc_build count")
    assert result.stdout.strip() == "3"
    assert result.stderr.count(f"5 remote ({worker}: 5)") == 2
    traces.assert_none()


# Losing a tunnel


def prepare_project(shell: UserShell, *entries: str) -> None:
    write_c_project(shell.cwd / "project", 12)
    shell.environ.update(PATH=f"{MASQUERADE}:{shell.environ['PATH']}", DISTCC_AUTO_HOSTS=" ".join(entries))


def lines_about_loss(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if "lost" in line]


@pytest.mark.parametrize("cause", ["connection-killed", "machine-down"])
def test_build_goes_on_here_and_prints_one_line_if_a_tunnel_is_lost(
    cause: str,
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    gate: Gate,
    traces: Traces,
) -> None:
    sshd = start_sshd()
    entry = behind(ssh.worker("worker", sshd), shared_distccd)
    prepare_project(user_shell, entry)
    build = f"sh -c '{gate.word} && make -C project -j2 && exit 5'"
    with running(user_shell, f"distcc_build {build}") as process:
        held = gate.wait()
        (master,) = traces.masters()
        if cause == "machine-down":
            sshd.kill()
        else:
            os.kill(master, signal.SIGKILL)
        wait_until(lambda: not is_alive(master), "the connection is gone")
        gate.open()
        status, _, stderr = finish(process)
    assert status == 5
    assert (user_shell.cwd / "project" / "program").exists()
    (line,) = lines_about_loss(stderr)
    assert line.startswith(f"distcc-driver: {entry}: {LOST}; ")
    traces.assert_none(held.distcc_hosts)


def test_workers_that_are_lost_for_the_same_cause_share_a_line(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    gate: Gate,
    traces: Traces,
) -> None:
    sshd = start_sshd()
    entries = [behind(ssh.worker(f"worker-{number}", sshd), shared_distccd) for number in range(10)]
    prepare_project(user_shell, *entries)
    with running(user_shell, f"distcc_build {gate.word}") as process:
        held = gate.wait()
        masters = traces.masters()
        sshd.cut_connections()
        wait_until(lambda: not any(map(is_alive, masters)), "the connections are gone")
        gate.open()
        status, _, stderr = finish(process)
    assert (status, len(masters)) == (0, 10)
    (line,) = lines_about_loss(stderr)
    assert line.startswith(f"distcc-driver: {', '.join(entries[:8])} and 2 more: {LOST}; ")
    traces.assert_none(held.distcc_hosts)


def test_only_the_lost_worker_is_named_and_the_other_compiles(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_distccd: Callable[..., Distccd],
    gate: Gate,
    traces: Traces,
) -> None:
    workers = [start_distccd(jobs=4), start_distccd(jobs=2)]
    sshds = [start_sshd(), start_sshd()]
    names = [ssh.worker(f"worker-{number}", sshd) for number, sshd in enumerate(sshds)]
    entries = [behind(name, worker) for name, worker in zip(names, workers, strict=True)]
    prepare_project(user_shell, *entries)
    with running(user_shell, f"distcc_build sh -c '{gate.word} && make -C project -j2'") as process:
        held = gate.wait()
        gone = traces.masters()[1]
        sshds[1].cut_connections()
        wait_until(lambda: not is_alive(gone), "the connection is gone")
        gate.open()
        status, _, stderr = finish(process)
    assert status == 0
    (line,) = lines_about_loss(stderr)
    assert line.startswith(f"distcc-driver: {entries[1]}: {LOST}; ")
    assert workers[0].compiled > 0
    assert workers[1].compiled == 0
    traces.assert_none(held.distcc_hosts)


def test_no_lock_file_of_a_tunnel_is_left(
    user_shell: UserShell, worker: str, gate: Gate, traces: Traces
) -> None:
    """All files named after the tunnel are removed; the locks of other workers stay."""
    prepare_project(user_shell, worker)
    lock = Path(user_shell.environ["DISTCC_DIR"]) / "lock"
    lock.mkdir()
    others = ["cpu_tcp_127.0.0.2_3632_0", "cpu_localhost_0"]
    for name in others:
        (lock / name).touch()
    with running(user_shell, f"distcc_build sh -c 'make -C project -j2 && {gate.word}'") as process:
        held = gate.wait()
        (port,) = tunnel_ports(held.distcc_hosts)
        assert any(f"_127.0.0.1_{port}_" in name for name in traces.slot_files())
        gate.open()
        assert finish(process)[0] == 0
    traces.assert_none(held.distcc_hosts)
    assert set(others) <= set(os.listdir(lock))


@pytest.mark.usefixtures("worker")
def test_no_lock_file_is_left_in_distccs_default_directory(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    (user_shell.cwd / "file.c").write_text("int number;\n")
    lock = Path(user_shell.environ["HOME"], ".distcc", "lock")
    build = f"unset DISTCC_DIR; distcc_build sh -c 'distcc gcc -c file.c; {gate.word}'"
    with running(user_shell, build) as process:
        held = gate.wait()
        assert list(lock.glob("*_127.0.0.1_*"))
        gate.open()
        assert finish(process)[0] == 0
    assert not list(lock.glob("*_127.0.0.1_*"))
    traces.assert_none(held.distcc_hosts)


@pytest.mark.usefixtures("worker")
def test_end_of_the_build_waits_for_a_client_that_outlives_it(user_shell: UserShell, traces: Traces) -> None:
    """The client finds no tunnel any more, and makes one more file to mark the worker as failed."""
    directory = user_shell.cwd
    (directory / "file.c").write_text("int number;\n")
    late = directory / "late-cc"
    late.write_text(
        '#!/bin/sh\ncase " $* " in *" -E "*)\n'
        "touch begun\n"
        'while ls "$DISTCC_DIR"/lock/*_127.0.0.1_*; do sleep 0.01; done >/dev/null 2>&1 ;;\nesac\n'
        'exec gcc "$@"\n'
    )
    late.chmod(0o755)
    build = "distcc ./late-cc -c file.c -o file.o & until [ -e begun ]; do sleep 0.01; done"
    user_shell.environ["DISTCC_FALLBACK"] = "0"  # the client ends when it finds no tunnel
    result = user_shell.run(f"distcc_build sh -c {shlex.quote(build)}")
    assert result.returncode == 0
    assert "failed to distribute and fallbacks are disabled" in result.stderr
    traces.assert_none()


def test_libiberty_through_two_tunnels(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_distccd: Callable[..., Distccd],
    configured: Path,
    traces: Traces,
) -> None:
    workers = [start_distccd(jobs=2), start_distccd(jobs=3)]
    names = [ssh.worker(f"worker-{number}", start_sshd()) for number in range(2)]
    shutil.copytree(configured, user_shell.cwd / "libiberty")
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=" ".join(map(behind, names, workers)),
        DISTCC_FALLBACK="0",
    )
    result = user_shell.run("distcc_build make -C libiberty libiberty.a")
    assert result.returncode == 0, result.stderr
    objects = list((user_shell.cwd / "libiberty").glob("*.o"))
    assert len(objects) > 50
    assert (user_shell.cwd / "libiberty" / "libiberty.a").exists()
    compiled = [worker.compiled for worker in workers]
    assert sum(compiled) == len(objects)
    assert min(compiled) > 0
    assert lines_about_loss(result.stderr) == []
    traces.assert_none()

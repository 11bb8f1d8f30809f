"""The report of a build with workers behind ssh: it asks the workers before the tunnels close."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

from tests.e2e.test_report import (
    NOTHING,
    SILENT,
    after_summary,
    build,
    counted,
    is_waiting,
    refuses,
    reports,
    stopped,
)
from tests.support.gate import finish, running
from tests.support.processes import is_alive, wait_until
from tests.support.shells import MASQUERADE, PROMPT, UserShell, write_c_project

from .conftest import behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces


def test_jobs_through_a_tunnel_are_counted(
    user_shell: UserShell,
    ssh: SshUser,
    shared_sshd: Sshd,
    start_distccd: Callable[..., Distccd],
    gate: Gate,
    traces: Traces,
) -> None:
    worker, direct = start_distccd(jobs=4), start_distccd(jobs=4)
    entry = behind(ssh.worker("worker", shared_sshd), worker)
    write_c_project(user_shell.cwd / "project", 12)
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=f"{entry} {direct.spec}",
        DISTCC_FALLBACK="0",
    )
    (line,) = build(user_shell, gate, before_the_end=counted(worker, direct, files=12))
    counts = dict(re.findall(r"(\S+) \((\d+)\)", line))
    assert counts == {entry: str(worker.compiled), direct.spec: str(direct.compiled)}
    assert (traces.processes(), traces.sessions()) == ({}, [])


def test_lost_tunnel_is_reported_once(user_shell: UserShell, worker: str, gate: Gate, traces: Traces) -> None:
    def cut() -> None:
        (master,) = traces.masters()
        os.kill(master, signal.SIGKILL)
        wait_until(lambda: not is_alive(master), "the connection is gone")

    (line,) = build(user_shell, gate, "true", before_the_end=cut)
    assert line.startswith(f"distcc-driver: {worker}: worker lost, ")
    traces.assert_none()


def test_worker_that_ended_behind_its_tunnel_is_reported(
    user_shell: UserShell,
    ssh: SshUser,
    shared_sshd: Sshd,
    start_distccd: Callable[..., Distccd],
    gate: Gate,
    traces: Traces,
) -> None:
    doomed = start_distccd()
    entry = behind(ssh.worker("worker", shared_sshd), doomed)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = entry

    def kill() -> None:
        os.killpg(doomed.pid, signal.SIGKILL)
        wait_until(lambda: refuses(doomed), "no process listens any more")

    (line,) = build(user_shell, gate, "true", before_the_end=kill)
    assert line.startswith(f"distcc-driver: {entry}: {SILENT} (closed without a reply); ")
    traces.assert_none()


def test_ctrl_c_during_the_report_closes_the_tunnels(
    user_shell: UserShell,
    ssh: SshUser,
    shared_sshd: Sshd,
    start_distccd: Callable[..., Distccd],
    gate: Gate,
    traces: Traces,
) -> None:
    distccd = start_distccd()
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=behind(ssh.worker("worker", shared_sshd), distccd), DISTCC_AUTO_CONNECT_TIMEOUT="60"
    )
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build sh -c 'sleep 2.1; {gate.word}'\r")
        held = gate.wait()
        with stopped(distccd):
            gate.open(7)
            wait_until(lambda: reports(user_shell) and is_waiting(reports(user_shell)[0]), "it waits")
            terminal.send("\x03")
            said = terminal.expect(PROMPT)
        assert not re.search("compiled|Traceback|Interrupt|answer|lost", said)
        traces.assert_none(held.distcc_hosts)
        terminal.send("echo status=$?\r")
        terminal.expect("status=7")


def test_signal_during_the_report_closes_the_tunnels(
    user_shell: UserShell,
    ssh: SshUser,
    shared_sshd: Sshd,
    start_distccd: Callable[..., Distccd],
    gate: Gate,
    traces: Traces,
) -> None:
    distccd = start_distccd()
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=behind(ssh.worker("worker", shared_sshd), distccd), DISTCC_AUTO_CONNECT_TIMEOUT="60"
    )
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        with running(user_shell, f"distcc_build sh -c 'sleep 2.1; {gate.word}'; exit $?") as process:
            held = gate.wait()
            with stopped(distccd):
                gate.open(7)
                wait_until(lambda: reports(user_shell) and is_waiting(reports(user_shell)[0]), "it waits")
                os.killpg(process.pid, signal.Signals[name])
                _, _, stderr = finish(process)
                traces.wait_for_shells()
        assert after_summary(stderr) == []
        traces.assert_none(held.distcc_hosts)


def test_signals_during_the_build_close_the_tunnels_without_a_report(
    user_shell: UserShell, worker: str, gate: Gate, traces: Traces
) -> None:
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"):
        with running(user_shell, f"distcc_build sh -c 'sleep 2.1; {gate.word}'") as process:
            held = gate.wait()
            os.killpg(process.pid, signal.Signals[name])
            _, _, stderr = finish(process)
            traces.wait_for_shells()
        assert NOTHING not in stderr
        assert worker in stderr
        traces.assert_none(held.distcc_hosts)

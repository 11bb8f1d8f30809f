"""The commands of docs/ci.md, and waiting for a worker behind ssh, without a terminal."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.place import PROGRAM, ROOT
from tests.support.ports import LOOPBACK, free_ports
from tests.support.shells import write_c_project
from tests.support.sshd import SSH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
JOB = PAGE.split("```sh\n")[1].split("```")[0]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_commands_of_the_page(
    shell: str,
    environ: dict[str, str],
    keys: Keys,
    shared_sshd: Sshd,
    start_distccd: Callable[..., Distccd],
    tmp_path: Path,
    traces: Traces,
) -> None:
    worker = start_distccd(jobs=2)
    project = write_c_project(tmp_path / "project")
    files = Path(environ["HOME"]) / ".ssh"
    files.mkdir()
    # What DNS and port 22 would do. ssh looks for its files in the home of the account database.
    (files / "config").write_text(f"Host build-3\n    HostName {LOOPBACK}\n    Port {shared_sshd.port}\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(
        f'#!/bin/sh\nexec {SSH} -F "$HOME/.ssh/config" -o "UserKnownHostsFile=$HOME/.ssh/known_hosts" "$@"\n'
    )
    (programs / "ssh").chmod(0o755)
    variables = {
        "PATH": f"{programs}:{PROGRAM.parent}:{environ['PATH']}",
        "DISTCC_AUTO_HOSTS": f"ssh://build-3/{worker.job_port}/{worker.stats_port}",
        "DISTCC_FALLBACK": "0",
        "WORKER_KEY": keys.user.private.read_text().rstrip("\n"),
        "WORKER_KNOWN_HOSTS": f"[{LOOPBACK}]:{shared_sshd.port} {shared_sshd.host_key.text}",
    }
    done = subprocess.run(
        [shell, "-ec", JOB],
        env=environ | variables,
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert worker.compiled == 6
    assert "build-3" in done.stdout
    traces.assert_none()


def test_a_distccd_that_starts_later(
    ssh: SshUser, shared_sshd: Sshd, environ: dict[str, str], work: Path, traces: Traces
) -> None:
    job_port, stats_port = free_ports(2, LOOPBACK)
    ssh.worker("worker", shared_sshd)
    environ.update(
        DISTCC_AUTO_HOSTS=f"ssh://worker/{job_port}/{stats_port}",
        DISTCC_AUTO_WAIT_FOR="1",
        DISTCC_AUTO_WAIT_TIMEOUT="600",
    )
    with subprocess.Popen(
        [PROGRAM, "echo", "all"],
        env=environ,
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as build:
        assert build.stderr is not None
        assert build.stdout is not None
        while "waiting up to 600 s" not in build.stderr.readline():
            pass
        worker = Distccd(jobs=3, ports=(job_port, stats_port))
        try:
            assert build.stdout.read() == "all -j 3\n"
            assert build.wait(60) == 0
        finally:
            worker.stop()
    traces.assert_none()

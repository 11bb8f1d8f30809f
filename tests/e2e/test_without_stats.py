"""A distccd that was started without `--stats`: build and commands say so, and where to read more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.ports import LOOPBACK, free_ports, host_spec, refusing_port
from tests.support.processes import descendants, is_alive, wait_until
from tests.support.shells import UserShell

if TYPE_CHECKING:
    from collections.abc import Iterator


def told(job_port: int, stats_port: int) -> str:
    return (
        f"job port {job_port} answers and stats port {stats_port} refuses: "
        "distccd runs there without --stats or with another stats port; see docs/workers.md"
    )


@pytest.fixture
def job_port() -> Iterator[int]:
    """The job port of a real distccd without a stats port."""
    [port] = free_ports(1)
    command = ["distccd", "--daemon", "--no-detach", "--listen", LOOPBACK, "--allow", LOOPBACK]
    command += ["--port", str(port), "--jobs", "2", "--log-stderr"]
    with subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, start_new_session=True) as distccd:
        wait_until(lambda: len(descendants(distccd.pid)) == 2 or distccd.poll() is not None, "distccd runs")
        assert distccd.poll() is None
        children = descendants(distccd.pid)
        yield port
        distccd.terminate()
    wait_until(lambda: not any(map(is_alive, children)), "its children have ended")


def test_a_build_says_so(user_shell: UserShell, job_port: int) -> None:
    with refusing_port() as stats_port:
        entry = host_spec(LOOPBACK, job_port, stats_port)
        done = user_shell.run("distcc_build true", environ={"DISTCC_AUTO_HOSTS": entry})
    assert f"distcc-driver: {entry}: {told(job_port, stats_port)}\n" in done.stderr


@pytest.mark.parametrize("command", ["workers", "doctor"])
def test_commands_say_so(environ: dict[str, str], work: Path, job_port: int, command: str) -> None:
    with refusing_port() as stats_port:
        hosts = {"DISTCC_AUTO_HOSTS": host_spec(LOOPBACK, job_port, stats_port)}
        done = run_driver({**environ, **hosts}, work, command)
    assert done.returncode == 1
    assert told(job_port, stats_port) in done.stdout


def test_a_machine_where_nothing_runs_is_told_as_before(environ: dict[str, str], work: Path) -> None:
    with refusing_port() as port:
        done = run_driver(environ, work, "workers", host_spec(LOOPBACK, port, port))
    assert f"stats port {port} refused the connection; is distccd running there with --stats?" in done.stdout

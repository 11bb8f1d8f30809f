"""The program distcc_build closes its tunnels however it ends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.place import PROGRAM
from tests.support.processes import wait_until
from tests.support.program import Started, run

from .test_endings import silent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gate import Gate
    from tests.support.traces import Traces

__all__ = ["silent"]


@pytest.mark.usefixtures("worker")
def test_a_build(environ: dict[str, str], work: Path, traces: Traces) -> None:
    done = run(["sh", "-c", "exit 3"], environ, work)
    assert done.returncode == 3, done.stderr
    assert b"-j 5 = 5 remote" in done.stderr
    traces.assert_none()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_program_alone(
    number: int, environ: dict[str, str], work: Path, gate: Gate, traces: Traces
) -> None:
    with Started([PROGRAM, gate.program], environ, work) as build:
        hosts = gate.wait().distcc_hosts
        os.kill(build.pid, number)
        assert build.status() == -number
        traces.assert_none(hosts)


@pytest.mark.usefixtures("worker")
def test_a_program_that_is_killed(environ: dict[str, str], work: Path, gate: Gate, traces: Traces) -> None:
    """The build goes on, as it does when a shell is killed; its tunnels are closed."""
    with Started([PROGRAM, gate.program], environ, work) as build:
        hosts = gate.wait().distcc_hosts
        os.kill(build.pid, signal.SIGKILL)
        traces.wait_for_closed_tunnels()
        gate.open()
        assert build.status() == -signal.SIGKILL
        traces.wait_for_none(hosts)


@pytest.mark.usefixtures("silent")
def test_a_signal_while_ssh_connects(environ: dict[str, str], work: Path, traces: Traces) -> None:
    with Started([PROGRAM, "true"], environ, work) as build:
        wait_until(lambda: traces.sessions() and list(traces.sessions()[0].glob("1")), "a connection is made")
        os.kill(build.pid, signal.SIGTERM)
        assert build.status() == -signal.SIGTERM
        traces.assert_none()

"""DISTCC_AUTO_WAIT_FOR: a build waits until enough workers can be used, or the time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.gate import running
from tests.support.place import PROGRAM
from tests.support.ports import LOOPBACK, free_ports, host_spec
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import UserShell

NO_WORKER = host_spec(LOOPBACK, *free_ports(2, LOOPBACK))


def test_a_worker_that_starts_later_is_used(user_shell: UserShell) -> None:
    ports = free_ports(2, LOOPBACK)
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=f"{NO_WORKER} {host_spec(LOOPBACK, *ports)}",
        DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="0",
        DISTCC_AUTO_WAIT_FOR="1",
        DISTCC_AUTO_WAIT_TIMEOUT="600",
    )
    with running(user_shell, "distcc_build echo all") as process:
        assert process.stderr is not None
        assert process.stdout is not None
        line = process.stderr.readline()
        assert line == "distcc-driver: waiting up to 600 s for 1 worker; 0 can be used now\n"
        worker = Distccd(jobs=3, ports=ports)
        try:
            assert process.stdout.read() == "all -j 3\n"
            assert process.wait(60) == 0
        finally:
            worker.stop()


def test_workers_that_are_there_are_not_waited_for(ready_shell: UserShell) -> None:
    ready_shell.environ.update(DISTCC_AUTO_WAIT_FOR="1", DISTCC_AUTO_WAIT_TIMEOUT="600")
    ready_shell.environ["DISTCC_AUTO_HOSTS"] += f" {NO_WORKER}"
    result = ready_shell.run("distcc_build echo all")
    assert result.stdout == "all -j 5\n"
    assert "waiting" not in result.stderr


def test_the_build_goes_on_with_those_that_are_there_when_the_time_is_over(ready_shell: UserShell) -> None:
    ready_shell.environ.update(DISTCC_AUTO_WAIT_FOR="2", DISTCC_AUTO_WAIT_TIMEOUT="0.5")
    ready_shell.environ["DISTCC_AUTO_HOSTS"] += f" {NO_WORKER}"
    result = ready_shell.run("distcc_build echo all")
    assert result.stdout == "all -j 5\n"
    lines = result.stderr.splitlines()
    assert lines[0] == "distcc-driver: waiting up to 0.5 s for 2 workers; 1 can be used now"
    assert len(lines) == 3, lines


def test_a_build_that_may_not_be_local_is_refused_then(user_shell: UserShell) -> None:
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=NO_WORKER,
        DISTCC_AUTO_FALLBACK_LOCAL_JOBS="0",
        DISTCC_AUTO_WAIT_FOR="1",
        DISTCC_AUTO_WAIT_TIMEOUT="0.5",
    )
    result = user_shell.run("distcc_build echo all")
    assert (result.returncode, result.stdout) == (97, "")


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"DISTCC_AUTO_WAIT_FOR": "1"},
            "DISTCC_AUTO_WAIT_FOR: no effect without DISTCC_AUTO_WAIT_TIMEOUT; "
            "set DISTCC_AUTO_WAIT_TIMEOUT, too",
        ),
        (
            {"DISTCC_AUTO_WAIT_TIMEOUT": "9"},
            "DISTCC_AUTO_WAIT_TIMEOUT: no effect without DISTCC_AUTO_WAIT_FOR; set DISTCC_AUTO_WAIT_FOR, too",
        ),
        (
            {"DISTCC_AUTO_WAIT_FOR": "7", "DISTCC_AUTO_WAIT_TIMEOUT": "9"},
            "DISTCC_AUTO_WAIT_FOR: 7 is more than the entries of DISTCC_AUTO_HOSTS; 1 will do",
        ),
        ({"DISTCC_AUTO_WAIT_FOR": "0", "DISTCC_AUTO_WAIT_TIMEOUT": "0"}, ""),
    ],
)
def test_settings_without_effect_are_warned_of(
    variables: dict[str, str], line: str, ready_shell: UserShell
) -> None:
    result = ready_shell.run("distcc_build true", environ=variables)
    assert result.returncode == 0
    warnings = [said for said in result.stderr.splitlines() if "WAIT" in said]
    assert warnings == ([f"distcc-driver: {line}"] if line else [])


def test_the_terminal_shows_how_it_stands(environ: dict[str, str], work: Path) -> None:
    environ |= {
        "DISTCC_AUTO_HOSTS": NO_WORKER,
        "DISTCC_AUTO_WAIT_FOR": "1",
        "DISTCC_AUTO_WAIT_TIMEOUT": "600",
    }
    with Terminal([str(PROGRAM), "true"], environ, work) as terminal:
        terminal.expect("\rdistcc-driver: 0 of 1 workers can be used; waiting, 600 s left")
        terminal.send("\x03")
        terminal.wait()
    assert "Traceback" not in terminal.shown

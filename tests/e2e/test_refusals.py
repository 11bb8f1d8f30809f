"""Builds that the driver refuses, with their statuses and messages; other statuses come from the build."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.ports import LOOPBACK, host_spec, refusing_port
from tests.support.refusals import assert_refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder, UserShell


def test_no_command(ready_shell: UserShell) -> None:
    assert_refused(ready_shell.run("distcc_build"), "distcc_build", "command")


@pytest.mark.parametrize("hosts", [None, "", " \t\n "], ids=["unset", "empty", "blank"])
def test_no_hosts(hosts: str | None, user_shell: UserShell, recorder: Recorder) -> None:
    if hosts is not None:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = hosts
    assert_refused(user_shell.run(f"distcc_build {recorder.word}"), "DISTCC_AUTO_HOSTS")
    assert not recorder.has_run


NUMBERS = ["COMPILER_MEMORY", "EARLY_LOCAL_JOBS", "FALLBACK_LOCAL_JOBS", "PREPROCESSOR_SATURATION_JOBS"]
BAD_VALUES = [
    *((name, "-1", "whole number") for name in NUMBERS),
    *((name, "many", "whole number") for name in NUMBERS),
    ("EARLY_LOCAL_JOBS", "1.5", "whole number"),
    ("EARLY_LOCAL_JOBS", "0x10", "whole number"),
    ("EARLY_LOCAL_JOBS", "1\n2", "whole number"),
    ("EARLY_LOCAL_JOBS", "$(touch pwned)", "whole number"),
    ("EARLY_LOCAL_JOBS", "'\"`\x1b[31m", "whole number"),
    ("WAIT_FOR", "two", "whole number"),
    ("WAIT_TIMEOUT", "-1", "seconds from 0"),
    ("CONNECT_TIMEOUT", "0", "seconds above 0"),
    ("CONNECT_TIMEOUT", "-2", "seconds above 0"),
    ("CONNECT_TIMEOUT", "soon", "seconds above 0"),
    ("CONNECT_TIMEOUT", "inf", "seconds above 0"),
    ("CONNECT_TIMEOUT", "nan", "seconds above 0"),
    ("LOG_LEVEL", "loud", "debug, info, warning or error"),
]


@pytest.mark.parametrize(("name", "value", "expected"), BAD_VALUES)
def test_a_value_that_its_variable_does_not_take(
    name: str, value: str, expected: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    ready_shell.environ[f"DISTCC_AUTO_{name}"] = value
    result = ready_shell.run(f"distcc_build {recorder.word}")
    assert_refused(result, f"DISTCC_AUTO_{name}: ", expected)
    assert value in result.stderr or not value.isprintable()
    assert result.stderr.rstrip("\n").isprintable()
    assert not recorder.has_run
    assert os.listdir(ready_shell.cwd) == []


def test_no_valid_host_at_all(user_shell: UserShell, recorder: Recorder) -> None:
    user_shell.environ["DISTCC_AUTO_HOSTS"] = "http://worker :99 -oProxyCommand=x"
    result = user_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == 96
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 4
    for line, entry in zip(lines, ("http://worker", ":99", "-oProxyCommand=x"), strict=False):
        assert line.startswith("distcc-driver: DISTCC_AUTO_HOSTS: entry ")
        assert entry in line
    assert "no valid entry" in lines[-1]
    assert not recorder.has_run


def test_a_malformed_entry_is_skipped_and_named(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ["DISTCC_AUTO_HOSTS"] += " worker:99999"
    result = ready_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == 0
    line = result.stderr.splitlines()[0]
    for part in ("entry 2", "worker:99999", "character 8", "not between 1 and 65535", "skipped"):
        assert part in line
    assert recorder.jobs == 5


def test_distcc_is_not_on_path(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3", "make", "readlink"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    result = ready_shell.run(f"distcc_build {recorder.word}", before=f"PATH={tools}")
    assert_refused(result, "distcc", "PATH", "install")
    assert not recorder.has_run


def test_a_function_called_distcc_is_not_distcc(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "tools").mkdir()
    before = f"distcc() {{ :; }}\nPATH={tmp_path}/tools"
    assert_refused(ready_shell.run(f"distcc_build {recorder.word}", before=before), "distcc")


def test_neither_worker_nor_local_job(user_shell: UserShell, recorder: Recorder) -> None:
    with refusing_port() as port:
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=host_spec(LOOPBACK, port, port),
            DISTCC_AUTO_FALLBACK_LOCAL_JOBS="0",
            DISTCC_AUTO_LOG_LEVEL="error",
        )
        result = user_shell.run(f"distcc_build {recorder.word}")
    assert_refused(result, "refusing to build", "DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0", status=97)
    assert not recorder.has_run


def test_no_memory_for_a_local_job(user_shell: UserShell, recorder: Recorder) -> None:
    with refusing_port() as port:
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=host_spec(LOOPBACK, port, port),
            DISTCC_AUTO_FALLBACK_LOCAL_JOBS="4",
            DISTCC_AUTO_COMPILER_MEMORY="999999999",
            DISTCC_AUTO_LOG_LEVEL="error",
        )
        result = user_shell.run(f"distcc_build {recorder.word}")
    assert_refused(result, "refusing to build", "memory", status=97)
    assert not recorder.has_run


def test_a_variable_with_a_typing_error_is_named(ready_shell: UserShell) -> None:
    ready_shell.environ["DISTCC_AUTO_EARLY_LOCAL_JOB"] = "3"
    result = ready_shell.run("distcc_build true")
    assert result.returncode == 0
    lines = [line for line in result.stderr.splitlines() if "EARLY" in line]
    assert len(lines) == 1
    assert lines[0].startswith("distcc-driver: DISTCC_AUTO_EARLY_LOCAL_JOB: ")
    assert "DISTCC_AUTO_EARLY_LOCAL_JOBS" in lines[0]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["HOSTS:", "slots", "-j 5", "cannot distribute", "pauses"]),
        ("info", ["HOSTS:", "-j 5"]),
        ("warning", ["HOSTS:"]),
        ("error", []),
    ],
)
def test_log_levels(level: str, expected: list[str], ready_shell: UserShell) -> None:
    ready_shell.environ.update(DISTCC_AUTO_LOG_LEVEL=level, DISTCC_HOSTS="mine")
    result = ready_shell.run("distcc_build true")
    assert result.returncode == 0
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == len(expected), result.stderr
    for line, part in zip(lines, expected, strict=True):
        assert line.startswith("distcc-driver: ")
        assert part in line


@pytest.mark.parametrize("status", [0, 1, 2, 42, 96, 97, 126, 127, 255])
def test_the_status_of_the_build_is_unchanged(status: int, ready_shell: UserShell) -> None:
    assert ready_shell.run(f"distcc_build sh -c 'exit {status}'").returncode == status


def test_a_build_that_is_killed(ready_shell: UserShell) -> None:
    result = ready_shell.run("distcc_build sh -c 'kill -KILL $$'; echo $?")
    assert result.stdout == "137\n"


def test_a_command_that_does_not_exist(ready_shell: UserShell) -> None:
    result = ready_shell.run("distcc_build no-such-command-anywhere all")
    assert result.returncode == 127
    assert "no-such-command-anywhere" in result.stderr


def test_a_file_that_may_not_be_run(ready_shell: UserShell) -> None:
    (ready_shell.cwd / "notes").write_text("text")
    assert ready_shell.run("distcc_build ./notes").returncode == 126


def test_the_status_reaches_a_shell_that_exits_on_errors(ready_shell: UserShell) -> None:
    result = ready_shell.run("set -e\ndistcc_build sh -c 'exit 7'\necho not reached")
    assert result.returncode == 7
    assert result.stdout == ""

"""The processes of a session: how they are found and how they are ended, with real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from distcc_driver.machine import processtable
from distcc_driver.ssh import session
from distcc_driver.ssh.sessionfiles import control_argument
from distcc_driver.ssh.sessionprocesses import connections, end_connections, end_guard, guards
from tests.support.processes import is_alive

from .conftest import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process with further words in its command line; if it is `stubborn`, it ignores SIGTERM."""
    with contextlib.ExitStack() as stack:

        def start(*words: str, stubborn: bool = False) -> subprocess.Popen[bytes]:
            trap = "trap '' TERM; " if stubborn else ""
            process = stack.enter_context(
                subprocess.Popen(
                    ["sh", "-c", f"{trap}echo; read -r line; exit 0", *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            return process

        yield start


def test_processes_are_known_by_their_command_line(session_path: str, start: Start) -> None:
    master = start("ssh", "-S", f"{session_path}/0", "-N")
    guard = start("/any/distcc_driver/__main__.py", "guard", session_path, "1")
    start("ssh", "-S", f"{session_path}x/0")
    start("ssh", "-S", session_path)
    start("ssh", "-S")
    start("/any/distcc_driver/__main__.py", "release", session_path)
    start("/any/other/__main__.py", "guard", session_path)
    assert connections(session_path) == {master.pid: f"{session_path}/0"}
    assert guards(session_path) == {guard.pid}


def test_connection_is_found_where_the_directory_has_a_blank_and_a_percent_sign(
    base: Path, start: Start
) -> None:
    strange = base / "a b%h"
    strange.mkdir()
    path = session.create(OWNER, {"TMPDIR": str(strange)})
    master = start("ssh", "-S", control_argument(f"{path}/0"), "-N")
    assert connections(path) == {master.pid: f"{path}/0"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_processes_of_other_users_do_not_count(session_path: str, start: Start) -> None:
    """A user can give any program of theirs such a command line, and root's setuid programs, too."""
    process = start("ssh", "-S", f"{session_path}/0")
    assert connections(session_path) == {process.pid: f"{session_path}/0"}
    os.seteuid(65534)
    try:
        assert connections(session_path) == {}
    finally:
        os.seteuid(0)


def test_one_connection_ends_and_the_others_stay(session_path: str, start: Start) -> None:
    first, tenth = start("ssh", "-S", f"{session_path}/1"), start("ssh", "-S", f"{session_path}/10")
    end_connections(session_path, [f"{session_path}/1"])
    assert first.wait(30) == -signal.SIGTERM
    assert tenth.poll() is None
    end_connections(session_path)
    assert tenth.wait(30) == -signal.SIGTERM


def test_some_connections_end_and_the_others_stay(session_path: str, start: Start) -> None:
    first, second, third = (start("ssh", "-S", f"{session_path}/{number}") for number in range(3))
    end_connections(session_path, [])
    assert [process.poll() for process in (first, second, third)] == [None, None, None]
    end_connections(session_path, [f"{session_path}/0", f"{session_path}/2"])
    assert (first.wait(30), second.poll(), third.wait(30)) == (-signal.SIGTERM, None, -signal.SIGTERM)


def test_connection_that_ignores_sigterm_is_killed(session_path: str, start: Start) -> None:
    stubborn = start("ssh", "-S", f"{session_path}/0", stubborn=True)
    end_connections(session_path)
    assert stubborn.wait(30) == -signal.SIGKILL


def test_guard_ends_apart_from_the_connections(session_path: str, start: Start) -> None:
    master = start("ssh", "-S", f"{session_path}/0", "-N")
    guard = start("/any/distcc_driver/__main__.py", "guard", session_path, "1")
    end_guard(session_path)
    assert (guard.wait(30), master.poll()) == (-signal.SIGTERM, None)


def test_process_that_a_connection_has_started_ends_with_it(session_path: str) -> None:
    """The ssh of a jump host has nothing of the session in its command line."""
    code = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '300']); print(p.pid, flush=True); p.wait()"
    )
    words = [sys.executable, "-c", code, "ssh", "-S", f"{session_path}/0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        end_connections(session_path)
    assert not is_alive(helper)


def test_connection_that_goes_to_the_background_during_a_look_is_ended(
    session_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ssh -f` does so after its login. One look may miss both the new child and the parent that ends."""
    code = "exec 3<&0; read -r line; (read -r line <&3; exit 0) & echo $!; exit 0"
    words = ["sh", "-c", code, "ssh", "-S", f"{session_path}/0"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        to_parent, from_parent = parent.stdin, parent.stdout
        assert to_parent is not None
        assert from_parent is not None
        children = []

        def list_before_it_forks(directory: str) -> list[str]:
            names = os.listdir(directory)
            if parent.returncode is None:
                to_parent.write(b"\n")
                to_parent.flush()
                children.append(int(from_parent.readline()))
                parent.wait(30)
            return names

        monkeypatch.setattr(
            processtable, "os", SimpleNamespace(**{**vars(os), "listdir": list_before_it_forks})
        )
        end_connections(session_path)
        assert not is_alive(children[0])

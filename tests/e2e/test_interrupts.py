"""Ctrl-C, a lost terminal and signals end a build as they would without distcc_build."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.ports import LOOPBACK, host_spec
from tests.support.processes import stat_fields, wait_until
from tests.support.servers import Server
from tests.support.shells import PROMPT

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

# The terminal echoes the command. So the text in the command differs from the text that it prints.
BUILD = "sh -c 'echo start$((1 + 1)); exec sleep 300'"


class Fifo:
    """A fifo that a build has as descriptor 9.

    Reading gives its end when all processes of the build have ended.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.redirection = f"9> {path}"
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def has_ended(self) -> bool:
        """Wait until all processes of the build have ended; false if that takes more than 60 s."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        return bool(poll.poll(60_000)) and os.read(self._reader, 1) == b""

    def close(self) -> None:
        os.close(self._reader)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


def test_ctrl_c_ends_the_build_and_the_prompt_comes_back(ready_shell: UserShell, fifo: Fifo) -> None:
    with ready_shell.interactive() as terminal:
        terminal.send(f"distcc_build {BUILD} {fifo.redirection}\r")
        terminal.expect("start2")
        terminal.send("\x03")
        terminal.expect(PROMPT)
        assert fifo.has_ended()
        terminal.send("echo status=$?\r")
        terminal.expect("status=130")
        terminal.send("exit 5\r")
        assert terminal.wait() == 5


def test_ctrl_c_ends_a_loop_around_the_build(ready_shell: UserShell) -> None:
    with ready_shell.interactive() as terminal:
        terminal.send(f"while :; do distcc_build {BUILD}; done\r")
        terminal.expect("start2")
        terminal.send("\x03")
        assert "start2" not in terminal.expect(PROMPT)


def test_the_user_s_own_trap_is_in_force_again(ready_shell: UserShell) -> None:
    with ready_shell.interactive("trap 'echo my trap $((40 + 2))' INT") as terminal:
        terminal.send(f"distcc_build {BUILD}\r")
        terminal.expect("start2")
        terminal.send("\x03")
        terminal.expect(PROMPT)
        terminal.send("kill -INT $$\r")
        terminal.expect("my trap 42")


def test_a_lost_terminal_ends_the_build(ready_shell: UserShell, fifo: Fifo) -> None:
    with ready_shell.interactive() as terminal:
        terminal.send(f"distcc_build {BUILD} {fifo.redirection}\r")
        terminal.expect("start2")
    assert fifo.has_ended()


def status_after(name: str, shell: UserShell, script: str, fifo: Fifo) -> int:
    """Send a signal to the process group of a shell during its build; return the shell's status."""
    with subprocess.Popen(
        shell.command(f"{script} {fifo.redirection}\n".encode()),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=shell.environ,
        cwd=shell.cwd,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"start2\n"
        os.killpg(process.pid, signal.Signals[name])
        assert fifo.has_ended()
        return process.wait(60)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_to_the_group_of_a_script_ends_the_build(
    name: str, ready_shell: UserShell, fifo: Fifo
) -> None:
    """timeout(1) and CI runners do so. The script ends as it does without distcc_build."""
    plain = status_after(name, ready_shell, BUILD, fifo)
    assert status_after(name, ready_shell, f"{ready_shell.sourcing}\ndistcc_build {BUILD}", fifo) == plain


def test_a_build_that_is_stopped_goes_on(ready_shell: UserShell) -> None:
    script = "sh -c 'echo pid $$ end; read answer; echo got $answer $((2 + 2))'"
    with ready_shell.interactive() as terminal:
        terminal.send(f"distcc_build {script}\r")
        terminal.expect("\npid ")
        pid = int(terminal.expect(" end"))
        terminal.send("\x1a")
        terminal.expect(PROMPT)
        # Before the build has stopped, it could read the text that is typed next.
        wait_until(lambda: stat_fields(pid)[0] == "T", "the build has stopped")
        terminal.send("fg\r")
        terminal.expect({"bash": "distcc_build", "zsh": "continued"}[ready_shell.name])
        terminal.send("it\r")
        terminal.expect("got it 4")
        terminal.expect(PROMPT)


def test_a_build_that_is_stopped_while_workers_are_asked_goes_on(
    user_shell: UserShell, shared_distccd: Distccd
) -> None:
    asked, may_answer = threading.Event(), threading.Event()
    page = shared_distccd.stats_page().encode()

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        asked.set()
        may_answer.wait(60)
        connection.sendall(page)

    with Server(answer) as server:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        user_shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "60"
        with user_shell.interactive() as terminal:
            terminal.send("distcc_build sh -c 'echo built $((2 + 2))'\r")
            assert asked.wait(60)
            terminal.send("\x1a")
            terminal.expect(PROMPT)
            may_answer.set()
            terminal.send("fg\r")
            terminal.expect("built 4")
            terminal.expect(PROMPT)


def test_an_interpreter_that_is_interrupted_while_it_starts_says_nothing(
    ready_shell: UserShell, tmp_path: Path
) -> None:
    """Python would print a traceback. Messages of the plan itself are shown."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho Traceback >&2\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = str(python)
    result = ready_shell.run("distcc_build sh -c 'echo built >&2; : >&3' 3>&1")
    assert result.returncode == 0, result.stderr
    summary, built = result.stderr.splitlines()
    assert summary.startswith("distcc-driver: -j 5 = ")
    assert built == "built"

"""How the guard waits for the end of a shell, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from distcc_driver.ssh import guard, session
from distcc_driver.ssh.session import OpenTunnel
from tests.support.commands import PACKAGE
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shell() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield process


def end_soon(shell: subprocess.Popen[bytes]) -> None:
    """End the shell from another thread, while this one waits for it."""
    threading.Timer(0.1, shell.communicate).start()


def test_wait_returns_when_one_of_two_has_ended(shell: subprocess.Popen[bytes]) -> None:
    end_soon(shell)
    guard.wait_for_any([os.getpid(), shell.pid])


def test_wait_leaves_no_descriptor_open(shell: subprocess.Popen[bytes]) -> None:
    before = os.listdir("/proc/self/fd")
    end_soon(shell)
    guard.wait_for_any([os.getpid(), shell.pid])
    guard.wait_for_any([os.getpid(), shell.pid])
    shell.wait()
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_wait_polls_where_the_kernel_cannot_wait(
    shell: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux before 5.3 has no pidfd, and a sandbox may forbid it."""
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(guard, "_PAUSE_S", 0.01)
    end_soon(shell)
    guard.wait_for_any([1, shell.pid])  # process 1 is alive, and may be another user's


def test_wait_returns_at_once_for_a_process_that_has_ended(shell: subprocess.Popen[bytes]) -> None:
    shell.communicate()
    guard.wait_for_any([os.getpid(), shell.pid])
    guard.wait_for_any([0])


def test_guard_that_gets_sigterm_while_it_closes_a_session_ends_without_waiting(
    shell: subprocess.Popen[bytes], base: Path
) -> None:
    """The sub-shell, alive here, waits for its `release`, which waits for the guard."""
    path = session.create(shell.pid, {"TMPDIR": str(base)})
    session.write_state(path, "info", [OpenTunnel(0, 4711, "ssh://worker")])
    stubborn = ["sh", "-c", "trap '' TERM; echo; read -r line; exit 0", "ssh", "-S", f"{path}/0"]
    words = [sys.executable, str(PACKAGE / "__main__.py"), "guard", path, str(shell.pid)]
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE) as waiting_shell,
        subprocess.Popen(stubborn, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as connection,
        subprocess.Popen(
            [*words, str(waiting_shell.pid)], env={**os.environ, "DISTCC_DIR": str(base)}
        ) as process,
    ):
        assert connection.stdout is not None
        connection.stdout.readline()
        waiting_shell.communicate()
        wait_until(lambda: os.path.exists(f"{path}/state.taken"), "the guard has begun")
        process.send_signal(signal.SIGTERM)
        connection.communicate()
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()
        assert shell.poll() is None
    assert not os.path.exists(path)


def test_guard_that_gets_sigterm_while_it_closes_a_session_closes_it(
    shell: subprocess.Popen[bytes], base: Path
) -> None:
    """The end of the build finds nothing to do then, and sends SIGTERM to the guard as its last act."""
    path = session.create(shell.pid, {"TMPDIR": str(base)})
    session.write_state(path, "info", [OpenTunnel(0, 4711, "ssh://worker")])
    slot = base / "lock" / "cpu_tcp_127.0.0.1_4711_0"
    slot.parent.mkdir()
    slot.touch()
    stubborn = ["sh", "-c", "trap '' TERM; echo; read -r line; exit 0", "ssh", "-S", f"{path}/0"]
    words = [sys.executable, str(PACKAGE / "__main__.py"), "guard", path, str(shell.pid)]
    with (
        subprocess.Popen(stubborn, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as connection,
        subprocess.Popen(words, env={**os.environ, "DISTCC_DIR": str(base)}) as process,
    ):
        assert connection.stdout is not None
        connection.stdout.readline()
        shell.communicate()
        wait_until(lambda: os.path.exists(f"{path}/state.taken"), "the guard has begun")
        process.send_signal(signal.SIGTERM)
        connection.communicate()
    assert not slot.exists()
    assert not os.path.exists(path)

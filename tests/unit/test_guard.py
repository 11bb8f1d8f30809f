"""The wait for the end of a shell, with real processes."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from distcc_driver import guard

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shell() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield process


def end_soon(shell: subprocess.Popen[bytes]) -> None:
    """End it, and take note of its end, while somebody else waits."""
    threading.Timer(0.1, shell.communicate).start()


def test_wait_ends_with_one_of_two(shell: subprocess.Popen[bytes]) -> None:
    end_soon(shell)
    guard.wait_for_any([os.getpid(), shell.pid])


def test_wait_without_help_of_the_kernel(
    shell: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before Linux 5.3, and in sandboxes."""
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(guard, "_PAUSE_S", 0.01)
    end_soon(shell)
    guard.wait_for_any([1, shell.pid])  # 1 may be somebody else's


def test_nobody_waits_for_what_has_ended(shell: subprocess.Popen[bytes]) -> None:
    shell.communicate()
    guard.wait_for_any([os.getpid(), shell.pid])
    guard.wait_for_any([0])

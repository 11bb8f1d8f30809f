"""The processes that use a build's tunnels: they were started with the tunnels' ports in DISTCC_HOSTS."""

from __future__ import annotations

import os

from ..core.hostspec import LOOPBACK
from ..machine.processtable import command_lines, pids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session import OpenTunnel


def has_clients(tunnels: Sequence[OpenTunnel]) -> bool:
    """Whether a distcc client that may use one of the tunnels is running."""
    return any(_is_distcc(pid) and _uses_one_of(pid, tunnels) for pid in pids())


def build_processes(tunnels: Sequence[OpenTunnel], path: str) -> list[int]:
    """The processes of a build that has not ended, without those that close its session `path`."""
    return [
        pid
        for pid, words in (command_lines() if tunnels else ())
        if path not in words and _uses_one_of(pid, tunnels)
    ]


def _is_distcc(pid: int) -> bool:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "distcc"
    except OSError:
        return False  # the process has ended, or belongs to another user


def _uses_one_of(pid: int, tunnels: Sequence[OpenTunnel]) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = file.read()
    except OSError:
        return False  # the process has ended, or belongs to another user
    return any(b"%s:%d/" % (LOOPBACK.encode(), tunnel.job_port) in environ for tunnel in tunnels)

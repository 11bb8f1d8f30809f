"""distcc's lock and back-off files for the ports of tunnels, which nobody will use again.

They are named `<kind>_tcp_<host>_<port>_<slot>` in `$DISTCC_DIR/lock` (distcc's `src/lock.c`).
"""

from __future__ import annotations

import os
import time

from ..core.hostspec import LOOPBACK
from ..machine.backoff import lock_directory
from ..machine.processtable import command_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session import OpenTunnel

_GRACE_S = 2.0
_PAUSE_S = 0.01


def remove(tunnels: Sequence[OpenTunnel]) -> None:
    """Remove the files of a build that has ended.

    A client that has outlived it for a moment would make new ones: its end is waited for, up to 2 s.
    """
    directory = lock_directory(os.environ)
    deadline = time.monotonic() + _GRACE_S
    while tunnels:
        is_busy = any(_is_distcc(pid) and _has_one_of(pid, tunnels) for pid in _pids())
        _unlink_marked(directory, [f"_{LOOPBACK}_{tunnel.job_port}_" for tunnel in tunnels])
        if not is_busy or time.monotonic() >= deadline:
            return
        time.sleep(_PAUSE_S)


def builders(tunnels: Sequence[OpenTunnel], path: str) -> list[int]:
    """The processes of a build that has not ended: those with its tunnels in their DISTCC_HOSTS.

    What closes the session `path` has them, too, and does not count.
    """
    return [
        pid
        for pid, words in (command_lines() if tunnels else ())
        if path not in words and _has_one_of(pid, tunnels)
    ]


def _pids() -> list[int]:
    return [int(name) for name in _names("/proc") if name.isdigit()]


def _is_distcc(pid: int) -> bool:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "distcc"
    except OSError:
        return False  # gone, or somebody else's


def _has_one_of(pid: int, tunnels: Sequence[OpenTunnel]) -> bool:
    """Whether a process was started with one of the tunnels in its DISTCC_HOSTS."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = file.read()
    except OSError:
        return False  # gone, or somebody else's
    return any(b"%s:%d/" % (LOOPBACK.encode(), tunnel.job_port) in environ for tunnel in tunnels)


def _unlink_marked(directory: str, marks: list[str]) -> None:
    for name in _names(directory):
        if any(mark in name for mark in marks):
            try:
                os.unlink(os.path.join(directory, name))
            except OSError:  # gone meanwhile
                pass


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []

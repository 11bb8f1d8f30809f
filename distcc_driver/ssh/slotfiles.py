"""distcc's lock and back-off files for the ports of tunnels, which no build will use again.

Their names are `<kind>_tcp_<host>_<port>_<slot>` in `$DISTCC_DIR/lock` (distcc's `src/lock.c`).
"""

from __future__ import annotations

import os
import time

from ..core.hostspec import LOOPBACK
from ..machine.backoff import client_path
from .tunnelusers import has_clients

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session import OpenTunnel

_GRACE_S = 2.0
_PAUSE_S = 0.01


def remove(tunnels: Sequence[OpenTunnel]) -> None:
    """Remove the files of a build that has ended.

    A client may outlive its build for a moment and would make new files, so wait up to 2 s for its end.
    """
    directory = client_path(os.environ, "lock")
    deadline = time.monotonic() + _GRACE_S
    while tunnels:
        is_busy = has_clients(tunnels)
        _unlink_marked(directory, [f"_{LOOPBACK}_{tunnel.job_port}_" for tunnel in tunnels])
        if not is_busy or time.monotonic() >= deadline:
            return
        time.sleep(_PAUSE_S)


def _unlink_marked(directory: str, marks: list[str]) -> None:
    """Remove the files whose names contain one of the marks."""
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        if any(mark in name for mark in marks):
            try:
                os.unlink(os.path.join(directory, name))
            except OSError:  # the file has gone meanwhile
                pass

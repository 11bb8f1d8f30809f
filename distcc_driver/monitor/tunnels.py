"""The tunnels of builds: distcc sees a port of 127.0.0.1, the session has the host and the stats port."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..ssh import session
from ..ssh.sessionplace import bases, is_own_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ssh.session import OpenTunnel


def open_tunnels(environ: Mapping[str, str]) -> dict[int, OpenTunnel]:
    """The tunnels of all sessions that a build with `environ` may have, by their local job ports."""
    tunnels: dict[int, OpenTunnel] = {}
    for base in bases(environ):
        for name in _names(base):
            path = os.path.join(base, name)
            if name.startswith(session.PREFIX) and is_own_directory(os.lstat, path):
                tunnels.update({tunnel.job_port: tunnel for tunnel in session.open_tunnels(path)})
    return tunnels


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []

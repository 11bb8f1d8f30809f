"""The names behind the ends of tunnels: distcc sees a port of 127.0.0.1, the session has the host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..ssh import session
from ..ssh.sessionplace import bases, is_own_directory

if TYPE_CHECKING:
    from collections.abc import Mapping


def tunnel_names(environ: Mapping[str, str]) -> dict[int, str]:
    """Local job port to host as written, of all sessions that a build with `environ` may have."""
    names = {}
    for base in bases(environ):
        for name in _names(base):
            path = os.path.join(base, name)
            if name.startswith(session.PREFIX) and is_own_directory(os.lstat, path):
                names.update({tunnel.job_port: tunnel.host_text for tunnel in session.open_tunnels(path)})
    return names


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []

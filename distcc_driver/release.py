"""The end of a build with tunnels: say what was lost, close all, leave nothing behind."""

from __future__ import annotations

import os
import signal

from . import session
from .hostspec import LOOPBACK
from .log import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import OpenTunnel


def release(path: str) -> None:
    """Close a session. One that is not there any more is fine."""
    alive = set(session.processes(path).values())  # before the state: whoever comes second ends them
    log_level, tunnels = session.take_state(path)
    for tunnel in tunnels:
        if session.control_path(path, tunnel.number) not in alive:
            Log(log_level).warning(
                f"{tunnel.host_text}: worker lost, its tunnel ended during the build; "
                "is the machine up, and its sshd?"
            )
    session.end(path)
    _remove_slot_files(tunnels)
    session.remove(path)


def main(path: str = "") -> None:
    """Close the session `path`, or what a plan opened for this shell and could not say."""
    for number in session.ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    for found in [path] if path else session.find(os.getppid(), os.environ):
        try:
            release(found)
        except OSError as error:
            Log("error").error(f"{found}: cannot be removed ({error.strerror}); remove it by hand")


def _remove_slot_files(tunnels: list[OpenTunnel]) -> None:
    """Remove distcc's lock and back-off files of ports that nobody will use again.

    They are named `<kind>_tcp_<host>_<port>_<slot>` in `$DISTCC_DIR/lock` (distcc's `src/lock.c`).
    """
    state = os.environ.get("DISTCC_DIR") or os.path.join(os.path.expanduser("~"), ".distcc")
    marks = [f"_{LOOPBACK}_{tunnel.job_port}_" for tunnel in tunnels]
    directory = os.path.join(state, "lock")
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        if any(mark in name for mark in marks):
            try:
                os.unlink(os.path.join(directory, name))
            except OSError:
                pass  # gone meanwhile

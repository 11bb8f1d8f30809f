"""The end of a build with tunnels: report lost tunnels, close all, remove all files."""

from __future__ import annotations

import os
import signal
import time

from ..core.wording import enumerated
from ..machine.buildsignals import ENDINGS
from ..machine.log import Log
from ..machine.processtable import command_lines, parent
from . import session, slotfiles
from .sessionfiles import control_path
from .sessionprocesses import connections, end_connections, end_guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import OpenTunnel

_PLAN_GRACE_S = 5.0
_PAUSE_S = 0.01


def release(path: str) -> list[OpenTunnel]:
    """Close a session, which may have been closed before; returns the tunnels that the build has used."""
    # Look before taking the state: as soon as the state is taken, a second release may end the connections.
    alive = set(connections(path).values())
    log_level, tunnels = session.take_state(path)
    lost = [one.host_text for one in tunnels if control_path(path, one.number) not in alive]
    if lost:
        Log(log_level).warning(
            f"{enumerated(lost)}: worker lost, its tunnel ended during the build; "
            "is the machine up, and its sshd?"
        )
    end_connections(path)
    slotfiles.remove(tunnels)
    try:
        session.remove(path)
    finally:
        end_guard(path)  # last: if this process is killed before, the guard does the rest
    return tunnels


def main(path: str = "") -> None:
    """Close the session `path`. Without a path, close every session that a plan made for this shell.

    The shell has no path if its plan was interrupted before it could print one.
    """
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    for found in [path] if path else session.find(os.getppid(), os.environ):
        try:
            release(found)
        except OSError as error:
            Log("error").error(f"{found}: cannot be removed ({error.strerror}); remove it by hand")
    if not path:
        _end_plan(os.getppid())


def _end_plan(shell_pid: int) -> None:
    """End the plan of a shell, and wait up to 5 s for that: a shell may not wait for an interrupted plan."""
    deadline = time.monotonic() + _PLAN_GRACE_S
    ended: set[int] = set()
    while time.monotonic() < deadline:
        plans = [pid for pid, words in command_lines() if {"distcc_driver", "plan"} <= set(words)]
        plans = [pid for pid in plans if parent(pid) == shell_pid]
        if not plans:
            return
        for pid in {*plans} - ended:
            _terminate(pid)
        ended.update(plans)
        time.sleep(_PAUSE_S)


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended meanwhile

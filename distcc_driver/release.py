"""The end of a build with tunnels: say what was lost, close all, leave nothing behind."""

from __future__ import annotations

import os
import signal
import time

from . import session
from .hostspec import LOOPBACK
from .log import Log
from .processtable import command_lines, parent
from .wording import enumerated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import OpenTunnel

_GRACE_S = 2.0
_PLAN_GRACE_S = 5.0
_PAUSE_S = 0.01


def release(path: str) -> None:
    """Close a session. One that is not there any more is fine."""
    alive = set(session.processes(path).values())  # before the state: whoever comes second ends them
    log_level, tunnels = session.take_state(path)
    lost = [one.host_text for one in tunnels if session.control_path(path, one.number) not in alive]
    if lost:
        Log(log_level).warning(
            f"{enumerated(lost)}: worker lost, its tunnel ended during the build; "
            "is the machine up, and its sshd?"
        )
    session.end(path)
    _remove_slot_files(tunnels)
    try:
        session.remove(path)
    finally:
        session.end(path, session.GUARD)  # last: it does all this if this process is killed


def main(path: str = "") -> None:
    """Close the session `path`, or what a plan opened for this shell and could not say."""
    for number in session.ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    for found in [path] if path else session.find(os.getppid(), os.environ):
        try:
            release(found)
        except OSError as error:
            Log("error").error(f"{found}: cannot be removed ({error.strerror}); remove it by hand")
    if not path:
        _wait_for_plan(os.getppid())


def _wait_for_plan(shell_pid: int) -> None:
    """Let the plan of a shell end, up to 5 s: zsh does not wait for one that is interrupted."""
    deadline = time.monotonic() + _PLAN_GRACE_S
    while time.monotonic() < deadline:
        plans = [pid for pid, words in command_lines() if {"distcc_driver", "plan"} <= set(words)]
        if all(parent(pid) != shell_pid for pid in plans):
            return
        time.sleep(_PAUSE_S)


def _remove_slot_files(tunnels: list[OpenTunnel]) -> None:
    """Remove distcc's lock and back-off files of ports that nobody will use again.

    They are named `<kind>_tcp_<host>_<port>_<slot>` in `$DISTCC_DIR/lock` (distcc's `src/lock.c`). A
    client that has outlived its build for a moment would make new ones: its end is waited for, up to 2 s.
    """
    state = os.environ.get("DISTCC_DIR") or os.path.join(os.path.expanduser("~"), ".distcc")
    directory = os.path.join(state, "lock")
    deadline = time.monotonic() + _GRACE_S
    while tunnels:
        is_busy = any(_is_client(name, tunnels) for name in _names("/proc"))
        _unlink_marked(directory, [f"_{LOOPBACK}_{tunnel.job_port}_" for tunnel in tunnels])
        if not is_busy or time.monotonic() >= deadline:
            return
        time.sleep(_PAUSE_S)


def _is_client(pid: str, tunnels: list[OpenTunnel]) -> bool:
    """Whether a process, as `/proc` has it, is a distcc with one of the tunnels in its DISTCC_HOSTS."""
    try:
        if os.path.basename(os.readlink(f"/proc/{pid}/exe")) != "distcc":
            return False
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = file.read()
    except OSError:
        return False  # gone, somebody else's, or no process at all
    return any(b"%s:%d/" % (LOOPBACK.encode(), tunnel.job_port) in environ for tunnel in tunnels)


def _unlink_marked(directory: str, marks: list[str]) -> None:
    for name in _names(directory):
        if any(mark in name for mark in marks):
            try:
                os.unlink(os.path.join(directory, name))
            except OSError:
                pass  # gone meanwhile


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []

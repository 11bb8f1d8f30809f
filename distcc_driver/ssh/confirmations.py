"""Which connections wait for a person who has to confirm a key: in an agent, or by touching a token.

ssh asks an agent, or a helper for a token, through a Unix socket, and sleeps in read(2) until the answer
comes. For a server it waits in poll(2), and a proxy is behind a pipe. Linux shows the system call in
/proc/PID/syscall (proc(5)). On other systems, no connection is ever found to wait.
"""

from __future__ import annotations

import os

from ..machine.processtable import descendants, process_table
from .sessionprocesses import connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_INODE_FIELD = 6  # of /proc/net/unix


def awaited(path: str, controls: Collection[str]) -> set[str]:
    """Which `controls`, control sockets of the session `path`, belong to an ssh that waits for a person.

    The ssh itself may wait, or a process that it has started.
    """
    sockets = _unix_sockets()
    if not sockets:
        return set()
    table = process_table()
    found = set()
    for pid, control in connections(path).items():
        if control in controls and control not in found:
            family = {pid} | descendants({pid}, table)
            if any(_socket_read_by(one) in sockets for one in family):
                found.add(control)
    return found


def _unix_sockets() -> set[str]:
    """All Unix sockets of this machine, named as the links in /proc/PID/fd."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file][1:]
    except OSError:
        return set()
    return {f"socket:[{fields[_INODE_FIELD]}]" for fields in lines}


def _socket_read_by(pid: int) -> str:
    """The file behind the first argument of the system call in which a process sleeps; "" if it runs."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            words = file.read().split()
        return os.readlink(f"/proc/{pid}/fd/{int(words[1], 16)}")
    except (OSError, ValueError, IndexError):
        return ""

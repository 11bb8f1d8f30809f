"""Which connections wait for a person who has to confirm a key: in an agent, or by touching a token.

ssh asks an agent, and its helpers for tokens, by Unix sockets, and sleeps in read(2) until there is an
answer; for servers it waits in poll(2), and proxies are pipes. Linux shows that in /proc/PID/syscall
(proc(5)); where no file shows it, nobody is found.
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
    """Those of some control sockets of a session whose ssh, or one that it has started, waits so."""
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
    """All of this machine, as /proc/PID/fd names them."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file][1:]
    except OSError:
        return set()
    return {f"socket:[{fields[_INODE_FIELD]}]" for fields in lines}


def _socket_read_by(pid: int) -> str:
    """What a process sleeps on in a call that begins with a descriptor; "" if in another, or if it runs."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            words = file.read().split()
        return os.readlink(f"/proc/{pid}/fd/{int(words[1], 16)}")
    except (OSError, ValueError, IndexError):
        return ""

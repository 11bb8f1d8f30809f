"""Reads in /proc which processes run on this machine, and waits until that changes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEADLINE_S = 60.0
_PAUSE_S = 0.01


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return when `condition` is true. Fails if that takes absurdly long."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"never came about: {what}"
        time.sleep(_PAUSE_S)


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from `state` on (proc(5)); empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    return stat_fields(pid)[:1] not in ([], ["Z"])


def is_writing(pid: int, descriptor: int = 1) -> bool:
    """Whether a process waits inside a write(2)."""
    number = {"x86_64": "1"}.get(os.uname().machine, "64")  # all other architectures use the generic table
    return Path(f"/proc/{pid}/syscall").read_text().startswith(f"{number} {descriptor:#x} ")


def arguments_of(pid: int) -> list[str]:
    """The argument list of a process; empty if it is gone."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in text.split(b"\0")[:-1]]


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    parents = {other: int(fields[1]) for other in pids() if (fields := stat_fields(other))}
    found: list[int] = []
    generation = [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


def has_in_environment(pid: int, entry: bytes) -> bool:
    """Whether a process was started with this `NAME=value` in its environment."""
    try:
        return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def of_program(name: str, environ: Mapping[str, str]) -> list[int]:
    """The processes with this program among their arguments and this HOME, which each test has for itself."""
    mark = os.fsencode(f"HOME={environ['HOME']}")
    return [pid for pid in pids() if name in arguments_of(pid) and has_in_environment(pid, mark)]


def listening_ports() -> dict[int, set[str]]:
    """Every TCP port at which a program listens, with its addresses as hexadecimal numbers."""
    found: dict[int, set[str]] = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            if state == "0A":
                address, _, port = local.partition(":")
                found.setdefault(int(port, 16), set()).add(address)
    return found

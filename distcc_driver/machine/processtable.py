"""The processes of this machine, from /proc, or from ps(1) where there is none."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def command_lines() -> Iterator[tuple[int, list[str]]]:
    """Pid and argument list of every process of this user."""
    if not os.path.isdir("/proc/self"):
        yield from _command_lines_from_ps()
        return
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid != os.geteuid():
                continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
        except OSError:
            continue  # gone meanwhile
        yield int(name), [os.fsdecode(argument) for argument in arguments]


def process_table() -> dict[int, tuple[int, str]]:
    """Parent and time of start of every process that has not ended."""
    if not os.path.isdir("/proc/self"):
        return _process_table_from_ps()
    table = {}
    for name in os.listdir("/proc"):
        fields = _stat(name) if name.isdigit() else []
        if fields and fields[0] != "Z":
            table[int(name)] = (int(fields[1]), fields[19])
    return table


def parent(pid: int) -> int:
    """The parent of a process, 0 if it has ended."""
    return process_table().get(pid, (0, ""))[0]


def started(pid: int) -> str:
    """When a process started, in a text that no other of its number has; "0" where only /proc could tell."""
    fields = _stat(str(pid))
    return f"{int(fields[19]):x}" if fields else "0"


def signal_process(pid: int, number: int) -> None:
    """Send a signal to a process, which may have ended by now."""
    try:
        os.kill(pid, number)
    except OSError:
        pass


def is_of_another_namespace() -> bool:
    """Whether the numbers in /proc are others than ours: it was mounted outside of our PID namespace."""
    try:
        return os.readlink("/proc/self") != str(os.getpid())
    except OSError:  # there is none
        return False


def _stat(pid: str) -> list[str]:
    """The fields of /proc/PID/stat from `state` on (proc(5)); none if the process has gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pids: Iterable[int], table: dict[int, tuple[int, str]]) -> set[int]:
    """The children of some processes, their children, and so on."""
    found: set[int] = set()
    generation = set(pids)
    while generation:
        generation = {pid for pid, (parent, _) in table.items() if parent in generation} - found
        found |= generation
    return found


def _command_lines_from_ps() -> Iterator[tuple[int, list[str]]]:
    """The same by ps(1), which cannot tell a blank in an argument from one between two."""
    for line in _ps("-o", "pid=,args="):
        pid, _, arguments = line.strip().partition(" ")
        yield int(pid), arguments.split(" ")


def _process_table_from_ps() -> dict[int, tuple[int, str]]:
    lines = [line.split(None, 3) for line in _ps("-o", "pid=,ppid=,stat=,lstart=")]
    return {int(pid): (int(parent), started) for pid, parent, state, started in lines if state[0] != "Z"}


def _ps(*words: str) -> list[str]:
    from subprocess import DEVNULL, run  # 15 ms that only systems without /proc pay

    listing = run(
        ["ps", "-ww", "-U", str(os.geteuid()), *words], capture_output=True, stdin=DEVNULL, check=False
    )
    return os.fsdecode(listing.stdout).splitlines()

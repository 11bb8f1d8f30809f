"""The processes of this machine, from /proc, or from ps(1) where there is none."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


def pids() -> list[int]:
    """The pids of all users' processes that /proc shows; nothing where there is no /proc."""
    names = os.listdir("/proc") if os.path.isdir("/proc/self") else []
    return [int(name) for name in names if name.isdigit()]


def command_lines() -> Iterator[tuple[int, list[str]]]:
    """Pid and arguments of every process of this user."""
    if not os.path.isdir("/proc/self"):
        yield from _command_lines_from_ps()
        return
    for pid in pids():
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
        except OSError:
            continue  # the process has ended meanwhile
        yield pid, [os.fsdecode(argument) for argument in arguments]


def process_table() -> dict[int, tuple[int, str]]:
    """Parent and start time of every process that has not ended, by pid."""
    if not os.path.isdir("/proc/self"):
        return _process_table_from_ps()
    table = {}
    for pid in pids():
        fields = _stat(pid)
        if fields and fields[0] != "Z":
            table[pid] = (int(fields[1]), fields[19])
    return table


def living() -> Collection[int]:
    """The pids of all users' processes that have not ended."""
    return process_table() if os.path.isdir("/proc/self") else _living_from_ps()


def parent(pid: int) -> int:
    """The parent of a process, 0 if it has ended."""
    return process_table().get(pid, (0, ""))[0]


def start_time(pid: int) -> str:
    """The start time of a process, which tells it from others with the same pid; "0" without /proc."""
    fields = _stat(pid)
    return f"{int(fields[19]):x}" if fields else "0"


def signal_process(pid: int, number: int) -> None:
    """Send a signal to a process, which may have ended by now."""
    try:
        os.kill(pid, number)
    except OSError:
        pass


def is_of_another_namespace() -> bool:
    """Whether /proc shows the pids of another PID namespace than this process's."""
    try:
        return os.readlink("/proc/self") != str(os.getpid())
    except OSError:  # there is no /proc
        return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from `state` on (proc(5)); empty if the process has ended."""
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
    """Pids and arguments from ps(1). Its output does not tell a blank in an argument from one between two."""
    for line in _ps("-U", str(os.geteuid()), "-o", "pid=,args="):
        pid, _, arguments = line.strip().partition(" ")
        yield int(pid), arguments.split(" ")


def _process_table_from_ps() -> dict[int, tuple[int, str]]:
    lines = [line.split(None, 3) for line in _ps("-U", str(os.geteuid()), "-o", "pid=,ppid=,stat=,lstart=")]
    return {int(pid): (int(parent), started) for pid, parent, state, started in lines if state[0] != "Z"}


def _living_from_ps() -> list[int]:
    lines = [line.split() for line in _ps("-A", "-o", "pid=,stat=")]
    return [int(pid) for pid, state, *_ in lines if state[0] != "Z"]


def _ps(*words: str) -> list[str]:
    from subprocess import DEVNULL, run  # 15 ms that only systems without /proc pay

    listing = run(["ps", "-ww", *words], capture_output=True, stdin=DEVNULL, check=False)
    return os.fsdecode(listing.stdout).splitlines()

"""The processes of this user that belong to builds with distcc, from /proc.

/proc/PID/environ has the environment with which a process was started, and so the host list of its build.
The monitor looks through /proc once a second. It looks at a process when that is new, and some times more,
because a new process may become another program.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..machine import processtable
from .statedirectory import state_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

_LOOKS = 3
_LAST_STREAM = 2
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MOST_ANCESTORS = 64
_MOST_BYTES = 4 << 20
_DISTCC = "distcc"
_SHELLS = frozenset({"bash", "dash", "fish", "ksh", "sh", "tcsh", "zsh"})
# What runs a build, even while no client of distcc is there.
_BUILDERS = frozenset({"cmake", "gmake", "make", "ninja", "samu"})
_HOSTS = "DISTCC_HOSTS"
_KEPT = (
    b"DISTCC_HOSTS=",
    b"DISTCC_DIR=",
    b"HOME=",
    b"DISTCC_BACKOFF_PERIOD=",
    b"TMPDIR=",
    b"XDG_RUNTIME_DIR=",
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process as /proc has it; `started` is in clock ticks since the machine has started."""

    pid: int
    name: str
    parent: int
    session: int
    started: int


@dataclass(frozen=True, slots=True)
class BuildKey:
    """What makes processes the same build: where it runs, its host list, and the files of its clients."""

    directory: str
    hosts: str | None
    state_path: str


@dataclass(frozen=True, slots=True)
class BuildProcess:
    """The process that runs a build: where, with which words, and what its environment says to distcc."""

    pid: int
    started: int
    directory: str
    words: tuple[str, ...]
    environ: Mapping[str, str] = field(hash=False, compare=False)
    key: BuildKey


@dataclass(frozen=True, slots=True)
class Client:
    """A client of distcc: the build that it belongs to, and when it was started, in seconds since 1970.

    `started` is None where that is not known.
    """

    build: BuildProcess
    started: float | None


@dataclass(slots=True)
class _Seen:
    looks: int = 0
    is_client: bool = False
    client: Client | None = None


class ClientProcesses:
    """What is known of the processes of this user."""

    notes: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._builds: dict[int, BuildProcess] = {}  # of the processes on the way from clients to builds

    def scan(self, holding: Set[int]) -> None:
        """Look through /proc once; processes that hold slots are clients, and are not looked at again."""
        pids = set(processtable.pids())
        for gone in self._seen.keys() - pids:
            del self._seen[gone]
        for gone in self._builds.keys() - pids:
            del self._builds[gone]
        for pid in pids:
            seen = self._seen.setdefault(pid, _Seen())
            if (seen.is_client and pid not in holding) or seen.looks < _LOOKS:
                self._look_at(pid, seen)

    @property
    def builds(self) -> set[BuildProcess]:
        """Builds that have a client, or a program that runs builds, at the last scan."""
        return {seen.client.build for seen in self._seen.values() if seen.client is not None}

    def clients(self) -> dict[int, BuildProcess]:
        """The clients of the last scan, each with its build."""
        return {pid: seen.client.build for pid, seen in self._seen.items() if seen.is_client and seen.client}

    def client(self, pid: int) -> Client | None:
        """A client, also one that is newer than the last scan; None if it has gone, or is another user's."""
        seen = self._seen.get(pid)
        if seen is None:
            seen = self._seen[pid] = _Seen()
        if seen.client is None and pid > 0 and is_own(pid):
            seen.is_client, seen.looks, seen.client = True, _LOOKS, self._find_client(pid)
        return seen.client

    def is_running(self, build: BuildProcess) -> bool:
        """Whether the process that runs a build has not ended."""
        process = look(build.pid)
        return process is not None and process.started == build.started

    def _look_at(self, pid: int, seen: _Seen) -> None:
        seen.looks += 1
        program = _program(pid) if is_own(pid) else None
        if program is None:
            seen.looks, seen.is_client, seen.client = _LOOKS, False, None
            return
        seen.is_client = program == _DISTCC and (seen.is_client or not self._is_child_of_client(pid))
        if seen.is_client or (program in _BUILDERS and _HOSTS in environ_of(pid)):
            seen.client = seen.client or self._find_client(pid)
        else:
            seen.client = None

    def _is_child_of_client(self, pid: int) -> bool:
        """A client that starts a compiler is two for a moment."""
        process = look(pid)
        return process is not None and _program(process.parent) == _DISTCC

    def _find_client(self, pid: int) -> Client | None:
        """Go up from a client to the process that began the build."""
        process = top = look(pid)
        if process is None or top is None:
            return None
        passed = [pid]
        known = self._builds.get(process.parent)
        if known is not None:
            return Client(known, _started_at(process))
        environ = environ_of(pid)
        for _ in range(_MOST_ANCESTORS):
            if top.pid in self._builds:
                break
            parent = look(top.parent)
            if parent is None or not _is_of_same_build(parent, top, environ.get(_HOSTS)):
                break
            top = parent
            passed.append(top.pid)
        build = self._builds.get(top.pid) or _build(top, environ)
        for one in passed[1:]:
            self._builds[one] = build
        return Client(build, _started_at(process))


def _is_of_same_build(parent: Process, child: Process, hosts: str | None) -> bool:
    """Whether the parent is part of the build, too: neither a terminal's shell nor one with other hosts."""
    is_login = parent.session == parent.pid and parent.name in _SHELLS
    if parent.pid <= 1 or parent.session != child.session or is_login or not is_own(parent.pid):
        return False
    return environ_of(parent.pid).get(_HOSTS) == hosts


def _build(process: Process, environ: Mapping[str, str]) -> BuildProcess:
    try:
        directory = os.readlink(f"/proc/{process.pid}/cwd")
    except OSError:
        directory = ""
    words = words_of(process.pid)
    return BuildProcess(process.pid, process.started, directory, words, environ, key_of(directory, environ))


def key_of(directory: str, environ: Mapping[str, str]) -> BuildKey:
    """The key of a process that builds in a directory."""
    return BuildKey(directory, environ.get(_HOSTS), state_path(environ))


def _started_at(process: Process) -> float:
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / _TICKS_PER_S
    return time.time() - since_boot_s


def look(pid: int) -> Process | None:
    """/proc/PID/stat of proc(5); None if there is no such process."""
    data = os.fsdecode(_read(f"/proc/{pid}/stat"))
    before, found, after = data.rpartition(")")
    fields = after.split()
    if not found or fields[0] == "Z":
        return None
    return Process(pid, before.partition("(")[2], int(fields[1]), int(fields[3]), int(fields[19]))


def is_own(pid: int) -> bool:
    """Whether a process is this user's."""
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except OSError:
        return False


def words_of(pid: int) -> tuple[str, ...]:
    """The command line of a process."""
    return tuple(os.fsdecode(word) for word in _read(f"/proc/{pid}/cmdline").split(b"\0")[:-1])


def environ_of(pid: int) -> dict[str, str]:
    """What a process was started with, as far as it concerns distcc."""
    pairs = [pair for pair in _read(f"/proc/{pid}/environ").split(b"\0") if pair.startswith(_KEPT)]
    parts = (os.fsdecode(pair).partition("=") for pair in pairs)
    return {name: value for name, _, value in parts}


def is_connected(pid: int) -> bool:
    """Whether a process has opened a socket; its three streams may be sockets that it was given."""
    try:
        names = [name for name in os.listdir(f"/proc/{pid}/fd") if int(name) > _LAST_STREAM]
        return any(os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:") for name in names)
    except OSError:
        return False


def _program(pid: int) -> str | None:
    """The name of the program that runs; None if it cannot be told."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_MOST_BYTES) or b""
    except OSError:
        return b""

"""How much of this machine a build may use: threads, memory, processes, descriptors.

Linux tells all of it in `/proc` and `/sys/fs/cgroup`, also the limits of the cgroup of this process. Other
systems have no cgroups. There, the number of processors comes from the system; the available memory and the
number of the user's processes are unknown, because no portable call tells them.
"""

from __future__ import annotations

import os
import resource

from ..core.facts import LocalCapacity
from ..core.record import Record

_MANY_PROCESSES = 16384  # more than any plan needs


class _Group(Record):
    """The directories of one cgroup controller, from this process's group up to the root."""

    version: int
    directories: list[str]


def local_capacity(root: str = "/") -> LocalCapacity:
    """Measure this machine. A test gives a `root` with files of its own."""
    threads = _processors()
    groups = _lines(os.path.join(root, "proc/self/cgroup"))
    mounts = _lines(os.path.join(root, "proc/self/mountinfo"))
    cpu, memory, pids = (_group(root, name, groups, mounts) for name in ("cpu", "memory", "pids"))
    quota = _cpu_quota(cpu) if cpu else None
    if quota is not None:
        threads = min(threads, quota)
    bounds = [_mem_available_mib(root), _group_memory_mib(memory) if memory else None]
    rooms = [_user_processes(root), _group_processes(pids) if pids else None]
    return LocalCapacity(max(1, threads), _tightest(bounds), _tightest(rooms))


def raise_descriptor_limit(needed: int) -> int:
    """Raise the soft limit of descriptors, if it is too low; returns how many of `needed` may be used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def _tightest(bounds: list[int | None]) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def _processors() -> int:
    """The processors on which this process may run, as nproc(1) prints."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _mem_available_mib(root: str) -> int | None:
    for line in _lines(os.path.join(root, "proc/meminfo")):
        if line.startswith("MemAvailable:"):
            kib = _number(line.removeprefix("MemAvailable:").removesuffix("kB"))
            return None if kib is None else kib // 1024
    return None


def _cpu_quota(group: _Group) -> int | None:
    """The lowest CPU quota of all levels, in threads, rounded up."""
    quotas = []
    for directory in group.directories:
        if group.version == 2:
            quota, _, period = _text(os.path.join(directory, "cpu.max")).partition(" ")
        else:
            quota, period = (
                _text(os.path.join(directory, f"cpu.cfs_{word}_us")) for word in ("quota", "period")
            )
        quota_us, period_us = _number(quota), _number(period)
        if quota_us is not None and period_us:
            quotas.append(-(-quota_us // period_us))
    return min(quotas, default=None)


_MEMORY_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def _group_memory_mib(group: _Group) -> int | None:
    """The memory that the cgroup still allows. Page cache that the kernel can drop counts as free."""
    limit_file, usage_file, cache_key = _MEMORY_FILES[group.version]
    rooms = []
    for directory in group.directories:
        limit = _number(_text(os.path.join(directory, limit_file)))
        usage = _number(_text(os.path.join(directory, usage_file)))
        if limit is not None and usage is not None:
            cache = _stat_value(os.path.join(directory, "memory.stat"), cache_key)
            rooms.append(max(0, limit - usage + cache) // 2**20)
    return min(rooms, default=None)


def _group_processes(group: _Group) -> int | None:
    """The processes that the cgroup still allows."""
    rooms = []
    for directory in group.directories:
        limit = _number(_text(os.path.join(directory, "pids.max")))
        current = _number(_text(os.path.join(directory, "pids.current")))
        if limit is not None and current is not None:
            rooms.append(max(0, limit - current))
    return min(rooms, default=None)


def _user_processes(root: str) -> int | None:
    """The processes that `ulimit -u` still allows. The limit counts threads, but not root's (setrlimit(2)).

    Counting the user's threads takes long if many processes run. So first take the number of all threads of
    the machine: if the limit leaves enough room beside it, the user's threads are not counted.
    """
    kind = getattr(resource, "RLIMIT_NPROC", None)
    limit = resource.RLIM_INFINITY if kind is None else resource.getrlimit(kind)[0]
    if limit == resource.RLIM_INFINITY or _is_root(root):
        return None
    _, _, threads = _text(os.path.join(root, "proc/loadavg")).partition("/")
    room = limit - (_number(threads.partition(" ")[0]) or 0)
    return room if room >= _MANY_PROCESSES else max(0, limit - _threads_of_user(root))


def _is_root(root: str) -> bool:
    """Whether this user is the machine's root, and not only the root of a user namespace."""
    first, *_ = [*_lines(os.path.join(root, "proc/self/uid_map")), "0 0"]
    return os.getuid() == 0 and first.split()[:2] == ["0", "0"]


def _threads_of_user(root: str) -> int:
    """The threads of all processes of this user: each adds a link to its process's `task` (proc(5))."""
    proc = os.path.join(root, "proc")
    user = os.getuid()
    threads = 0
    try:
        names = os.listdir(proc)
    except OSError:
        return 0
    for name in names:
        if name.isdigit():
            try:
                status = os.stat(f"{proc}/{name}/task")
            except OSError:
                continue  # the process has ended
            if status.st_uid == user:
                threads += status.st_nlink - 2
    return threads


def _stat_value(path: str, key: str) -> int:
    for line in _lines(path):
        name, _, value = line.partition(" ")
        if name == key:
            return _number(value) or 0
    return 0


def _number(text: str) -> int | None:
    """A whole number; None for `max`, -1 and other texts that set no limit."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _group(root: str, controller: str, groups: list[str], mounts: list[str]) -> _Group | None:
    """Find this process's cgroup for a controller: in cgroup version 1 if that has it, else in version 2.

    `groups` are the lines of `/proc/self/cgroup`: they name the group. `mounts` are those of
    `/proc/self/mountinfo`: they tell where a tree of groups is mounted, and which part of it (proc(5),
    cgroups(7)).
    """
    paths: dict[int, str] = {}
    for line in groups:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            paths[1] = path
        elif number == "0" and not controllers:
            paths[2] = path
    for version in sorted(paths):
        found = [
            (_below(mounted, paths[version]), point)
            for mounted, point in _mounted(mounts, version, controller)
        ]
        if found:  # take the first that shows our group: a bind mount may show another part of the tree
            below, point = min(found, key=lambda mount: mount[0] is None)
            return _Group(version, _way_up(root, point, below or ""))
    return None


def _mounted(mounts: list[str], version: int, controller: str) -> list[tuple[str, str]]:
    """Each mount of a cgroup hierarchy: (mounted part of the tree, mount point)."""
    found = []
    for line in mounts:
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_version_1 = kind[0] == "cgroup" and controller in kind[2].split(",")
        if (version == 1 and is_version_1) or (version == 2 and kind[0] == "cgroup2"):
            found.append((_unescaped(fields[3]), _unescaped(fields[4])))
    return found


def _unescaped(field: str) -> str:
    """Undo the escapes in a field of `/proc/self/mountinfo` (proc(5))."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _below(mounted: str, path: str) -> str | None:
    """The path of our group below the mounted part of its tree; None if the group is in another part."""
    top = mounted.rstrip("/")
    return path[len(top) :] if f"{path}/".startswith(f"{top}/") else None


def _way_up(root: str, point: str, below: str) -> list[str]:
    """The directories from our group up to the mount point.

    In a container without a cgroup namespace, the mounted part is our own group: the groups above it cannot
    be seen.
    """
    top = os.path.join(root, point.lstrip("/"))
    names = [name for name in below.split("/") if name not in ("", "..")]
    return [os.path.join(top, *names[:depth]) for depth in range(len(names), -1, -1)]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _lines(path: str) -> list[str]:
    return _text(path).splitlines()

"""Threads and available memory of this machine, as a process in its cgroup may use them.

Linux says all of it below `/proc` and `/sys/fs/cgroup`. Elsewhere there are no cgroups, the
number of processors comes from the system, and the available memory is unknown, for no
portable call tells it.
"""

from __future__ import annotations

import os

from .record import Record


class LocalCapacity(Record):
    """`threads` that may run at once, at least 1; available memory in MiB, None if unknown."""

    threads: int
    memory_mib: int | None


class _Group(Record):
    """The directories of one cgroup controller from ours up to its root, innermost first."""

    version: int
    directories: list[str]


def local_capacity(root: str = "/") -> LocalCapacity:
    """Measure this machine. `root` stands in for `/` where a test brings its own files."""
    threads = _processors()
    cpu = _group(root, "cpu")
    memory = _group(root, "memory")
    quota = _cpu_quota(cpu) if cpu else None
    if quota is not None:
        threads = min(threads, quota)
    bounds = [_mem_available_mib(root), _group_memory_mib(memory) if memory else None]
    known = [bound for bound in bounds if bound is not None]
    return LocalCapacity(max(1, threads), min(known) if known else None)


def _processors() -> int:
    """What nproc(1) prints: the processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _mem_available_mib(root: str) -> int | None:
    for line in _lines(os.path.join(root, "proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return None


def _cpu_quota(group: _Group) -> int | None:
    """The tightest CPU quota on the way up, in whole threads, rounded up."""
    quotas = []
    for directory in group.directories:
        if group.version == 2:
            words = _text(os.path.join(directory, "cpu.max")).split()
        else:
            words = [
                _text(os.path.join(directory, f"cpu.cfs_{word}_us")).strip() for word in ("quota", "period")
            ]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]) > 0:
            quotas.append(-(-int(words[0]) // int(words[1])))
    return min(quotas, default=None)


_MEMORY_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def _group_memory_mib(group: _Group) -> int | None:
    """What the cgroup still allows. Page cache that it can drop at once counts as free."""
    limit_file, usage_file, cache_key = _MEMORY_FILES[group.version]
    rooms = []
    for directory in group.directories:
        limit = _text(os.path.join(directory, limit_file)).strip()
        usage = _text(os.path.join(directory, usage_file)).strip()
        if limit.isdigit() and usage.isdigit():
            cache = _stat_value(os.path.join(directory, "memory.stat"), cache_key)
            rooms.append(max(0, int(limit) - int(usage) + cache) // 2**20)
    return min(rooms, default=None)


def _stat_value(path: str, key: str) -> int:
    for line in _lines(path):
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            return int(value)
    return 0


def _group(root: str, controller: str) -> _Group | None:
    """Find our cgroup for a controller: a version 1 hierarchy if it has one, else version 2.

    `/proc/self/cgroup` names the group, `/proc/self/mountinfo` where its tree is mounted, and
    which part of it is (proc(5), cgroups(7)).
    """
    paths: dict[int, str] = {}
    for line in _lines(os.path.join(root, "proc/self/cgroup")):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            paths[1] = path
        elif number == "0" and not controllers:
            paths[2] = path
    for version in sorted(paths):
        for mounted, point in _mounts(root, version, controller):
            return _Group(version, _way_up(root, point, mounted, paths[version]))
    return None


def _mounts(root: str, version: int, controller: str) -> list[tuple[str, str]]:
    """(mounted part of the tree, mount point) of each mount of a cgroup hierarchy."""
    found = []
    for line in _lines(os.path.join(root, "proc/self/mountinfo")):
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_version_1 = kind[0] == "cgroup" and controller in kind[2].split(",")
        if (version == 1 and is_version_1) or (version == 2 and kind[0] == "cgroup2"):
            found.append((fields[3], fields[4]))
    return found


def _way_up(root: str, point: str, mounted: str, path: str) -> list[str]:
    """The directories from our group to the mount point.

    In a container without a cgroup namespace the mounted part is our own group: what lies
    above it cannot be seen.
    """
    top = os.path.join(root, point.lstrip("/"))
    below = path[len(mounted.rstrip("/")) :] if (path + "/").startswith(mounted.rstrip("/") + "/") else ""
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

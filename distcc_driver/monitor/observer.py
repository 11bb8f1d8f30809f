"""Looks at all running builds of this user: what runs, once a second, and who holds which slot, each time."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .buildview import BuildView
from .clientprocesses import ClientProcesses
from .picture import Picture
from .portableclients import PortableClients
from .processorload import ProcessorLoad
from .statedirectory import StateDirectory
from .workerloads import WorkerLoads

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from .clientprocesses import BuildKey, Client

_SCAN_S = 1.0
_ENDED_S = 1.5


class Observer:
    """A context that keeps files open; `look` in it as often as you like.

    `top` is the directory below which builds are looked at, "" for all of this user's.
    """

    def __init__(self, top: str = "") -> None:
        self._top = os.path.realpath(top) if top else ""
        has_proc = os.path.isdir("/proc/self")
        self._processes = ClientProcesses() if has_proc else PortableClients(os.environ)
        self._processors = ProcessorLoad()
        self._worker_loads = WorkerLoads()
        self._directories: dict[str, StateDirectory] = {}
        self._views: dict[BuildKey, BuildView] = {}
        self._running_s: dict[BuildKey, float] = {}  # when a build was last known to run
        self._holding: Set[int] = set()
        self._began_s = time.monotonic()
        self._scanned_s = float("-inf")

    def __enter__(self) -> Observer:
        """Nothing is open before the first look."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all files."""
        for directory in self._directories.values():
            directory.close()
        self._directories = {}

    def look(self) -> Picture:
        """All builds now."""
        now_s, now = time.monotonic(), time.time()
        is_scan = now_s - self._scanned_s >= _SCAN_S
        if is_scan:
            self._scanned_s = now_s
            self._processes.scan(self._holding)
            self._find_views(now_s)
            self._refresh(now)
        holders = {path: self._holders(path) for path in self._directories}
        clients = self._clients({pid for held in holders.values() for pid in held.values()})
        self._holding = clients.keys()
        for directory in self._directories.values():
            directory.forget_others(self._holding)
        if is_scan:
            self._count_waiting(clients)
        own = _by_build(clients)
        builds = tuple(
            view.look(holders[key.state_path], own.get(key, {}), now) for key, view in self._views.items()
        )
        return Picture(now, round(now_s - self._began_s, 3), builds, self._processes.notes)

    def wait_for_loads(self, seconds: float) -> None:
        """Let the workers say their loads, which takes so many seconds at most."""
        self._worker_loads.wait(seconds)

    def _is_wanted(self, directory: str) -> bool:
        return not self._top or f"{directory}/".startswith(f"{self._top.rstrip('/')}/")

    def _find_views(self, now_s: float) -> None:
        """Begin with builds that are new, and forget those that have ended."""
        for process in sorted(self._processes.builds, key=lambda one: one.started):
            key = process.key
            if not self._is_wanted(key.directory):
                continue
            if self._processes.is_running(process):
                self._running_s[key] = now_s
            if key not in self._running_s:
                continue
            directory = self._directories.setdefault(key.state_path, StateDirectory(key.state_path))
            if key not in self._views:
                self._views[key] = BuildView(process, directory, self._worker_loads)
        for key, view in list(self._views.items()):
            if self._processes.is_running(view.process):
                self._running_s[key] = now_s
            if now_s - self._running_s[key] > _ENDED_S:
                del self._views[key], self._running_s[key]
        for path in self._directories.keys() - {key.state_path for key in self._views}:
            self._directories.pop(path).close()

    def _refresh(self, now: float) -> None:
        processors = self._processors.busy()
        for view in self._views.values():
            view.refresh(now, processors)
        self._worker_loads.ask([port for view in self._views.values() for port in view.stats_ports])

    def _holders(self, path: str) -> dict[str, int]:
        names = {
            name for key, view in self._views.items() if key.state_path == path for name in view.lock_names
        }
        return self._directories[path].holders(names)

    def _clients(self, pids: set[int]) -> dict[int, Client]:
        """Those of the processes that belong to builds of this user."""
        found = ((pid, self._processes.client(pid)) for pid in pids)
        return {pid: client for pid, client in found if client is not None}

    def _count_waiting(self, holding: dict[int, Client]) -> None:
        waiting: dict[BuildKey, int] = {}
        for pid, build in self._processes.clients().items():
            if pid not in holding:
                waiting[build.key] = waiting.get(build.key, 0) + 1
        for key, view in self._views.items():
            view.waiting = waiting.get(key, 0)


def _by_build(clients: Mapping[int, Client]) -> dict[BuildKey, dict[int, Client]]:
    """The clients of each build; many of them have the same first process."""
    by_process: dict[int, dict[int, Client]] = {}
    for pid, client in clients.items():
        by_process.setdefault(id(client.build), {})[pid] = client
    found: dict[BuildKey, dict[int, Client]] = {}
    for some in by_process.values():
        found.setdefault(next(iter(some.values())).build.key, {}).update(some)
    return found

"""One running build from look to look: its host list, the names of its workers, and what they do."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from ..core.hostspec import LOOPBACK
from .hostlist import HostList, parse_host_list
from .jobtracker import Held, JobTracker, Sight
from .limits import limit_of, load_of
from .picture import Build, Step, ThisMachine, Worker
from .statedirectory import host_text, state_path
from .tunnels import open_tunnels
from .workerloads import find_stats_ports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..ssh.session import OpenTunnel
    from .clientprocesses import BuildProcess, Client
    from .hostlist import Entry
    from .limits import Load
    from .picture import Job
    from .statedirectory import StateDirectory
    from .workerloads import StatsPort, WorkerLoads

_LOADS = 8
_BACKOFF_S = 60.0


class BuildView:
    """What is known of a build: all processes that build in one directory with the same host list."""

    def __init__(self, process: BuildProcess, directory: StateDirectory, worker_loads: WorkerLoads) -> None:
        self.process = process
        self._directory = directory
        self._worker_loads = worker_loads
        self._environ = process.environ
        self._hosts = HostList()
        self._text: str | None = None
        self._slots: dict[str, tuple[Entry | None, int]] = {}
        self._tunnels: dict[str, OpenTunnel] = {}
        self._stats_ports: dict[str, StatsPort] = {}
        self._marked: dict[str, float] = {}  # time of the end of the mark of a worker
        self._tracker = JobTracker()
        self._loads: deque[Load] = deque(maxlen=_LOADS)
        self.waiting: int | None = None  # clients without a slot
        self._processors: float | None = None

    @property
    def lock_names(self) -> Iterable[str]:
        """The lock files of all its slots."""
        return self._slots

    @property
    def stats_ports(self) -> Collection[StatsPort]:
        """The stats ports of its workers, as far as they are known."""
        return self._stats_ports.values()

    def refresh(self, now: float, processors: float | None) -> None:
        """Once a second: read the host list and the marks; `processors` is the part of them that is busy."""
        self._processors = processors
        text = host_text(self._environ)
        is_new = text != self._text
        if is_new:
            self._text, self._hosts = text, parse_host_list(text)
            self._slots = {
                entry.lock_name(slot): (entry, slot)
                for entry in self._hosts.entries
                for slot in range(entry.slots)
            }
            self._slots |= {name: (None, slot) for slot, name in enumerate(self._hosts.local_lock_names)}
        if self._find_tunnels() or is_new:
            self._stats_ports = find_stats_ports(self._hosts.entries, self._tunnels)
        self._marked = {}
        period_s = _backoff_s(self._environ)
        for entry in self._hosts.entries:
            age_s = self._directory.mark_age_s(entry.mark_name)
            if age_s is not None and age_s < period_s:
                self._marked[entry.key] = now + period_s - age_s

    def look(self, holders: Mapping[str, int], clients: Mapping[int, Client], now: float) -> Build:
        """Look at all slots: `holders` names the process of each held lock, `clients` those of this build."""
        sights, others = self._sights(holders, clients)
        self._tracker.look(sights, now)
        remote, local = self._tracker.jobs(now)
        workers = tuple(
            self._worker(entry, remote.get(entry.key, []), others.get(entry.key, 0), now)
            for entry in self._hosts.entries
        )
        everywhere = [job for jobs in remote.values() for job in jobs]
        here = ThisMachine(
            slots=max(self._hosts.local_slots, self._hosts.localhost_slots),
            cpp_slots=self._hosts.cpp_slots,
            jobs=tuple(sorted(local, key=lambda job: job.slot)),
            preprocessing=sum(job.step is Step.PREPROCESSING for job in everywhere),
            queued=sum(job.step is Step.QUEUED for job in everywhere),
            waiting=self.waiting,
            repeated=self._tracker.repeated,
            processors=self._processors,
        )
        self._loads.append(load_of(workers, here))
        words = self.process.words
        builder = os.path.basename(words[0]) if words else "the build"
        return Build(
            pid=self.process.pid,
            directory=self.process.directory,
            command=" ".join(words),
            workers=workers,
            here=here,
            limit=limit_of(self._loads, workers, here, builder),
            notes=self._notes(),
        )

    def _sights(
        self, holders: Mapping[str, int], clients: Mapping[int, Client]
    ) -> tuple[dict[int, Sight], dict[str, int]]:
        """What each client of this build holds, and how many slots of a worker others hold."""
        held: dict[int, Held] = {}
        others: dict[str, int] = {}
        for name, pid in holders.items():
            if name not in self._slots:
                continue
            entry, slot = self._slots[name]
            if pid not in clients:
                if entry is not None:
                    others[entry.key] = others.get(entry.key, 0) + 1
            elif entry is not None:
                held[pid] = Held(entry, slot, pid in held)
            else:
                known = held.get(pid)
                held[pid] = Held(known.entry, known.slot, True) if known else Held(None, slot, True)
        record = self._directory.record
        return {pid: Sight(one, record(pid), clients[pid].started) for pid, one in held.items()}, others

    def _worker(self, entry: Entry, jobs: list[Job], others: int, now: float) -> Worker:
        score = self._tracker.score(entry.key)
        end = self._marked.get(entry.key, 0.0)
        is_avoided = end > now
        tunnel = self._tunnels.get(entry.key)
        return Worker(
            name=tunnel.host_text if tunnel else entry.name,
            via="ssh" if tunnel else entry.via,
            slots=entry.slots,
            jobs=tuple(sorted(jobs, key=lambda job: job.slot)),
            others=others,
            avoided_s=end - now if is_avoided else None,
            avoided_why=score.why or None if is_avoided else None,
            done=score.done,
            done_per_s=round(self._tracker.rate_per_s(entry.key, now), 2),
            failed=score.failed,
            load=self._worker_loads.of(self._stats_ports.get(entry.key)),
        )

    def _find_tunnels(self) -> bool:
        """Look which workers are ends of tunnels; whether there are new ones."""
        ends = [
            entry
            for entry in self._hosts.entries
            if entry.address == LOOPBACK and entry.key not in self._tunnels
        ]
        tunnels = open_tunnels(self._environ) if ends else {}
        found = {entry.key: tunnels[entry.port] for entry in ends if entry.port in tunnels}
        self._tunnels.update(found)
        return bool(found)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self._directory.note:
            notes.append(f"{state_path(self._environ)}: {self._directory.note}")
        if not state_path(self._environ):
            notes.append("DISTCC_DIR: not an absolute path, so clients may keep their files in many places")
        if self._hosts.unread:
            notes.append(f"not shown, for they are no hosts: {' '.join(self._hosts.unread)}")
        return tuple(notes)


def _backoff_s(environ: Mapping[str, str]) -> float:
    """For how long distcc avoids a worker after a failure (distcc(1), DISTCC_BACKOFF_PERIOD)."""
    text = environ.get("DISTCC_BACKOFF_PERIOD", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else _BACKOFF_S

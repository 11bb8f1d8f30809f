"""Makes a row of facts about each host, for tables and JSON documents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.facts import Rejection
from ..core.hostspec import LOOPBACK, SshHost
from ..core.wording import memory_cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.balance import Plan
    from ..core.facts import Worker
    from ..core.hostspec import TcpHost
    from ..core.settings import Settings

USED = "used"
LEFT_OUT = "left out"

_LOOPBACKS = (LOOPBACK, "::1")


@dataclass(frozen=True, slots=True)
class HostRow:
    """The facts about one host, with the names of docs/json.md. None means that a fact is not known.

    `via` is "tcp", "ssh" or "loopback". `state` is `USED` or `LEFT_OUT`; `cause` says why it is left out.
    If the host has a `same_as`, that other entry leads to the same worker, and the build lacks nothing.
    The host gets `jobs` at once; `fewer_jobs` says why these are fewer than its slots.
    """

    host: str
    via: str
    state: str
    cause: str | None = None
    advice: str | None = None
    slots: int | None = None
    jobs: int = 0
    fewer_jobs: str | None = None
    load: float | None = None
    free_memory_mib: int | None = None
    running_processes: int | None = None
    answer_ms: float | None = None
    compiled: int | None = None
    failed: int | None = None
    refused: int | None = None
    same_as: str | None = None

    @property
    def is_missed(self) -> bool:
        """Whether a build lacks a worker because this host is left out."""
        return self.state != USED and self.same_as is None

    @property
    def reason(self) -> str:
        """Why the host is left out and what to do, or why it gets fewer jobs than slots; "" otherwise."""
        return f"{self.cause}; {self.advice}" if self.cause else self.fewer_jobs or ""


def host_rows(settings: Settings, results: Sequence[Worker | Rejection], plan: Plan | None) -> list[HostRow]:
    """One row for each result, in the same order."""
    jobs = {share.worker.endpoint.host: share.jobs for share in plan.shares} if plan else {}
    rows = []
    for result in results:
        if isinstance(result, Rejection):
            row = HostRow(result.host.text, _via(result.host), LEFT_OUT, result.cause, result.advice)
            rows.append(replace(row, same_as=result.same_as or None))
        else:
            rows.append(_worker_row(result, jobs.get(result.endpoint.host, 0), settings))
    return rows


def bad_entry_rows(settings: Settings) -> list[HostRow]:
    """One row for each malformed entry of the host list."""
    return [
        HostRow(entry.text, "-", LEFT_OUT, f"character {entry.column}: {entry.reason}", "correct the entry")
        for entry in settings.bad_entries
    ]


def _worker_row(worker: Worker, jobs: int, settings: Settings) -> HostRow:
    stats = worker.stats
    fewer = cause = advice = None
    if 0 < jobs < stats.slots:
        free_mib, each_mib = stats.free_memory_mib, settings.compiler_memory_mib
        fewer = f"{jobs} jobs for {stats.slots} slots: {free_mib} MiB free, {each_mib} for each compiler"
    elif not jobs and _lacks_memory(worker, settings):
        cause, advice = memory_cause(worker, settings), "free memory there, or lower that variable"
    elif not jobs:
        cause, advice = "DISTCC_HOSTS is full at 128 KiB", "name fewer hosts"
    return HostRow(
        host=worker.endpoint.host.text,
        via=_via(worker.endpoint.host),
        state=USED if jobs else LEFT_OUT,
        cause=cause,
        advice=advice,
        slots=stats.slots,
        jobs=jobs,
        fewer_jobs=fewer,
        load=None if stats.load is None else round(stats.load, 2),
        free_memory_mib=stats.free_memory_mib,
        running_processes=stats.running,
        answer_ms=None if worker.answer_s is None else round(worker.answer_s * 1000, 1),
        compiled=stats.compiled,
        failed=stats.failed,
        refused=stats.refused,
    )


def _lacks_memory(worker: Worker, settings: Settings) -> bool:
    free_mib = worker.stats.free_memory_mib
    return free_mib is not None and free_mib < settings.compiler_memory_mib


def _via(host: TcpHost | SshHost) -> str:
    if isinstance(host, SshHost):
        return "ssh"
    return "loopback" if host.address in _LOOPBACKS or host.address.startswith("127.") else "tcp"

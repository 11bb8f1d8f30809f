"""Jobs per worker, their order and the totals: pure arithmetic."""

from __future__ import annotations

from .errors import NoCapacityError
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .capacity import LocalCapacity
    from .probe import Worker
    from .settings import Settings

_POLL_COST_MS = 0.005
_POLL_SHARE = 0.02
_SHORTEST_PAUSE_MS = 20
_LONGEST_PAUSE_MS = 1000


class Share(Record):
    """The `jobs` that one worker gets at once."""

    worker: Worker
    jobs: int


class Plan(Record):
    """What the build is to do: `make -j jobs` over `shares`, best worker first.

    `dropped` workers answered but have no memory for a job. `pause_ms` is how long distcc
    sleeps when every slot is taken.
    """

    shares: list[Share]
    dropped: list[Worker]
    local_jobs: int
    saturation_jobs: int
    pause_ms: int

    @property
    def remote_jobs(self) -> int:
        """Jobs that run on workers at once."""
        return sum(share.jobs for share in self.shares)

    @property
    def jobs(self) -> int:
        """The N of `-j N`."""
        return self.remote_jobs + self.local_jobs + self.saturation_jobs


def balance(settings: Settings, workers: Sequence[Worker], local: LocalCapacity) -> Plan:
    """Share the build out.

    Raises `NoCapacityError` if there is neither a worker nor a local job.
    """
    offers = [Share(worker, _worker_jobs(worker, settings.compiler_memory_mib)) for worker in workers]
    shares = sorted((offer for offer in offers if offer.jobs > 0), key=_rank)
    wanted = settings.early_local_jobs
    if not shares:
        wanted = local.threads if settings.fallback_local_jobs is None else settings.fallback_local_jobs
    local_jobs = _fitting(wanted, local.memory_mib, settings.compiler_memory_mib)
    if not shares and not local_jobs:
        raise NoCapacityError(_refusal(wanted, local))
    saturation = local.threads if settings.saturation_jobs is None else settings.saturation_jobs
    return Plan(
        shares=shares,
        dropped=[offer.worker for offer in offers if offer.jobs == 0],
        local_jobs=local_jobs,
        saturation_jobs=saturation if shares else 0,
        pause_ms=_pause_ms(sum(share.jobs for share in shares) + local_jobs, saturation, local.threads),
    )


def _worker_jobs(worker: Worker, compiler_memory_mib: int) -> int:
    return _fitting(worker.stats.slots, worker.stats.free_memory_mib, compiler_memory_mib)


def _fitting(jobs: int, memory_mib: int | None, compiler_memory_mib: int) -> int:
    """As many of `jobs` compilers as fit; all where the memory is unknown or does not matter."""
    if memory_mib is None or not compiler_memory_mib:
        return jobs
    return min(jobs, memory_mib // compiler_memory_mib)


def _rank(share: Share) -> tuple[float, ...]:
    """Sort key, best first; what is unknown comes last, and equals keep the order of mention."""
    stats = share.worker.stats
    load = float("inf") if stats.load is None else stats.load
    memory = float("inf") if stats.free_memory_mib is None else -stats.free_memory_mib
    return (-share.jobs, load, memory)


def _refusal(wanted: int, local: LocalCapacity) -> str:
    if not wanted:
        why = "DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0 forbids a local build"
        cure = "start a worker, or allow local jobs"
    else:
        why = f"the {local.memory_mib} MiB of memory available here are too little for one compiler"
        cure = "free memory, or lower DISTCC_AUTO_COMPILER_MEMORY"
    return f"refusing to build: no worker is available and {why}; {cure}"


def _pause_ms(slots: int, waiting: int, threads: int) -> int:
    """How long a distcc client that found every slot taken sleeps before it looks again.

    Each look costs about 5 us per slot (a lock file each). All `waiting` clients together
    may burn 2 % of this machine's `threads`; below 20 ms nothing is gained.
    """
    look_ms = slots * _POLL_COST_MS * max(1, waiting)
    pause_ms = look_ms / (_POLL_SHARE * threads)
    return round(min(max(pause_ms, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS))

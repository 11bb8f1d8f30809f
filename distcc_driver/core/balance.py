"""Jobs per worker, their order and the totals: pure arithmetic."""

from __future__ import annotations

from .errors import NoCapacityError
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .facts import LocalCapacity, Rejection, Worker
    from .settings import Settings

_WAKE_UP_MS = 0.08
_LOCK_FILE_MS = 0.005
_POLLING_SHARE = 0.02
_SHORTEST_PAUSE_MS = 20
_LONGEST_PAUSE_MS = 60_000
_DEFAULT_CPP_SLOTS = 8

# What waits on this machine for each job on a worker. distcc has 0.5 MiB of its own; the kernel's
# part, a recipe's shell and ccache make it 1 MiB; a preprocessed C++ file is 1.4 MiB where /tmp is
# memory.
_CLIENT_MIB = 3
_CLIENT_PROCESSES = 3
_SPARE_PROCESSES = 64

# One string of an environment has at most 128 KiB on Linux (MAX_ARG_STRLEN, execve(2)). The name
# and the words about this machine take less than 128 bytes of it.
_HOSTS_BYTES = 128 * 1024 - 128


class Share(Record):
    """The `jobs` that one worker gets at once."""

    worker: Worker
    jobs: int

    @property
    def entry(self) -> str:
        """The worker in `DISTCC_HOSTS` (distcc(1), "HOST SPECIFICATIONS")."""
        endpoint = self.worker.endpoint
        address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        return f"{address}:{endpoint.job_port}/{self.jobs},lzo"


class Limit(Record):
    """Room for `jobs` at once and no more on this machine, because of `cause`; `advice` against it."""

    jobs: int
    cause: str
    advice: str


class Plan(Record):
    """What the build is to do: `make -j jobs` over `shares`, best worker first.

    `dropped` workers answered but have no memory for a job; `unlisted` ones, the worst, do not
    fit into `DISTCC_HOSTS`. `pause_ms` is how long distcc sleeps when every slot is taken.
    `limit` is there if it cuts something.
    """

    shares: list[Share]
    dropped: list[Worker]
    local_jobs: int
    saturation_jobs: int
    pause_ms: int
    unlisted: Sequence[Worker] = ()
    limit: Limit | None = None

    @property
    def remote_jobs(self) -> int:
        """Jobs that run on workers at once."""
        return sum(share.jobs for share in self.shares)

    @property
    def wanted_jobs(self) -> int:
        """The jobs of all kinds."""
        return self.remote_jobs + self.local_jobs + self.saturation_jobs

    @property
    def jobs(self) -> int:
        """The N of `-j N`. Under a limit all slots stay listed: distcc spreads what there is."""
        return self.limit.jobs if self.limit else self.wanted_jobs


class Outcome(Record):
    """A plan and what it follows from; results are in the order of the list.

    `session_path` is the directory of the tunnels that stay open for the build, "" if none does.
    """

    settings: Settings
    results: list[Worker | Rejection]
    plan: Plan
    session_path: str = ""


def balance(settings: Settings, workers: Sequence[Worker], local: LocalCapacity) -> Plan:
    """Share the build out.

    Raises `NoCapacityError` if there is neither a worker nor a local job.
    """
    offers = [Share(worker, _worker_jobs(worker, settings.compiler_memory_mib)) for worker in workers]
    ranked = sorted((offer for offer in offers if offer.jobs > 0), key=_rank)
    shares = _listed(ranked)
    wanted = settings.early_local_jobs
    if not shares:
        wanted = local.threads if settings.fallback_local_jobs is None else settings.fallback_local_jobs
    local_jobs = _fitting(wanted, local.memory_mib, settings.compiler_memory_mib)
    if not shares and not local_jobs:
        raise _refusal(wanted, local)
    saturation = local.threads if settings.saturation_jobs is None else settings.saturation_jobs
    plan = Plan(
        shares=shares,
        dropped=[offer.worker for offer in offers if offer.jobs == 0],
        local_jobs=local_jobs,
        saturation_jobs=saturation if shares else 0,
        pause_ms=_SHORTEST_PAUSE_MS,
        unlisted=[share.worker for share in ranked[len(shares) :]],
    )
    if shares:
        plan = plan._replace(limit=_limit(plan, settings, local))
    return plan._replace(pause_ms=_pause_ms(plan, local.threads))


def _listed(ranked: list[Share]) -> list[Share]:
    """The best workers, as many as fit into `DISTCC_HOSTS`."""
    length = 0
    for count, share in enumerate(ranked):
        length += len(share.entry) + 1
        if length > _HOSTS_BYTES:
            return ranked[:count]
    return ranked


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


def _refusal(wanted: int, local: LocalCapacity) -> NoCapacityError:
    if not wanted:
        why = "DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0 forbids a local build"
        cure = "start a worker, or allow local jobs"
    else:
        why = f"the {local.memory_mib} MiB of memory available here are too little for one compiler"
        cure = "free memory, or lower DISTCC_AUTO_COMPILER_MEMORY"
    return NoCapacityError("refusing to build", f"no worker is available and {why}", cure)


def _limit(plan: Plan, settings: Settings, local: LocalCapacity) -> Limit | None:
    """What this machine has no room for: each job on a worker is a client that waits here.

    One job is left in any case.
    """
    limits = []
    if local.memory_mib is not None and settings.compiler_memory_mib:
        compilers_mib = plan.local_jobs * settings.compiler_memory_mib
        # The size of a compiler is a guess, on the safe side; some room is always left.
        room_mib = max(local.memory_mib - compilers_mib, local.memory_mib // 8)
        cause = f"{room_mib} MiB of memory available here, {_CLIENT_MIB} for each job that waits for a worker"
        limits.append(Limit(max(1, plan.local_jobs + room_mib // _CLIENT_MIB), cause, "free memory here"))
    if local.processes is not None:
        jobs = (local.processes - _SPARE_PROCESSES) // _CLIENT_PROCESSES
        cause = (
            f"{local.processes} more processes allowed here (ulimit -u), "
            f"{_SPARE_PROCESSES} to spare and {_CLIENT_PROCESSES} for each job"
        )
        limits.append(Limit(max(1, jobs), cause, "raise ulimit -u"))
    return min((limit for limit in limits if limit.jobs < plan.wanted_jobs), default=None)


def _pause_ms(plan: Plan, threads: int) -> int:
    """How long a distcc client that found every slot taken sleeps before it looks again.

    distcc sleeps for a fixed time (`dcc_lock_pause` in its `src/where.c`). A look wakes a process
    up and tries a lock file for each slot. The saturation jobs look for a slot of a worker; where
    this machine cannot preprocess as fast as the workers compile, all others have one and look for
    a preprocessor's. Together they may burn 2 % of this machine's `threads`. A longer sleep costs
    little: whenever a job ends, make starts the next, which looks at once. One below 20 ms gains
    nothing.
    """
    slots = plan.remote_jobs + plan.local_jobs
    clients = min(plan.remote_jobs, plan.jobs)
    looking_ms = plan.saturation_jobs * _look_ms(slots)
    looking_ms += clients * _look_ms(plan.saturation_jobs or _DEFAULT_CPP_SLOTS)
    pause_ms = looking_ms / (_POLLING_SHARE * threads)
    return round(min(max(pause_ms, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS))


def _look_ms(slots: int) -> float:
    return _WAKE_UP_MS + _LOCK_FILE_MS * slots

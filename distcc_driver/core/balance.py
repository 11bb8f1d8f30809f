"""Computes a plan: how many jobs each worker gets, in which order, and how many jobs run in all. Pure."""

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
_LARGEST_POLLING_SHARE = 0.1
_SHORTEST_PAUSE_MS = 20
_LONG_PAUSE_MS = 1000
_DEFAULT_CPP_SLOTS = 8

# For each job on a worker, processes wait on this machine: a distcc client (0.5 MiB), the recipe's shell
# and ccache (with the kernel's share, 0.5 MiB more). If /tmp is in memory, a preprocessed C++ file adds
# 1.4 MiB.
_CLIENT_MIB = 3
_CLIENT_PROCESSES = 3
_SPARE_PROCESSES = 64

# Linux limits each string of an environment to 128 KiB (MAX_ARG_STRLEN, execve(2)). The variable's name
# and the slots of this machine take less than 128 bytes of it.
_HOSTS_BYTES = 128 * 1024 - 128


class Share(Record):
    """A worker, and how many jobs run on it at once."""

    worker: Worker
    jobs: int

    @property
    def entry(self) -> str:
        """The worker as `DISTCC_HOSTS` names it (distcc(1), "HOST SPECIFICATIONS")."""
        endpoint = self.worker.endpoint
        address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        return f"{address}:{endpoint.job_port}/{self.jobs},lzo"


class Limit(Record):
    """Room on this machine for no more than `jobs` at once; `cause` says why, `advice` what to do."""

    jobs: int
    cause: str
    advice: str


class Plan(Record):
    """What the build will do: `make -j jobs`, spread over `shares`, best worker first.

    `dropped` workers answered, but have too little memory for one job. `unlisted` workers, the worst ones,
    are left out because `DISTCC_HOSTS` is full. `pause_ms` is how long a distcc client sleeps when every
    slot is taken. `limit` is set if this machine has no room for all jobs. `local_slots` jobs that distcc
    cannot distribute, such as links, run on this machine at once.
    """

    shares: list[Share]
    dropped: list[Worker]
    local_jobs: int
    saturation_jobs: int
    pause_ms: int
    unlisted: Sequence[Worker] = ()
    limit: Limit | None = None
    local_slots: int = 1

    @property
    def remote_jobs(self) -> int:
        """The jobs that run on workers at once."""
        return sum(share.jobs for share in self.shares)

    @property
    def wanted_jobs(self) -> int:
        """All jobs before a limit lowers their number: remote, local and preprocessing."""
        return self.remote_jobs + self.local_jobs + self.saturation_jobs

    @property
    def jobs(self) -> int:
        """The N of `-j N`. A limit lowers it, but leaves all slots in `DISTCC_HOSTS`."""
        return self.limit.jobs if self.limit else self.wanted_jobs


class Outcome(Record):
    """A plan, with the settings and results that it was made from. Results are in the order of the host list.

    `session_path` is the session directory of the tunnels that stay open for the build, "" without tunnels.
    """

    settings: Settings
    results: list[Worker | Rejection]
    plan: Plan
    session_path: str = ""


def balance(settings: Settings, workers: Sequence[Worker], local: LocalCapacity) -> Plan:
    """Compute the plan of a build.

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
        local_slots=_local_slots(local_jobs, settings, local),
    )
    if shares:
        plan = plan._replace(limit=_limit(plan, settings, local))
    return plan._replace(pause_ms=_pause_ms(plan, local.threads))


def usable(settings: Settings, workers: Sequence[Worker]) -> list[Worker]:
    """The workers that would get jobs."""
    return [worker for worker in workers if _worker_jobs(worker, settings.compiler_memory_mib)]


def _local_slots(local_jobs: int, settings: Settings, local: LocalCapacity) -> int:
    """How many jobs that are not distributed run at once: one for each thread, if they fit into memory.

    distcc's own number is 4, on any machine. distcc's preprocessors take the same lock files as these jobs,
    so that both together use at most the larger number of slots (`src/lock.c`).
    """
    return max(1, local_jobs, _fitting(local.threads, local.memory_mib, settings.compiler_memory_mib))


def _listed(ranked: list[Share]) -> list[Share]:
    """The best workers, as many as `DISTCC_HOSTS` can hold."""
    length = 0
    for count, share in enumerate(ranked):
        length += len(share.entry) + 1
        if length > _HOSTS_BYTES:
            return ranked[:count]
    return ranked


def _worker_jobs(worker: Worker, compiler_memory_mib: int) -> int:
    return _fitting(worker.stats.slots, worker.stats.free_memory_mib, compiler_memory_mib)


def _fitting(jobs: int, memory_mib: int | None, compiler_memory_mib: int) -> int:
    """How many of `jobs` compilers fit into the memory; all if it is unknown, or if one needs 0 MiB."""
    if memory_mib is None or not compiler_memory_mib:
        return jobs
    return min(jobs, memory_mib // compiler_memory_mib)


def _rank(share: Share) -> tuple[float, ...]:
    """Sort key, best worker first: most jobs, lowest load, most memory. Unknown values come last."""
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
    """The tightest limit of this machine, None if all jobs fit. A limit leaves at least one job.

    Each job on a worker needs room on this machine, too, for the client that waits for it.
    """
    limits = []
    if local.memory_mib is not None and settings.compiler_memory_mib:
        compilers_mib = plan.local_jobs * settings.compiler_memory_mib
        # The size of a compiler is estimated too high, so that an eighth of the memory counts in any case.
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
    """How long a distcc client sleeps when it found every slot taken, before it looks again.

    distcc always sleeps for the same time (`dcc_lock_pause` in its `src/where.c`). Two kinds of clients look:
    those of the saturation jobs look for a slot of a worker. The other clients have such a slot; if this
    machine preprocesses more slowly than the workers compile, they look for a preprocessor slot.
    All looks together may take 2 % of this machine's `threads`. A sleep below 20 ms gains nothing. A
    sleep of 1 s costs little: when a job ends, make starts the next one, which looks at once. But links
    and other jobs that stay here sleep as long. So a sleep lasts more than 1 s only if looking would
    otherwise take over 10 %.
    """
    slots = plan.remote_jobs + plan.local_jobs
    clients = min(plan.remote_jobs, plan.jobs)
    looking_ms = plan.saturation_jobs * _look_ms(slots)
    looking_ms += clients * _look_ms(plan.saturation_jobs or _DEFAULT_CPP_SLOTS)
    pause_ms = max(looking_ms / (_POLLING_SHARE * threads), _SHORTEST_PAUSE_MS)
    if pause_ms > _LONG_PAUSE_MS:
        pause_ms = max(looking_ms / (_LARGEST_POLLING_SHARE * threads), _LONG_PAUSE_MS)
    return round(pause_ms)


def _look_ms(slots: int) -> float:
    """The processor time of one look: a process wakes up, and tries the lock file of each slot."""
    return _WAKE_UP_MS + _LOCK_FILE_MS * slots

"""What a build finds out on the way to a plan: about its hosts, and about this machine."""

from __future__ import annotations

from .hostspec import SshHost, TcpHost
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .stats import WorkerStats


class Endpoint(Record):
    """Where a host's two ports are reached from here: itself, or a tunnel's loopback end."""

    host: TcpHost | SshHost
    address: str
    job_port: int
    stats_port: int


class Worker(Record):
    """A host that answers on both ports, as distcc will find it.

    `endpoint` has what distcc is to connect to, a name only if that leads to the numeric `address` that
    answered; `answer_s` are the seconds from the question to all of the answer.
    """

    endpoint: Endpoint
    stats: WorkerStats
    address: str
    answer_s: float | None = None


class Rejection(Record):
    """A host that the build does without: what failed, and what to check.

    Nothing failed if `same_as` is not empty: the build has that worker already, by this other entry.
    """

    host: TcpHost | SshHost
    cause: str
    advice: str
    same_as: str = ""


class LocalCapacity(Record):
    """`threads` that may run at once, at least 1; available memory in MiB, None if unknown.

    `processes` that this user may start beside those there are; None if nothing limits them.
    """

    threads: int
    memory_mib: int | None
    processes: int | None = None

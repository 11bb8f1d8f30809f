"""The facts that a plan is computed from: about the hosts, and about this machine."""

from __future__ import annotations

from .hostspec import SshHost, TcpHost
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .stats import WorkerStats


class Endpoint(Record):
    """Where this machine reaches the two ports of a host: at the host, or at the end of a tunnel here."""

    host: TcpHost | SshHost
    address: str
    job_port: int
    stats_port: int

    @classmethod
    def direct(cls, host: TcpHost) -> Endpoint:
        """The endpoint of a host that needs no tunnel."""
        return cls(host, host.address, host.job_port, host.stats_port)


class Worker(Record):
    """A host that answered on both ports.

    distcc will connect to the address of `endpoint`; that is a name only if the name leads to the numeric
    `address` that answered. `answer_s` is the time in seconds from the question to the whole answer.
    """

    endpoint: Endpoint
    stats: WorkerStats
    address: str
    answer_s: float | None = None


class Failure:
    """The kinds of `Rejection` that need different treatment. People read its `cause`."""

    REFUSED = "refused"  # the stats port refused the connection
    NO_REPLY = "no-reply"  # the stats port sent no whole reply in time, or closed without a reply
    QUESTION = "question"  # ssh has a question that only a person can answer
    OTHER = "other"


class Rejection(Record):
    """A host that the build does without: what failed, and what to check.

    `kind` is one of `Failure`. `short_cause` is the cause without port numbers and times, so that hosts that
    failed alike can share a line; it is "" if `cause` has no such numbers.
    If `same_as` is not empty, nothing failed: that other entry of the host list leads to the same worker.
    """

    host: TcpHost | SshHost
    cause: str
    advice: str
    kind: str = Failure.OTHER
    short_cause: str = ""
    same_as: str = ""


def split_results(results: Iterable[Worker | Rejection]) -> tuple[list[Worker], list[Rejection]]:
    """The workers and the rejections, both in the order of `results`."""
    workers, rejections = [], []
    for result in results:
        if isinstance(result, Worker):
            workers.append(result)
        else:
            rejections.append(result)
    return workers, rejections


class LocalCapacity(Record):
    """What this machine has room for.

    `threads` run at once, at least 1. `memory_mib` is the available memory, None if it is unknown.
    `processes` is how many more processes this user may start, None if there is no limit.
    """

    threads: int
    memory_mib: int | None
    processes: int | None = None

"""Selects the workers of a build: each one once, and only those with room for files. Pure."""

from __future__ import annotations

from .facts import Rejection, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .hostspec import SshHost, TcpHost

# The files of a job: a preprocessed C++ file that includes <iostream> and its object file need more than
# 1 MiB and less than 2. distccd does not check for room; without it, every job fails.
LEAST_ROOM_MIB = 2
_MAPPED = "::ffff:"


def select(
    hosts: Sequence[TcpHost | SshHost], results: Sequence[Worker | Rejection]
) -> list[Worker | Rejection]:
    """The results in the order of `hosts`, with a `Rejection` in place of each worker that is left out.

    Of two entries for the same worker, the first one stays.
    """
    place = {host: index for index, host in enumerate(hosts)}
    in_order = sorted(results, key=lambda result: place[_host(result)])
    taken: dict[tuple[str, int], Worker] = {}
    return [result if isinstance(result, Rejection) else _judge(result, taken) for result in in_order]


def _host(result: Worker | Rejection) -> TcpHost | SshHost:
    return result.host if isinstance(result, Rejection) else result.endpoint.host


def _judge(worker: Worker, taken: dict[tuple[str, int], Worker]) -> Worker | Rejection:
    """Add the worker to those that are `taken` and return it, or return why it is left out."""
    host = worker.endpoint.host
    room_mib = worker.stats.free_space_mib
    if room_mib is not None and room_mib < LEAST_ROOM_MIB:
        cause = f"no room for jobs, {room_mib} MiB free in the temporary directory of distccd"
        return Rejection(host, cause, "free some there (TMPDIR of that distccd, else /tmp)")
    key = _address_and_port(worker)
    same = taken.get(key) or next(
        (other for other in taken.values() if _are_same_daemon(worker, other)), None
    )
    if same is not None:
        text = same.endpoint.host.text
        cause = f"the same worker as {text}, which counts once"
        return Rejection(host, cause, "name it once", same_as=text)
    taken[key] = worker
    return worker


def _are_same_daemon(worker: Worker, other: Worker) -> bool:
    """Whether an IPv4 and an IPv6 address lead to the same distccd.

    Then both answers have the same counters and the same time of the longest job. Before their first jobs,
    all daemons look alike, so a daemon without a job counts as two workers.
    """
    (address, port), (other_address, other_port) = _address_and_port(worker), _address_and_port(other)
    stats, other_stats = worker.stats, other.stats
    return (
        port == other_port
        and (":" in address) != (":" in other_address)
        and (stats.slots, stats.counters) == (other_stats.slots, other_stats.counters)
        and stats.longest_job_ms == other_stats.longest_job_ms
        and bool(stats.longest_job_ms)
    )


def _address_and_port(worker: Worker) -> tuple[str, int]:
    """Address and job port. An IPv4 address in its IPv6 form (::ffff:10.0.0.1) is returned as IPv4."""
    address = worker.address
    if address.startswith(_MAPPED) and "." in address:
        address = address.removeprefix(_MAPPED)
    return address, worker.endpoint.job_port

"""Which of the workers that answered take part in a build: each once, and those with room. Pure."""

from __future__ import annotations

from .facts import Rejection, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .hostspec import SshHost, TcpHost

# A C++ file that includes <iostream>, preprocessed, with what the compiler makes of it, fits into 2 MiB,
# and not into 1. distccd itself never looks: the job fails.
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
    """`taken` are the workers so far, by address and job port."""
    host = worker.endpoint.host
    room_mib = worker.stats.free_space_mib
    if room_mib is not None and room_mib < LEAST_ROOM_MIB:
        cause = f"no room for jobs, {room_mib} MiB free in the temporary directory of distccd"
        return Rejection(host, cause, "free some there (TMPDIR of that distccd, else /tmp)")
    place = _place(worker)
    same = taken.get(place) or next((other for other in taken.values() if _are_twins(worker, other)), None)
    if same is not None:
        text = same.endpoint.host.text
        cause = f"the same worker as {text}, which counts once"
        return Rejection(host, cause, "name it once", same_as=text)
    taken[place] = worker
    return worker


def _are_twins(worker: Worker, other: Worker) -> bool:
    """Whether an IPv4 and an IPv6 address lead to the same distccd.

    Its counters say so, and the time of its longest job. A daemon that has done no job yet is told from no
    other one: it counts as two.
    """
    (address, port), (other_address, other_port) = _place(worker), _place(other)
    stats, other_stats = worker.stats, other.stats
    return (
        port == other_port
        and (":" in address) != (":" in other_address)
        and (stats.slots, stats.counters) == (other_stats.slots, other_stats.counters)
        and stats.longest_job_ms == other_stats.longest_job_ms
        and bool(stats.longest_job_ms)
    )


def _place(worker: Worker) -> tuple[str, int]:
    """Address and job port, by which distcc reaches it; IPv6 has a second form of an IPv4 address."""
    address = worker.address
    if address.startswith(_MAPPED) and "." in address:
        address = address.removeprefix(_MAPPED)
    return address, worker.endpoint.job_port

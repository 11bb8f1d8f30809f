"""Which of the workers that answered take part in a build: each once, and those with room. Pure."""

from __future__ import annotations

from .endpoint import Rejection
from .probe import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .hostspec import SshHost, TcpHost

# A C++ file that includes <iostream>, preprocessed, with what the compiler makes of it, fits into 2 MiB,
# and not into 1. distccd itself never looks: the job fails.
_LEAST_ROOM_MIB = 2
_MAPPED = "::ffff:"


def select(
    hosts: Sequence[TcpHost | SshHost], results: Sequence[Worker | Rejection]
) -> list[Worker | Rejection]:
    """The results in the order of `hosts`, with a `Rejection` in place of each worker that is left out.

    Of two entries for the same worker, the first one stays.
    """
    place = {host: index for index, host in enumerate(hosts)}
    in_order = sorted(results, key=lambda result: place[_host(result)])
    texts: dict[tuple[str, int], str] = {}
    return [result if isinstance(result, Rejection) else _judge(result, texts) for result in in_order]


def _host(result: Worker | Rejection) -> TcpHost | SshHost:
    return result.host if isinstance(result, Rejection) else result.endpoint.host


def _judge(worker: Worker, texts: dict[tuple[str, int], str]) -> Worker | Rejection:
    """`texts` are the entries so far, by address and job port."""
    host = worker.endpoint.host
    room_mib = worker.stats.free_space_mib
    if room_mib is not None and room_mib < _LEAST_ROOM_MIB:
        cause = f"no room for jobs, {room_mib} MiB free in the temporary directory of distccd"
        return Rejection(host, cause, "free some there (TMPDIR of that distccd, else /tmp)")
    text = texts.setdefault(_place(worker), host.text)
    if text != host.text:
        return Rejection(host, f"the same worker as {text}, which counts once", "name it once", text)
    return worker


def _place(worker: Worker) -> tuple[str, int]:
    """Address and job port, by which distcc reaches it; IPv6 has a second form of an IPv4 address."""
    address = worker.address
    if address.startswith(_MAPPED) and "." in address:
        address = address.removeprefix(_MAPPED)
    return address, worker.endpoint.job_port

"""Asking all workers at once: `Endpoint` to `Worker` or `Rejection`.

Each host is a generator that yields what it waits for, run with the others by `schedule`.
`_socket` rather than `socket`, whose import takes as long as starting an interpreter.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import time

from .capacity import raise_descriptor_limit
from .endpoint import Endpoint, Rejection
from .errors import StatsError
from .record import Record
from .resolve import Address, Resolver
from .schedule import Wait, run_all
from .stats import WorkerStats, is_whole, parse_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    Task = Generator["Wait", bool | None, "Worker | Rejection"]

_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_MAX_REPLY = 64 * 1024
_DESCRIPTORS_PER_HOST = 2
_SPARE_DESCRIPTORS = 16


class Worker(Record):
    """A host that answers on both ports; `answer_s` seconds from the question to all of the answer."""

    endpoint: Endpoint
    stats: WorkerStats
    answer_s: float | None = None


def ask_all(
    endpoints: Sequence[Endpoint], connect_timeout_s: float, answered: Callable[[], None] | None = None
) -> list[Worker | Rejection]:
    """Ask every endpoint once; results come in the order of `endpoints`.

    A host has `connect_timeout_s` seconds to accept a connection and twice that in all, name
    resolution included. Nothing that a host does raises. `answered` is called as each is done.
    """
    resolver = Resolver()
    try:
        conversations = [_ask(endpoint, connect_timeout_s, resolver, answered) for endpoint in endpoints]
        return run_all(conversations, resolver, _descriptor_limit(len(endpoints)) // _DESCRIPTORS_PER_HOST)
    finally:
        resolver.close()


def ask_stats(endpoints: Sequence[Endpoint], timeout_s: float) -> list[Worker | Rejection]:
    """Ask the stats ports alone; results come in the order of `endpoints`.

    All of it, for all of them, takes at most `timeout_s` seconds. Nothing that a host does raises.
    """
    resolver = Resolver()
    deadline = time.monotonic() + timeout_s
    try:
        conversations = [_ask_stats(endpoint, timeout_s, resolver, deadline) for endpoint in endpoints]
        return run_all(conversations, resolver, _descriptor_limit(len(endpoints)) // _DESCRIPTORS_PER_HOST)
    finally:
        resolver.close()


class _RefusedError(Exception):
    """Ends the conversation with a host: (cause, advice)."""


def _ask(
    endpoint: Endpoint, timeout_s: float, resolver: Resolver, answered: Callable[[], None] | None
) -> Task:
    """The whole conversation with one host."""
    started = time.monotonic()
    last_deadline = started + 2 * timeout_s
    try:
        addresses = yield from _resolve(endpoint.address, timeout_s, resolver, started + timeout_s)
        connect_deadline = min(time.monotonic() + timeout_s, last_deadline)
        ports = (endpoint.job_port, endpoint.stats_port)
        stats = yield from _converse(endpoint, ports, addresses, timeout_s, connect_deadline, last_deadline)
    except _RefusedError as refused:
        return Rejection(endpoint.host, *refused.args)
    finally:
        if answered:
            answered()
    return Worker(endpoint, stats, time.monotonic() - started)


def _ask_stats(endpoint: Endpoint, timeout_s: float, resolver: Resolver, deadline: float) -> Task:
    """The conversation with the stats port of one host."""
    started = time.monotonic()
    try:
        addresses = yield from _resolve(endpoint.address, timeout_s, resolver, deadline)
        ports = (endpoint.stats_port,)
        stats = yield from _converse(endpoint, ports, addresses, timeout_s, deadline, deadline)
    except _RefusedError as refused:
        return Rejection(endpoint.host, *refused.args)
    return Worker(endpoint, stats, time.monotonic() - started)


def _resolve(
    name: str, timeout_s: float, resolver: Resolver, deadline: float
) -> Generator[Wait, bool | None, list[Address]]:
    if not resolver.ask(name) and not (yield Wait(deadline, name=name)):
        raise _RefusedError(f"name not resolved, timed out after {timeout_s:g} s", "check DNS")
    answer = resolver.answers[name]
    if isinstance(answer, str):
        raise _RefusedError(answer, "check the spelling, DNS and /etc/hosts")
    return answer


def _converse(
    endpoint: Endpoint,
    ports: Sequence[int],
    addresses: list[Address],
    timeout_s: float,
    connect_deadline: float,
    last_deadline: float,
) -> Generator[Wait, bool | None, WorkerStats]:
    """Talk to the first address that takes a connection on the stats port, the last of `ports`.

    Both ports connect at the same time, the job port a moment earlier: behind a forwarder that
    accepts everything (ssh, docker) its refusal is known before the stats reply is complete.
    What is left of the time is shared among the addresses that are left, so that one that
    swallows packets does not hide the next.
    """
    failure = 0
    for index, address in enumerate(addresses):
        now = time.monotonic()
        deadline = now + (connect_deadline - now) / (len(addresses) - index)
        opened: list[_Connection] = []
        try:
            for port in ports:
                opened.append(_Connection(address, port))
            *jobs, stats = opened
            failure = yield from stats.established(deadline)
            if failure:
                continue
            for job in jobs:
                yield from job.established(deadline)
            reply = yield from _read_reply(stats, endpoint, timeout_s, last_deadline)
            found = _parse(reply, endpoint)
            for job in jobs:
                _check_job_port(job, endpoint, timeout_s)
            return found
        except OSError as error:
            failure = error.errno or errno.EINVAL
        finally:
            for connection in opened:
                connection.close()
    raise _connect_refusal("stats", endpoint.host.stats_port, failure, timeout_s)


class _Connection:
    """A TCP connection that is being made, or has failed with `failure` (an errno).

    Raises `OSError` where not even a socket is to be had (too many open files, no IPv6 here).
    """

    def __init__(self, address: Address, port: int) -> None:
        self.socket = _socket.socket(address.family, _socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.failure = self.socket.connect_ex(address.with_port(port))

    def established(self, deadline: float) -> Generator[Wait, bool | None, int]:
        """Wait until it is made; returns 0, or the errno with which it failed."""
        if self.failure in (errno.EINPROGRESS, errno.EINTR):
            if (yield Wait(deadline, self.socket.fileno(), select.POLLOUT)):
                self.failure = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
                if self.failure == errno.ECONNRESET:
                    self.failure = 0  # it was made, and what came before the reset can be read
            else:
                self.failure = errno.ETIMEDOUT
        return self.failure

    def receive(self, most: int) -> bytes | None:
        """What has arrived, `most` bytes of it: b"" at its end or after a reset, None if nothing has yet."""
        try:
            return self.socket.recv(most)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        self.socket.close()


def _read_reply(
    stats: _Connection, endpoint: Endpoint, timeout_s: float, deadline: float
) -> Generator[Wait, bool | None, bytes]:
    """All of the reply, up to its closing tag, the end of the stream, or 64 KiB."""
    reply = b""
    try:
        stats.socket.send(_REQUEST)
    except OSError:
        pass  # distccd may have answered and closed already; what it said can still be read
    while not is_whole(reply):
        if not (yield Wait(deadline, stats.socket.fileno(), select.POLLIN)):
            raise _RefusedError(
                f"stats port {endpoint.host.stats_port} timed out after {2 * timeout_s:g} s, no whole reply",
                "is it the stats port of a distccd?",
            )
        data = stats.receive(_MAX_REPLY - len(reply))
        if data == b"":
            break
        reply += data or b""
        if len(reply) == _MAX_REPLY and not is_whole(reply):
            raise _RefusedError(
                f"stats port {endpoint.host.stats_port} sends without end, not a distccd stats page",
                "check the port",
            )
    return reply


def _parse(reply: bytes, endpoint: Endpoint) -> WorkerStats:
    if not reply:
        raise _RefusedError(
            f"stats port {endpoint.host.stats_port} closed without a reply",
            "not allowed for this client? (distccd --allow)",
        )
    try:
        return parse_stats(reply)
    except StatsError as error:
        raise _RefusedError(
            f"stats port {endpoint.host.stats_port}: {error}", "is it the stats port of a distccd?"
        ) from None


def _check_job_port(job: _Connection, endpoint: Endpoint, timeout_s: float) -> None:
    """A distccd is silent until it gets a job: whatever comes before is a refusal."""
    if job.failure:
        raise _connect_refusal("job", endpoint.host.job_port, job.failure, timeout_s)
    said = job.receive(1)
    if said:
        raise _RefusedError(
            f"job port {endpoint.host.job_port} speaks before it is asked, which no distccd does",
            "is it the job port of a distccd?",
        )
    if said is not None:
        raise _RefusedError(
            f"job port {endpoint.host.job_port} closes connections at once",
            "is distccd listening on it, and this client allowed (distccd --allow)?",
        )


_REFUSALS = {
    errno.ECONNREFUSED: ("refused the connection", "is distccd running there with --stats?"),
    errno.ETIMEDOUT: (
        "timed out after {timeout_s:g} s",
        "is the machine up, and does a firewall drop the port?",
    ),
    errno.EHOSTUNREACH: ("cannot be reached, no route to host", "is the machine up, and the network right?"),
    errno.ENETUNREACH: ("cannot be reached, no route to its network", "is this machine's network up?"),
    errno.EMFILE: ("not asked, too many open files", "raise ulimit -n"),
}


def _connect_refusal(which: str, port: int, failure: int, timeout_s: float) -> _RefusedError:
    cause, advice = _REFUSALS.get(failure, (f"failed: {os.strerror(failure)}", "check the host and the port"))
    if which == "job":
        advice = "its stats port answers: is this the job port of the same distccd, and open to this machine?"
    return _RefusedError(f"{which} port {port} {cause.format(timeout_s=timeout_s)}", advice)


def _descriptor_limit(hosts: int) -> int:
    """How many descriptors the connections may use; the soft limit is raised where it may be."""
    needed = hosts * _DESCRIPTORS_PER_HOST + _SPARE_DESCRIPTORS
    return max(_DESCRIPTORS_PER_HOST, raise_descriptor_limit(needed) - _SPARE_DESCRIPTORS)

"""Asks all workers at once: `Endpoint` to `Worker` or `Rejection`.

The conversation with each host is a generator; `poll` runs all of them. Here and in the other modules of this
folder, `_socket` replaces `socket`: importing `socket` takes as long as starting an interpreter.
"""

from __future__ import annotations

import errno
import select
import time

from ..core.errors import StatsError
from ..core.facts import Endpoint, Failure, Rejection, Worker
from ..core.stats import WorkerStats, is_whole, parse_stats
from ..machine.capacity import raise_descriptor_limit
from .connection import DESCRIPTORS, Connection
from .deadlines import Clock, earlier, fixed, part
from .poll import Wait, run_all
from .refusals import (
    HEARD,
    ONE_PORT,
    Refusal,
    RefusedError,
    not_connected,
    refusal,
    stats_error,
    without_stats,
)
from .resolve import Address, Resolver
from .timelimit import TimeLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .deadlines import Deadline

    Task = Generator["Wait", bool | None, "Worker | Rejection"]

_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_MAX_REPLY_BYTES = 64 * 1024
_DESCRIPTORS_PER_HOST = 2 * DESCRIPTORS
_SPARE_DESCRIPTORS = 16
_JOB_ADVICE = "its stats port answers: is this the job port of the same distccd, and open to this machine?"
_STATS_ADVICE = "is it the stats port of a distccd?"
_LINGER_S = 0.2


def ask_all(
    endpoints: Sequence[Endpoint], time_limit: TimeLimit, answered: Callable[[], None] | None = None
) -> list[Worker | Rejection]:
    """Ask both ports of every endpoint once; results come in the order of `endpoints`.

    A host has the time of `time_limit` to accept a connection and twice that in all, including the resolution
    of its name. No host can make this raise an error. `answered` is called when a host is done.
    """

    def ask(endpoint: Endpoint, resolver: Resolver) -> Task:
        try:
            return (yield from _ask(endpoint, (endpoint.job_port, endpoint.stats_port), resolver, time_limit))
        finally:
            if answered:
                answered()

    return _run(endpoints, ask, time_limit)


def ask_stats(
    endpoints: Sequence[Endpoint],
    timeout_s: float,
    answered: Callable[[Endpoint, Worker | Rejection], None] | None = None,
) -> list[Worker | Rejection]:
    """Ask the stats port of every endpoint once; results come in the order of `endpoints`.

    All hosts together have `timeout_s` seconds. No host can make this raise an error. `answered` is called
    when a host is done.
    """
    time_limit = TimeLimit(timeout_s)
    end = time.monotonic() + timeout_s

    def ask(endpoint: Endpoint, resolver: Resolver) -> Task:
        result = yield from _ask(endpoint, (endpoint.stats_port,), resolver, time_limit, end)
        if answered:
            answered(endpoint, result)
        return result

    return _run(endpoints, ask, time_limit)


def _run(
    endpoints: Sequence[Endpoint], ask: Callable[[Endpoint, Resolver], Task], time_limit: TimeLimit
) -> list[Worker | Rejection]:
    """Have the conversations with all endpoints, as many at once as there are descriptors."""
    resolver = Resolver()
    try:
        conversations = [ask(endpoint, resolver) for endpoint in endpoints]
        at_once = _descriptor_limit(len(endpoints)) // _DESCRIPTORS_PER_HOST
        return run_all(conversations, resolver, time_limit, at_once)
    finally:
        resolver.close()


def _ask(
    endpoint: Endpoint,
    ports: Sequence[int],
    resolver: Resolver,
    time_limit: TimeLimit,
    end: float = float("inf"),
) -> Task:
    """The conversation with one host, which lasts until `end` at most."""
    clock = Clock(time_limit, end)
    try:
        addresses = yield from _resolve(endpoint.address, resolver, clock)
        return (yield from _converse(endpoint, ports, addresses, clock))
    except RefusedError as refused:
        return Rejection(endpoint.host, *refused.words)


def _resolve(name: str, resolver: Resolver, clock: Clock) -> Generator[Wait, bool | None, list[Address]]:
    if not resolver.ask(name) and not (yield Wait(clock.connect_by, name=name)):
        words = refusal(errno.ETIMEDOUT, clock.time_limit)
        cause = f"name not resolved, {words.cause}"
        raise RefusedError(f"{cause}{words.after}", "check DNS", short_cause=cause)
    answer = resolver.answers[name]
    if isinstance(answer, str):
        raise RefusedError(answer, "check the spelling, DNS and /etc/hosts")
    return answer


def _converse(
    endpoint: Endpoint, ports: Sequence[int], addresses: list[Address], clock: Clock
) -> Generator[Wait, bool | None, Worker]:
    """Talk to the addresses of a host until one proves good.

    distcc takes the first address of a name. If another one proves good, distcc is given that address.

    The time that is left is divided among the addresses that are left. So an address that drops packets or
    stays silent leaves time for the next.
    """
    refusals: list[RefusedError] = []
    spent_s = 0.0
    for index, address in enumerate(addresses):
        now = time.monotonic()
        left = len(addresses) - index
        connect_by = part(clock.later_connect_by(spent_s), left)
        opened: list[Connection] = []
        try:
            yield from _connect(endpoint, ports, address, opened, clock.time_limit, connect_by)
            stats = yield from _read_stats(endpoint, opened, clock.time_limit, part(clock.answer_by, left))
            proved = endpoint._replace(address=address.host) if index else endpoint
            answer_s = time.monotonic() - clock.started
            clock.time_limit.note_answer(answer_s)
            yield from _check_job_port_again(endpoint, opened, clock.time_limit)
            return Worker(proved, stats, address.host, answer_s)
        except RefusedError as refused:
            refusals.append(refused)
            if refused.weight == HEARD:  # talking to this address shall not shorten the time of the others
                spent_s += time.monotonic() - now
        finally:
            for connection in opened:
                connection.close()
    raise max(refusals, key=lambda refused: refused.weight)


def _connect(
    endpoint: Endpoint,
    ports: Sequence[int],
    address: Address,
    opened: list[Connection],
    time_limit: TimeLimit,
    deadline: Deadline,
) -> Generator[Wait, bool | None, None]:
    """Connect to all `ports` at the same time; `opened` gets the connections. The stats port is the last.

    The job port is connected a moment before the stats port. A forwarder (ssh, docker) accepts every
    connection and closes it when the port behind it refuses. So a refused job port is known before the reply
    of the stats port is complete.
    """
    try:
        for port in ports:
            opened.append(Connection(address, port))
    except OSError as error:
        failure = error.errno or errno.EINVAL
        raise not_connected(endpoint, refusal(failure, time_limit), failure) from None
    *jobs, stats = opened
    if (yield from stats.established(deadline)):
        for job in jobs if stats.failure == errno.ECONNREFUSED else ():
            # The job port was connected first: its answer is there, or comes in a moment.
            yield from job.established(earlier(deadline, fixed(time.monotonic() + _LINGER_S)))
            if not job.failure and job.receive(1) is None:
                raise RefusedError(*without_stats(endpoint.host.job_port, endpoint.host.stats_port), ONE_PORT)
        words = stats.firewall_refusal() or refusal(stats.failure, time_limit)
        raise not_connected(endpoint, words, stats.failure)
    for job in jobs:
        yield from job.established(deadline)


def _read_stats(
    endpoint: Endpoint, opened: list[Connection], time_limit: TimeLimit, deadline: Deadline
) -> Generator[Wait, bool | None, WorkerStats]:
    """Read the stats, and check that the job port is silent, as the job port of a distccd is."""
    *jobs, stats = opened
    found = _parse((yield from _read_reply(stats, endpoint, time_limit, deadline)), endpoint)
    for job in jobs:
        _check_job_port(job, endpoint, time_limit)
    return found


def _read_reply(
    stats: Connection, endpoint: Endpoint, time_limit: TimeLimit, deadline: Deadline
) -> Generator[Wait, bool | None, bytes]:
    """Read the reply up to its closing tag, the end of the stream, or 64 KiB."""
    reply = b""
    try:
        stats.socket.send(_REQUEST)
    except OSError:
        pass  # distccd may have answered and closed already; its answer can still be read
    while not is_whole(reply):
        if not (yield Wait(deadline, (stats.socket.fileno(),), select.POLLIN)):
            raise stats_error(
                endpoint,
                Refusal("timed out", _STATS_ADVICE, f" after {2 * time_limit.limit_s:.3g} s, no whole reply"),
                kind=Failure.NO_REPLY,
            )
        data = stats.receive(_MAX_REPLY_BYTES - len(reply))
        if data == b"":
            break
        reply += data or b""
        if len(reply) == _MAX_REPLY_BYTES and not is_whole(reply):
            raise stats_error(
                endpoint, Refusal("sends without end, not a distccd stats page", "check the port")
            )
    return reply


def _parse(reply: bytes, endpoint: Endpoint) -> WorkerStats:
    if not reply:
        words = Refusal("closed without a reply", "not allowed for this client? (distccd --allow)")
        raise stats_error(endpoint, words, kind=Failure.NO_REPLY)
    try:
        return parse_stats(reply)
    except StatsError as error:
        cause = f"stats port {endpoint.host.stats_port}: {error}"
        raise RefusedError(cause, _STATS_ADVICE, short_cause=str(error)) from None


def _check_job_port_again(
    endpoint: Endpoint, opened: list[Connection], time_limit: TimeLimit
) -> Generator[Wait, bool | None, None]:
    """Check the job port again when all hosts have answered: a proxy closes it later if no distccd is there.

    It waits only while other hosts are asked, and briefly: the connection occupies a process of distccd.
    """
    *jobs, _ = opened
    if jobs:
        yield Wait(fixed(time.monotonic() + _LINGER_S))
    for job in jobs:
        _check_job_port(job, endpoint, time_limit)


def _check_job_port(job: Connection, endpoint: Endpoint, time_limit: TimeLimit) -> None:
    """A distccd is silent until it gets a job: any answer before that is a refusal."""
    if job.failure:
        words = job.firewall_refusal() or refusal(job.failure, time_limit)._replace(advice=_JOB_ADVICE)
        raise RefusedError(f"job port {endpoint.host.job_port} {words.cause}{words.after}", words.advice)
    said = job.receive(1)
    if said:
        raise RefusedError(
            f"job port {endpoint.host.job_port} speaks before it is asked, which no distccd does",
            "is it the job port of a distccd?",
        )
    if said is not None:
        raise RefusedError(
            f"job port {endpoint.host.job_port} closes connections at once",
            "is distccd listening on it, and this client allowed (distccd --allow)?",
        )


def _descriptor_limit(hosts: int) -> int:
    """How many descriptors the connections may use, after raising the soft limit as far as needed."""
    needed = hosts * _DESCRIPTORS_PER_HOST + _SPARE_DESCRIPTORS
    return max(_DESCRIPTORS_PER_HOST, raise_descriptor_limit(needed) - _SPARE_DESCRIPTORS)

"""Refusals: why a host cannot be used, what to check, and which of several refusals tells most."""

from __future__ import annotations

import errno
import os

from ..core.facts import Failure
from ..core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.facts import Endpoint
    from .timelimit import TimeLimit

# Cause and advice.
_REFUSALS = {
    errno.ECONNREFUSED: ("refused the connection", "is distccd running there with --stats?"),
    errno.EHOSTUNREACH: (
        "cannot be reached, no route to host",
        "does a firewall reject it, is the machine up, and the network right?",
    ),
    errno.ENETUNREACH: ("cannot be reached, no route to its network", "is this machine's network up?"),
    errno.EACCES: ("cannot be reached, it is prohibited", "does a firewall or a route reject it?"),
    errno.EMFILE: ("not asked, too many open files", "raise ulimit -n"),
}


# The weights of `RefusedError`, and its kinds, by errno.
HEARD = 3
ONE_PORT = 2
_KINDS = {errno.ECONNREFUSED: Failure.REFUSED, errno.ETIMEDOUT: Failure.NO_REPLY}
_WEIGHTS = {errno.ECONNREFUSED: 1, errno.ENETUNREACH: -1, errno.EAFNOSUPPORT: -1}


class Refusal(Record):
    """Why a port took no connection, and what to check; `after` is the time waited, such as " after 2 s"."""

    cause: str
    advice: str
    after: str = ""


def refusal(failure: int, time_limit: TimeLimit) -> Refusal:
    """Cause and advice for an errno of connect(2) or socket(2)."""
    if failure == errno.ETIMEDOUT:
        return _timeout(time_limit)
    return Refusal(
        *_REFUSALS.get(failure, (f"failed: {os.strerror(failure)}", "check the host and the port"))
    )


def _timeout(time_limit: TimeLimit) -> Refusal:
    """Cause and advice for a host that was silent until its time was over."""
    if time_limit.slowest_s is None or not time_limit.is_shortened:
        advice = "is the machine up, and does a firewall drop the port?"
        return Refusal("timed out", advice, f" after {time_limit.limit_s:g} s")
    took_ms = max(1, round(time_limit.slowest_s * 1000))
    return Refusal(
        "gave no answer",
        "is the machine up? set DISTCC_AUTO_CONNECT_TIMEOUT to wait longer",
        f" within {time_limit.limit_s:.2g} s (others took {took_ms} ms)",
    )


def without_stats(job_port: int, stats_port: int) -> tuple[str, str]:
    """Cause and advice for a machine that takes connections at its job port only."""
    cause = f"job port {job_port} answers and stats port {stats_port} refuses"
    return f"{cause}: distccd runs there without --stats or with another stats port", "see docs/workers.md"


class RefusedError(Exception):
    """Ends the conversation with one address of a host; `words` are the rest of its `Rejection`.

    If all addresses of a host fail, the one with the greatest `weight` is reported. Below 0: nothing could be
    sent. 0: nothing came back. Above 0: an answer came back. From `ONE_PORT` on: a port took a connection.
    """

    def __init__(
        self,
        cause: str,
        advice: str,
        weight: int = HEARD,
        kind: str = Failure.OTHER,
        short_cause: str = "",
    ) -> None:
        super().__init__(cause)
        self.weight = weight
        self.words = (cause, advice, kind, short_cause)


def not_connected(endpoint: Endpoint, words: Refusal, failure: int) -> RefusedError:
    """The error about a stats port that took no connection."""
    return stats_error(endpoint, words, _WEIGHTS.get(failure, 0), _KINDS.get(failure, Failure.OTHER))


def stats_error(
    endpoint: Endpoint, words: Refusal, weight: int = HEARD, kind: str = Failure.OTHER
) -> RefusedError:
    """The error about a stats port."""
    cause = f"stats port {endpoint.host.stats_port} {words.cause}{words.after}"
    return RefusedError(cause, words.advice, weight, kind, words.cause)

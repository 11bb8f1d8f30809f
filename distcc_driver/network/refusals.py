"""What to say of a port that took no connection."""

from __future__ import annotations

import errno
import os

from ..core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .patience import Patience

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


class Refusal(Record):
    """Why a port took no connection, and what to check; `after` is the time waited, such as " after 2 s"."""

    cause: str
    advice: str
    after: str = ""


def refusal(failure: int, patience: Patience) -> Refusal:
    """Cause and advice for an errno of connect(2) or socket(2)."""
    if failure == errno.ETIMEDOUT:
        return _timeout(patience)
    return Refusal(
        *_REFUSALS.get(failure, (f"failed: {os.strerror(failure)}", "check the host and the port"))
    )


def _timeout(patience: Patience) -> Refusal:
    """Cause and advice for a host that was silent until its time was over."""
    if patience.slowest_s is None or not patience.is_shortened:
        advice = "is the machine up, and does a firewall drop the port?"
        return Refusal("timed out", advice, f" after {patience.limit_s:g} s")
    took_ms = max(1, round(patience.slowest_s * 1000))
    return Refusal(
        "gave no answer",
        "is the machine up? set DISTCC_AUTO_CONNECT_TIMEOUT to wait longer",
        f" within {patience.limit_s:.2g} s (others took {took_ms} ms)",
    )


def without_stats(job_port: int, stats_port: int) -> tuple[str, str]:
    """Cause and advice for a machine that takes connections at its job port only."""
    cause = f"job port {job_port} answers and stats port {stats_port} refuses"
    return f"{cause}: distccd runs there without --stats or with another stats port", "see docs/workers.md"

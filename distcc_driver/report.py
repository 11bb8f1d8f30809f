"""The end of a build that took longer than 2 s: what its workers say they did meanwhile.

A worker's counters are everybody's who uses it, so no line says whose jobs they were. What moves
them in distccd 3.4, tried out: `dcc_compile_ok` a compiler that succeeds, `dcc_compile_error` one
that fails, as on a syntax error. A compiler that the worker lacks counts as `dcc_other`; so does a
connection without a job, such as a build's question to the job port, which is why that counter is
left alone. No way was found to make it count an overload: jobs beyond its slots wait.
"""

from __future__ import annotations

import os
import signal
import time

from .endpoint import Endpoint, Rejection
from .hostspec import SshHost, parse_host
from .log import Log
from .probe import ask_stats
from .record import Record
from .wording import NAMED_HOSTS, enumerated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from .stats import WorkerStats

_SHORTEST_S = 2.0


class Before(Record):
    """A worker as the build began: where it is asked, and its counters, None where it did not say."""

    endpoint: Endpoint
    compiled: int | None
    failed: int | None
    refused: int | None


class Tally(Record):
    """What a worker did during the build, by its own counters; None where they do not tell."""

    name: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None


def report(duration_s: float, connect_timeout_s: float, workers: Sequence[Before], log: Log) -> None:
    """Ask the workers once more, all within one connect timeout, and say what they did in `duration_s`."""
    tallies, silent = [], []
    answers = ask_stats([before.endpoint for before in workers], connect_timeout_s)
    for before, answer in zip(workers, answers, strict=True):
        if isinstance(answer, Rejection):
            silent.append(answer)
        else:
            tallies.append(tally(before, answer.stats))
    counted = [one for one in tallies if one.compiled is not None]
    if any(one.compiled for one in counted):
        log.info(summary(counted, duration_s))
    elif counted:
        log.warning(nothing_compiled(counted, duration_s, all_answered=not silent))
    for line in silence(silent):
        log.warning(line)


def tally(before: Before, now: WorkerStats) -> Tally:
    """The difference. A counter that is lower was set to 0 meanwhile, by a start of the daemon."""
    pairs = zip((before.compiled, before.failed, before.refused), now.counters, strict=True)
    return Tally(before.endpoint.host.text, *(_difference(old, new) for old, new in pairs))


def _difference(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def summary(tallies: Sequence[Tally], duration_s: float) -> str:
    """One line about workers that compiled something."""
    counts = [(one.name, one.compiled or 0) for one in tallies]
    total = sum(count for _, count in counts)
    noun = "compilation" if total == 1 else "compilations"
    return "; ".join([f"{total} {noun} on {_spread(counts)} in {duration_s:.0f} s", *_troubles(tallies)])


def nothing_compiled(tallies: Sequence[Tally], duration_s: float, all_answered: bool) -> str:
    """One line about workers that compiled nothing; there may have been nothing to compile."""
    who = "no worker" if all_answered else "no worker that answers"
    what = ", ".join([f"{who} compiled anything in {duration_s:.0f} s", *_troubles(tallies)])
    return f"{what}; if that is a surprise, run distcc-driver doctor in the build directory"


def _troubles(tallies: Sequence[Tally]) -> list[str]:
    found = []
    failed = [(one.name, one.failed) for one in tallies if one.failed]
    if failed:
        found.append(f"{sum(count for _, count in failed)} failed on {_spread(failed)}")
    refused = [(one.name, one.refused) for one in tallies if one.refused]
    if refused:
        found.append(f"{sum(count for _, count in refused)} refused by {_spread(refused)} (overload)")
    return found


def _spread(counts: Sequence[tuple[str, int]]) -> str:
    """Who has how many, most first; the number of only one is the total in front."""
    if len(counts) == 1:
        return counts[0][0]
    ranked = sorted(counts, key=lambda one: -one[1])
    text = ", ".join(f"{name} ({count})" for name, count in ranked[:NAMED_HOSTS])
    rest = [count for _, count in ranked[NAMED_HOSTS:]]
    return f"{text} and {len(rest)} more ({sum(rest)})" if rest else text


def silence(silent: Sequence[Rejection]) -> list[str]:
    """A line for each cause of workers that do not answer any more."""
    names: dict[str, list[str]] = {}
    for rejection in silent:
        if not _is_lost_tunnel(rejection):
            names.setdefault(_cause(rejection), []).append(rejection.host.text)
    return [
        f"{enumerated(group)}: no answer at the end of the build ({cause}); "
        "is the machine up, and distccd still running there?"
        for cause, group in names.items()
    ]


def _is_lost_tunnel(rejection: Rejection) -> bool:
    """Whether the end of the build, which closes the tunnels, has a line about it."""
    return isinstance(rejection.host, SshHost) and rejection.cause.endswith("refused the connection")


def _cause(rejection: Rejection) -> str:
    """What failed, without the port and the time, which make causes differ that are the same."""
    words = rejection.cause.removeprefix(f"stats port {rejection.host.stats_port}").lstrip(": ")
    return words.partition(" after ")[0]


def _before(word: str) -> Before:
    """A worker's word, as `shellcode.report_words` writes it."""
    text, address, port, *counters = word.split(" ")
    host = parse_host(text)
    endpoint = Endpoint(host, address, host.job_port, int(port))
    return Before(endpoint, *(None if value == "-" else int(value) for value in counters))


def _interrupted(*_: object) -> NoReturn:
    os._exit(0)


def main(started_s: str, log_level: str, connect_timeout_s: str, *workers: str) -> NoReturn:
    """Report on a build that began at `started_s` of time.monotonic(), unless it was a short one.

    Ends the process, always with 0: the status of a build is its own.
    """
    signal.signal(signal.SIGINT, _interrupted)
    try:
        duration_s = time.monotonic() - float(started_s)
        if duration_s > _SHORTEST_S:
            report(duration_s, float(connect_timeout_s), [_before(word) for word in workers], Log(log_level))
    except Exception as error:  # the user's shell is no place for a traceback
        Log("error").error(f"internal error: {error!r}; please report it")
    os._exit(0)  # at once: a thread may still wait for a name server

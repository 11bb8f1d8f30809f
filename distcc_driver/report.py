"""The end of a build that took longer than 2 s: what its workers say they did meanwhile.

A worker's counters are everybody's who uses it, so no line says whose jobs they were. What moves
them in distccd 3.4, tried out: `dcc_compile_ok` a compiler that succeeds, `dcc_compile_error` one
that fails, as on a syntax error. A compiler that the worker lacks counts as `dcc_other`; so does a
connection without a job, such as a build's question to the job port, which is why that counter is
left alone. `dcc_cli_disconnect` is a client that closes while its job compiles: one that is killed, or
whose DISTCC_IO_TIMEOUT is over. `dcc_compile_timeout` is a compiler that the worker ends after its
`--job-lifetime`. No way was found to make it count an overload: jobs beyond its slots wait.
"""

from __future__ import annotations

import os
import signal
import time

from .core.facts import Endpoint, Failure, Rejection
from .core.hostspec import SshHost, parse_host
from .core.record import Record
from .core.wording import NAMED_HOSTS, enumerated
from .machine.buildtraces import Traces, find_traces, mark_ages_s
from .machine.log import Log
from .network.probe import ask_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from .core.stats import WorkerStats

_SHORTEST_S = 2.0
_DOCTOR = "run distcc-driver doctor in the build directory"


class Build(Record):
    """A build that has ended with `status`: how long it took, when it began, and its environment."""

    duration_s: float
    began: float
    status: str
    environ: Mapping[str, str]

    @property
    def falls_back(self) -> bool:
        """Whether distcc repeats here what fails on a worker (distcc(1), DISTCC_FALLBACK)."""
        repeats = self.environ.get("DISTCC_FALLBACK", "1") != "0"
        return repeats and "DISTCC_SKIP_LOCAL_RETRY" not in self.environ


class Before(Record):
    """A worker as the build began: where it is asked, its `key` in the names of distcc's files, its counters.

    A counter is None where the worker did not tell it.
    """

    endpoint: Endpoint
    key: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None


class Tally(Record):
    """What a worker did during the build, by its own counters; None where they do not tell."""

    name: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None


def report(build: Build, connect_timeout_s: float, workers: Sequence[Before], log: Log) -> None:
    """Ask the workers once more, all within one connect timeout, and say what they did during the build."""
    tallies, silent = [], []
    answers = ask_stats([before.endpoint for before in workers], connect_timeout_s)
    for before, answer in zip(workers, answers, strict=True):
        if isinstance(answer, Rejection):
            silent.append(answer)
        else:
            tallies.append(tally(before, answer.stats))
    avoided = _avoided(build, workers, silent)
    counted = [one for one in tallies if one.compiled is not None]
    if any(one.compiled for one in counted):
        log.info(summary(counted, build))
    elif counted:
        _say_nothing_compiled(counted, build, not silent, bool(avoided), log)
    for line in [*avoidance(avoided, build), *silence(silent)]:
        log.warning(line)


def _say_nothing_compiled(
    tallies: Sequence[Tally], build: Build, all_answered: bool, are_avoided: bool, log: Log
) -> None:
    """One line; a warning only where something went wrong, or was compiled here that might have left."""
    said = nothing_compiled(tallies, build, all_answered)
    if _troubles(tallies, build):
        log.warning("; ".join([said, f"if that is a surprise, {_DOCTOR}"]))
    elif are_avoided:
        log.warning(said)
    else:
        traces = find_traces(build.environ, build.began)
        because = explanation(traces)
        if because:
            log.warning("; ".join([said, because, _DOCTOR]))
        else:
            log.info(f"{said}{remark(traces)}")


def _avoided(build: Build, workers: Sequence[Before], silent: Sequence[Rejection]) -> dict[str, float]:
    """Seconds since distcc began to avoid a worker, by name; silent ones have a line of their own.

    A build that failed without DISTCC_FALLBACK has stopped at distcc's own words about its files.
    """
    if build.environ.get("DISTCC_FALLBACK") == "0" and build.status != "0":
        return {}
    quiet = {rejection.host for rejection in silent}
    names = {before.key: before.endpoint.host.text for before in workers if before.endpoint.host not in quiet}
    ages_s = mark_ages_s(build.environ, list(names), build.began)
    return {names[key]: age_s for key, age_s in ages_s.items()}


def avoidance(avoided: Mapping[str, float], build: Build) -> list[str]:
    """A line about workers that distcc avoids since something failed there."""
    period = build.environ.get("DISTCC_BACKOFF_PERIOD", "60")
    if not avoided:
        return []
    last_s = min(avoided.values())
    return [
        f"{enumerated(list(avoided))}: distcc avoids a worker for {period} s after a failure there, "
        f"the last was {last_s:.0f} s ago; read its log, or "
        'see "Files that fail on a worker" in docs/troubleshooting.md'
    ]


def tally(before: Before, now: WorkerStats) -> Tally:
    """The difference. A counter that is lower was set to 0 meanwhile, by a start of the daemon."""
    _, _, *counters = before
    pairs = zip(counters, now.counters, strict=True)
    return Tally(before.endpoint.host.text, *(_difference(old, new) for old, new in pairs))


def _difference(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def summary(tallies: Sequence[Tally], build: Build) -> str:
    """One line about workers that compiled something."""
    counts = [(one.name, one.compiled or 0) for one in tallies]
    total = sum(count for _, count in counts)
    noun = "compilation" if total == 1 else "compilations"
    said = f"{total} {noun} on {_spread(counts)} in {build.duration_s:.0f} s"
    return "; ".join([said, *_troubles(tallies, build)])


def nothing_compiled(tallies: Sequence[Tally], build: Build, all_answered: bool) -> str:
    """That workers compiled nothing, and what they did instead."""
    who = "no worker" if all_answered else "no worker that answers"
    return ", ".join([f"{who} compiled anything in {build.duration_s:.0f} s", *_troubles(tallies, build)])


def explanation(traces: Traces) -> str:
    """Why that is a problem, as far as can be told: something was compiled here. "" if it is none."""
    is_cached = traces.ccache_ran and not traces.ccache_stored
    if not traces.new_object or not traces.state_path or is_cached:
        return ""
    if traces.distcc_ran:
        return (
            f"{traces.new_object} is new, distcc ran, and it kept everything here: an option such as "
            "-march=native, or DISTCC_HOSTS lost on the way (sudo, env -i, a container, scons)"
        )
    return (
        f"{traces.new_object} is new, and distcc left no trace in {traces.state_path}: the build does not "
        "call it, or clears its environment (sudo, env -i, a container, scons)"
    )


def remark(traces: Traces) -> str:
    """What else was seen where that is no problem."""
    if traces.ccache_ran:
        return "; ccache ran, and what it has is not compiled again"
    return "; no object file is new in this directory" if traces.looked_at_all else ""


def _troubles(tallies: Sequence[Tally], build: Build) -> list[str]:
    failed = "{} failed on {}"
    if build.status == "0" and build.falls_back:
        failed += ' (distcc repeats these here, see "Files that fail on a worker" in docs/troubleshooting.md)'
    kinds = [
        ([(one.name, one.failed) for one in tallies], failed),
        ([(one.name, one.refused) for one in tallies], "{} refused by {} (overload)"),
        ([(one.name, one.disconnected) for one in tallies], "{} given up by a client while on {}"),
        ([(one.name, one.timed_out) for one in tallies], "{} stopped by {} (--job-lifetime)"),
    ]
    found = []
    for pairs, text in kinds:
        counts = [(name, count) for name, count in pairs if count]
        if counts:
            found.append(text.format(sum(count for _, count in counts), _spread(counts)))
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
            names.setdefault(rejection.short_cause or rejection.cause, []).append(rejection.host.text)
    return [
        f"{enumerated(group)}: no answer at the end of the build ({cause}); "
        "is the machine up, and distccd still running there?"
        for cause, group in names.items()
    ]


def _is_lost_tunnel(rejection: Rejection) -> bool:
    """Whether the end of the build, which closes the tunnels, has a line about it."""
    return isinstance(rejection.host, SshHost) and rejection.kind == Failure.REFUSED


def _before(word: str) -> Before:
    """A worker's word, as `shellcode.report_words` writes it."""
    text, address, port, key, *counters = word.split(" ")
    host = parse_host(text)
    endpoint = Endpoint(host, address, host.job_port, int(port))
    return Before(endpoint, key, *(None if value == "-" else int(value) for value in counters))


def _interrupted(*_: object) -> NoReturn:
    os._exit(0)


def main(started_s: str, log_level: str, connect_timeout_s: str, *words: str) -> NoReturn:
    """Report on a build that began at `started_s` of time.monotonic(), unless it was a short one.

    `words` are those of the workers, and the status of the build.

    Ends the process, always with 0: the status of a build is its own.
    """
    signal.signal(signal.SIGINT, _interrupted)
    try:
        *workers, status = words
        duration_s = time.monotonic() - float(started_s)
        if duration_s > _SHORTEST_S:
            build = Build(duration_s, time.time() - duration_s, status, os.environ)
            report(build, float(connect_timeout_s), [_before(word) for word in workers], Log(log_level))
    except Exception as error:  # the user's shell is no place for a traceback
        Log("error").error(f"internal error: {error!r}; please report it")
    os._exit(0)  # at once: a thread may still wait for a name server

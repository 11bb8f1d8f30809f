"""The door after a build of more than 2 s: asks the workers what they did during it, and says so.

A worker counts the jobs of all its clients, so no line says whose jobs they were. Experiments with
distccd 3.4 show what each counter counts:
- `dcc_compile_ok`: a compiler that succeeds.
- `dcc_compile_error`: a compiler that fails, for instance at a syntax error.
- `dcc_cli_disconnect`: a client that closes the connection while its job compiles, because it was killed
  or its DISTCC_IO_TIMEOUT is over.
- `dcc_compile_timeout`: a compiler that the worker ends after its `--job-lifetime`.
- `dcc_rej_overload`: never seen; jobs beyond the slots wait.
- `dcc_other`: a compiler that the worker lacks, but also a connection without a job, such as the question
  of a plan to the job port. Therefore the report does not read this counter.
"""

from __future__ import annotations

import os
import signal
import time

from .core.errors import internal_error
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
    """A build that has ended with `status`: its duration, when it began (time.time()), its environment."""

    duration_s: float
    began: float
    status: str
    environ: Mapping[str, str]

    @property
    def falls_back(self) -> bool:
        """Whether distcc repeats here what fails on a worker (distcc(1), DISTCC_FALLBACK)."""
        repeats = self.environ.get("DISTCC_FALLBACK", "1") != "0"
        return repeats and "DISTCC_SKIP_LOCAL_RETRY" not in self.environ


class WorkerBefore(Record):
    """A worker before the build: where it is asked, its `key` in the names of distcc's files, its counters.

    A counter is None if the worker did not tell it.
    """

    endpoint: Endpoint
    key: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None


class Tally(Record):
    """What a worker did during the build, by its own counters; None if they do not tell."""

    name: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None


def report(build: Build, connect_timeout_s: float, workers: Sequence[WorkerBefore], log: Log) -> None:
    """Ask all workers once more, within one connect timeout, and say what they did during the build."""
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
    for line in [*avoided_lines(avoided, build), *silent_lines(silent)]:
        log.warning(line)


def _say_nothing_compiled(
    tallies: Sequence[Tally], build: Build, all_answered: bool, are_avoided: bool, log: Log
) -> None:
    """Say so in one line; it is a warning if something went wrong, or was compiled here instead."""
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


def _avoided(build: Build, workers: Sequence[WorkerBefore], silent: Sequence[Rejection]) -> dict[str, float]:
    """The workers that distcc avoids, by name, with the seconds since it began to do so.

    Silent workers are left out, because they have a line of their own. After a build that failed with
    DISTCC_FALLBACK=0 there are none: distcc has said which file failed.
    """
    if build.environ.get("DISTCC_FALLBACK") == "0" and build.status != "0":
        return {}
    silent_hosts = {rejection.host for rejection in silent}
    asked = [before for before in workers if before.endpoint.host not in silent_hosts]
    names = {before.key: before.endpoint.host.text for before in asked}
    ages_s = mark_ages_s(build.environ, list(names), build.began)
    return {names[key]: age_s for key, age_s in ages_s.items()}


def avoided_lines(avoided: Mapping[str, float], build: Build) -> list[str]:
    """A line about the workers that distcc avoids after a failure there; no line if there are none."""
    period = build.environ.get("DISTCC_BACKOFF_PERIOD", "60")
    if not avoided:
        return []
    last_s = min(avoided.values())
    return [
        f"{enumerated(list(avoided))}: distcc avoids a worker for {period} s after a failure there, "
        f"the last was {last_s:.0f} s ago; read its log, or "
        'see "Files that fail on a worker" in docs/troubleshooting.md'
    ]


def tally(before: WorkerBefore, now: WorkerStats) -> Tally:
    """What a worker did since `before`. If a counter is lower now, the daemon was started again, at 0."""
    _, _, *counters = before
    pairs = zip(counters, now.counters, strict=True)
    return Tally(before.endpoint.host.text, *(_difference(old, new) for old, new in pairs))


def _difference(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def summary(tallies: Sequence[Tally], build: Build) -> str:
    """The line about workers that compiled something."""
    counts = [(one.name, one.compiled or 0) for one in tallies]
    total = sum(count for _, count in counts)
    noun = "compilation" if total == 1 else "compilations"
    said = f"{total} {noun} on {_spread(counts)} in {build.duration_s:.0f} s"
    return "; ".join([said, *_troubles(tallies, build)])


def nothing_compiled(tallies: Sequence[Tally], build: Build, all_answered: bool) -> str:
    """The sentence about workers that compiled nothing, with what went wrong there."""
    who = "no worker" if all_answered else "no worker that answers"
    return ", ".join([f"{who} compiled anything in {build.duration_s:.0f} s", *_troubles(tallies, build)])


def explanation(traces: Traces) -> str:
    """Why workers without jobs are a problem: this machine compiled something. "" if that is not known."""
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
    """Why workers without jobs are no problem, as far as the traces show it."""
    if traces.ccache_ran:
        return "; ccache ran, and what it has is not compiled again"
    return "; no object file is new in this directory" if traces.looked_at_all else ""


def _troubles(tallies: Sequence[Tally], build: Build) -> list[str]:
    """What went wrong on the workers, a text for each kind."""
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
    """The workers with their counts, highest first. A lone worker has no count: the total says it."""
    if len(counts) == 1:
        return counts[0][0]
    ranked = sorted(counts, key=lambda one: -one[1])
    text = ", ".join(f"{name} ({count})" for name, count in ranked[:NAMED_HOSTS])
    rest = [count for _, count in ranked[NAMED_HOSTS:]]
    return f"{text} and {len(rest)} more ({sum(rest)})" if rest else text


def silent_lines(silent: Sequence[Rejection]) -> list[str]:
    """A line for each cause for which workers did not answer after the build."""
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
    """Whether the tunnel is lost. The program that closes the tunnels says so, after the report."""
    return isinstance(rejection.host, SshHost) and rejection.kind == Failure.REFUSED


def _before(word: str) -> WorkerBefore:
    """Parse an argument about a worker, which `shellcode.report_words` wrote."""
    text, address, port, key, *counters = word.split(" ")
    host = parse_host(text)
    endpoint = Endpoint(host, address, host.job_port, int(port))
    return WorkerBefore(endpoint, key, *(None if value == "-" else int(value) for value in counters))


def _interrupted(*_: object) -> NoReturn:
    os._exit(0)


def main(started_s: str, log_level: str, connect_timeout_s: str, *words: str) -> NoReturn:
    """Report on a build that began at `started_s` of time.monotonic(), unless it was short.

    `words` are one argument for each worker, then the status of the build. Ends the process, always with 0:
    the report must not change the status of the build.
    """
    signal.signal(signal.SIGINT, _interrupted)
    try:
        *workers, status = words
        duration_s = time.monotonic() - float(started_s)
        if duration_s > _SHORTEST_S:
            build = Build(duration_s, time.time() - duration_s, status, os.environ)
            report(build, float(connect_timeout_s), [_before(word) for word in workers], Log(log_level))
    except Exception as error:
        Log("error").error(internal_error(error).line)
    os._exit(0)  # at once: a thread may still wait for a name server

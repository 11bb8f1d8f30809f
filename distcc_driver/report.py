"""The entry point at the end of a build of more than 2 s: asks its workers what they did, and says so."""

from __future__ import annotations

import os
import signal
import time

from .core.errors import internal_error
from .core.facts import Endpoint, Rejection
from .core.hostspec import parse_host
from .core.reportlines import (
    Build,
    WorkerBefore,
    avoided_lines,
    nothing_compiled,
    silent_lines,
    summary,
    tally,
    troubles,
)
from .machine.buildtraces import Traces, find_traces, mark_ages_s
from .machine.log import Log
from .network.probe import ask_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from .core.reportlines import Tally

_SHORTEST_S = 2.0
_DOCTOR = "run distcc-driver doctor in the build directory"


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
    for line in [*avoided_lines(avoided, tallies, build), *silent_lines(silent)]:
        log.warning(line)


def _say_nothing_compiled(
    tallies: Sequence[Tally], build: Build, all_answered: bool, are_avoided: bool, log: Log
) -> None:
    """Say that no worker compiled anything: as a warning if workers failed, or if this machine compiled."""
    said = nothing_compiled(tallies, build, all_answered)
    if troubles(tallies, build):
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
    DISTCC_FALLBACK=0 all workers are left out, because distcc has said which file failed.
    """
    if build.environ.get("DISTCC_FALLBACK") == "0" and build.status != "0":
        return {}
    silent_hosts = {rejection.host for rejection in silent}
    asked = [before for before in workers if before.endpoint.host not in silent_hosts]
    names = {before.key: before.endpoint.host.text for before in asked}
    ages_s = mark_ages_s(build.environ, list(names), build.began)
    return {names[key]: age_s for key, age_s in ages_s.items()}


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
        return "; ccache ran: files in its cache are not compiled again"
    return "; no object file is new in this directory" if traces.looked_at_all else ""


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

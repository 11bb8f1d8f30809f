"""Makes the lines that people read after a build: what its workers did, and which are silent. Pure."""

from __future__ import annotations

from .facts import Endpoint, Failure, Rejection
from .hostspec import SshHost
from .record import Record
from .wording import NAMED_HOSTS, enumerated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .stats import WorkerStats


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
    """What a worker did during the build, by its own counters; None if they do not tell.

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

    name: str
    compiled: int | None
    failed: int | None = None
    refused: int | None = None
    disconnected: int | None = None
    timed_out: int | None = None


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
    return "; ".join([said, *troubles(tallies, build)])


def nothing_compiled(tallies: Sequence[Tally], build: Build, all_answered: bool) -> str:
    """The sentence about workers that compiled nothing, with what went wrong there."""
    who = "no worker" if all_answered else "no worker that answers"
    return ", ".join([f"{who} compiled anything in {build.duration_s:.0f} s", *troubles(tallies, build)])


def troubles(tallies: Sequence[Tally], build: Build) -> list[str]:
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


def avoided_lines(avoided: Mapping[str, float], tallies: Sequence[Tally], build: Build) -> list[str]:
    """A line about the workers that distcc avoids after a failure there; no line if it avoids no worker.

    Workers whose counters know of no failed compilation have a line of their own, with the other causes.
    """
    blameless = {one.name for one in tallies if (one.failed, one.disconnected, one.timed_out) == (0, 0, 0)}
    others = {name: age_s for name, age_s in avoided.items() if name in blameless}
    failed = {name: age_s for name, age_s in avoided.items() if name not in blameless}
    return [
        *_avoided_line(
            failed, 'read its log, or see "Files that fail on a worker" in docs/troubleshooting.md', build
        ),
        *_avoided_line(
            others,
            "by its counters no compilation failed there: a connection broke, or the worker has not the "
            "compiler; run distcc-driver doctor in the build directory",
            build,
        ),
    ]


def _avoided_line(avoided: Mapping[str, float], advice: str, build: Build) -> list[str]:
    if not avoided:
        return []
    period = build.environ.get("DISTCC_BACKOFF_PERIOD", "60")
    last_s = min(avoided.values())
    return [
        f"{enumerated(list(avoided))}: distcc avoids a worker for {period} s after a failure there, "
        f"the last was {last_s:.0f} s ago; {advice}"
    ]


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
    """Whether a worker is silent because its tunnel is lost. `ssh.closing` warns of that after the report."""
    return isinstance(rejection.host, SshHost) and rejection.kind == Failure.REFUSED

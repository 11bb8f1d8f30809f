"""Lines about what workers did during a build."""

from __future__ import annotations

import pytest

from distcc_driver.core.facts import Endpoint, Failure, Rejection
from distcc_driver.core.hostspec import parse_host
from distcc_driver.core.reportlines import (
    Build,
    Tally,
    WorkerBefore,
    avoided_lines,
    nothing_compiled,
    silent_lines,
    summary,
    tally,
)
from distcc_driver.core.stats import WorkerStats

REPEATED = ' (distcc repeats these here, see "Files that fail on a worker" in docs/troubleshooting.md)'


def build_of(duration_s: float, status: str = "2", **environ: str) -> Build:
    return Build(duration_s, 1000.0, status, environ)


ADVICE = "is the machine up, and distccd still running there?"


@pytest.mark.parametrize(
    ("tallies", "duration_s", "text"),
    [
        ([Tally("a", 1)], 2.4, "1 compilation on a in 2 s"),
        ([Tally("a", 1), Tally("b", 0)], 2.6, "1 compilation on a (1), b (0) in 3 s"),
        ([Tally("b", 182), Tally("a", 230)], 74.0, "412 compilations on a (230), b (182) in 74 s"),
        ([Tally("b", 2), Tally("a", 2)], 4.0, "4 compilations on b (2), a (2) in 4 s"),
        (
            [Tally("a", 9), Tally("b", 8, 0, 3)],
            9.0,
            "17 compilations on a (9), b (8) in 9 s; 3 refused by b (overload)",
        ),
        (
            [Tally("a", 1, 2, 3), Tally("b", 1, 5, 4), Tally("c", 1, None, None)],
            5.0,
            "3 compilations on a (1), b (1), c (1) in 5 s; "
            "7 failed on b (5), a (2); 7 refused by b (4), a (3) (overload)",
        ),
        (
            [Tally("a", 1, 0, 0, 3, 1), Tally("b", 1, 0, 0, 0, 2)],
            5.0,
            "2 compilations on a (1), b (1) in 5 s; 3 given up by a client while on a; "
            "3 stopped by b (2), a (1) (--job-lifetime)",
        ),
        ([Tally("a", 2, 1)], 5.0, "2 compilations on a in 5 s; 1 failed on a"),
    ],
)
def test_summary(tallies: list[Tally], duration_s: float, text: str) -> None:
    assert summary(tallies, build_of(duration_s)) == text


def test_summary_names_the_eight_that_compiled_most() -> None:
    tallies = [Tally(f"w{number}", number) for number in range(20)]
    assert summary(tallies, build_of(74.0)) == (
        "190 compilations on w19 (19), w18 (18), w17 (17), w16 (16), w15 (15), w14 (14), w13 (13), w12 (12) "
        "and 12 more (66) in 74 s"
    )


def test_eight_workers_are_all_named() -> None:
    assert "more" not in summary([Tally(f"w{number}", 1) for number in range(8)], build_of(3.0))
    assert "w7 (1) and 1 more (1) in" in summary(
        [Tally(f"w{number}", 1) for number in range(9)], build_of(3.0)
    )


@pytest.mark.parametrize(
    ("build", "more"),
    [
        (build_of(3.0, "0"), REPEATED),
        (build_of(3.0, "0", DISTCC_FALLBACK="1"), REPEATED),
        (build_of(3.0, "0", DISTCC_FALLBACK="0"), ""),
        (build_of(3.0, "0", DISTCC_SKIP_LOCAL_RETRY="1"), ""),
        (build_of(3.0, "2"), ""),
    ],
)
def test_successful_build_has_repeated_the_failed_jobs_here(build: Build, more: str) -> None:
    assert summary([Tally("a", 2, 1)], build) == f"2 compilations on a in 3 s; 1 failed on a{more}"


def test_nothing_compiled() -> None:
    tallies = [Tally("a", 0, 0, 0), Tally("b", 0)]
    assert nothing_compiled(tallies, build_of(74.0), all_answered=True) == (
        "no worker compiled anything in 74 s"
    )
    assert nothing_compiled([Tally("a", 0, 3, 2)], build_of(74.0), all_answered=False) == (
        "no worker that answers compiled anything in 74 s, 3 failed on a, 2 refused by a (overload)"
    )


def test_workers_that_distcc_avoids_have_one_line() -> None:
    assert avoided_lines({}, [], build_of(9.0)) == []
    (line,) = avoided_lines({"a": 12.3, "b": 3.4}, [], build_of(9.0, DISTCC_BACKOFF_PERIOD="30"))
    assert line.startswith(
        "a, b: distcc avoids a worker for 30 s after a failure there, the last was 3 s ago; "
    )


@pytest.mark.parametrize(
    ("counters", "is_blameless"),
    [
        ((0, 0, 0, 0), True),
        ((1, 0, 0, 0), False),
        ((0, 0, 1, 0), False),
        ((0, 0, 0, 1), False),
        ((None,), False),
    ],
)
def test_counters_that_know_of_no_failed_compilation_have_a_line_of_their_own(
    counters: tuple[int | None, ...], is_blameless: bool
) -> None:
    """`counters` are those of failed, refused, disconnected and timed out jobs."""
    tallies = [Tally("a", 5, *counters), Tally("b", 5, 1, 0, 0, 0)]
    lines = avoided_lines({"a": 12.3, "b": 3.4}, tallies, build_of(9.0))
    assert len(lines) == 1 + is_blameless
    if is_blameless:
        assert lines[0].startswith(
            "b: distcc avoids a worker for 60 s after a failure there, the last was 3 s ago; "
        )
        assert lines[1].startswith(
            "a: distcc avoids a worker for 60 s after a failure there, the last was 12 s ago; "
        )
        assert "by its counters no compilation failed there" in lines[1]


@pytest.mark.parametrize(
    ("before", "now", "difference"),
    [
        ((10, 2, 0, 1, 7), (15, 2, 1, 4, 9), (5, 0, 1, 3, 2)),
        ((100, 9, 9, 9, 9), (3, 1, 0, 0, 1), (3, 1, 0, 0, 1)),  # distccd was started again
        ((None, 1, 1, None, 0), (5, None, 1, 1, None), (None, None, 0, None, None)),
    ],
)
def test_tally_is_the_difference_of_counters(
    before: tuple[int | None, ...], now: tuple[int | None, ...], difference: tuple[int | None, ...]
) -> None:
    endpoint = Endpoint(parse_host("worker"), "worker", 1, 2)
    stats = WorkerStats(4, None, None, None, *now)
    assert tally(WorkerBefore(endpoint, "key", *before), stats) == Tally("worker", *difference)


def rejection(host: str, cause: str, short_cause: str = "", kind: str = Failure.OTHER) -> Rejection:
    return Rejection(parse_host(host), cause, "advice for the beginning of a build", kind, short_cause)


def test_workers_that_are_silent_for_the_same_cause_have_one_line() -> None:
    assert silent_lines(
        [
            rejection("a", "stats port 3633 refused the connection", "refused the connection"),
            rejection("b", "stats port 3633 timed out after 2 s", "timed out"),
            rejection("c:1:2", "stats port 2 refused the connection", "refused the connection"),
            rejection("d", "stats port 3633 timed out after 4 s, no whole reply", "timed out"),
            rejection("e", "name not found"),
        ]
    ) == [
        f"a, c:1:2: no answer at the end of the build (refused the connection); {ADVICE}",
        f"b, d: no answer at the end of the build (timed out); {ADVICE}",
        f"e: no answer at the end of the build (name not found); {ADVICE}",
    ]


def test_many_silent_workers_are_counted() -> None:
    (line,) = silent_lines([rejection(f"w{number}", "name not found") for number in range(64)])
    assert line == (
        "w0, w1, w2, w3, w4, w5, w6, w7 and 56 more: "
        f"no answer at the end of the build (name not found); {ADVICE}"
    )


def test_lost_tunnel_has_no_line_in_the_report() -> None:
    lost = rejection("ssh://a", "stats port 3633 refused the connection", kind=Failure.REFUSED)
    behind = rejection("ssh://b", "stats port 3633 closed without a reply", "closed without a reply")
    (line,) = silent_lines([lost, behind])
    assert line == f"ssh://b: no answer at the end of the build (closed without a reply); {ADVICE}"

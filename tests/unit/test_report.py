from __future__ import annotations

import pytest

from distcc_driver.endpoint import Endpoint, Rejection
from distcc_driver.hostspec import parse_host
from distcc_driver.report import Before, Tally, nothing_compiled, silence, summary, tally
from distcc_driver.stats import WorkerStats

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
        ([Tally("a", 2, 1)], 5.0, "2 compilations on a in 5 s; 1 failed on a"),
    ],
)
def test_summary(tallies: list[Tally], duration_s: float, text: str) -> None:
    assert summary(tallies, duration_s) == text


def test_summary_names_the_eight_that_compiled_most() -> None:
    tallies = [Tally(f"w{number}", number) for number in range(20)]
    assert summary(tallies, 74.0) == (
        "190 compilations on w19 (19), w18 (18), w17 (17), w16 (16), w15 (15), w14 (14), w13 (13), w12 (12) "
        "and 12 more (66) in 74 s"
    )


def test_eight_workers_are_all_named() -> None:
    assert "more" not in summary([Tally(f"w{number}", 1) for number in range(8)], 3.0)
    assert "w7 (1) and 1 more (1) in" in summary([Tally(f"w{number}", 1) for number in range(9)], 3.0)


def test_nothing_compiled() -> None:
    advice = "; if that is a surprise, run distcc-driver doctor in the build directory"
    tallies = [Tally("a", 0, 0, 0), Tally("b", 0)]
    assert (
        nothing_compiled(tallies, 74.0, all_answered=True) == f"no worker compiled anything in 74 s{advice}"
    )
    assert nothing_compiled([Tally("a", 0, 3, 2)], 74.0, all_answered=False) == (
        f"no worker that answers compiled anything in 74 s, 3 failed on a, 2 refused by a (overload){advice}"
    )


@pytest.mark.parametrize(
    ("before", "now", "difference"),
    [
        ((10, 2, 0), (15, 2, 1), (5, 0, 1)),
        ((100, 9, 9), (3, 1, 0), (3, 1, 0)),  # started anew
        ((None, 1, 1), (5, None, 1), (None, None, 0)),
    ],
)
def test_what_a_worker_did_is_the_difference(
    before: tuple[int | None, ...], now: tuple[int | None, ...], difference: tuple[int | None, ...]
) -> None:
    endpoint = Endpoint(parse_host("worker"), "worker", 1, 2)
    compiled, failed, refused = now
    stats = WorkerStats(4, compiled=compiled, failed=failed, refused=refused)
    assert tally(Before(endpoint, *before), stats) == Tally("worker", *difference)


def rejection(host: str, cause: str) -> Rejection:
    return Rejection(parse_host(host), cause, "advice for the beginning of a build")


def test_workers_that_are_silent_for_the_same_cause_have_one_line() -> None:
    assert silence(
        [
            rejection("a", "stats port 3633 refused the connection"),
            rejection("b", "stats port 3633 timed out after 2 s"),
            rejection("c:1:2", "stats port 2 refused the connection"),
            rejection("d", "stats port 3633 timed out after 4 s, no whole reply"),
            rejection("e", "stats port 3633: the reply is not a distccd stats page"),
            rejection("f", "name not resolved, timed out after 2 s"),
        ]
    ) == [
        f"a, c:1:2: no answer at the end of the build (refused the connection); {ADVICE}",
        f"b, d: no answer at the end of the build (timed out); {ADVICE}",
        f"e: no answer at the end of the build (the reply is not a distccd stats page); {ADVICE}",
        f"f: no answer at the end of the build (name not resolved, timed out); {ADVICE}",
    ]


def test_many_silent_workers_are_counted() -> None:
    (line,) = silence([rejection(f"w{number}", "name not found") for number in range(64)])
    assert line == (
        "w0, w1, w2, w3, w4, w5, w6, w7 and 56 more: "
        f"no answer at the end of the build (name not found); {ADVICE}"
    )


def test_a_tunnel_that_is_gone_is_left_to_who_closes_it() -> None:
    lost = rejection("ssh://a", "stats port 3633 refused the connection")
    behind = rejection("ssh://b", "stats port 3633 closed without a reply")
    (line,) = silence([lost, behind])
    assert line == f"ssh://b: no answer at the end of the build (closed without a reply); {ADVICE}"

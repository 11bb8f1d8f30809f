"""How long hosts may take to answer, after other hosts have answered."""

from __future__ import annotations

import pytest

from distcc_driver.network.timelimit import TimeLimit


@pytest.mark.parametrize(
    ("answers_s", "limit_s"),
    [((), 2.0), ((0.003,), 0.5), ((0.08,), 0.8), ((0.08, 0.003), 0.8), ((0.003, 0.08), 0.8), ((0.5,), 2.0)],
)
def test_limit_follows_the_slowest_answer(answers_s: tuple[float, ...], limit_s: float) -> None:
    time_limit = TimeLimit(None)
    for answer_s in answers_s:
        time_limit.note_answer(answer_s)
    assert time_limit.limit_s == pytest.approx(limit_s)
    assert time_limit.is_shortened is (limit_s < 2)


@pytest.mark.parametrize("set_s", [0.1, 2.0, 30.0])
def test_limit_of_the_user_stays(set_s: float) -> None:
    time_limit = TimeLimit(set_s)
    time_limit.note_answer(0.003)
    assert time_limit.limit_s == set_s
    assert not time_limit.is_shortened

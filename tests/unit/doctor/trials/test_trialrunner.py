"""The time that a worker has for a trial."""

from __future__ import annotations

import pytest

from distcc_driver.doctor.trials.trialrunner import DEADLINE_S, deadline_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", DEADLINE_S), ("3", 3), ("0", DEADLINE_S), ("-1", DEADLINE_S), ("x", DEADLINE_S), ("²", DEADLINE_S)],
)
def test_deadline_in_seconds(text: str, expected: int) -> None:
    assert deadline_s({"DISTCC_IO_TIMEOUT": text}) == expected


def test_deadline_with_very_many_digits() -> None:
    assert deadline_s({"DISTCC_IO_TIMEOUT": "9" * 5000}) == DEADLINE_S

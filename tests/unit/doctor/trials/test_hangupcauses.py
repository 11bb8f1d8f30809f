"""Counters of a worker before and after a hang-up, and the cause that follows."""

from __future__ import annotations

from typing import Any

import pytest

from distcc_driver.core.stats import WorkerStats
from distcc_driver.doctor.trials.hangupcauses import hangup_outcome
from distcc_driver.doctor.trials.trial import TrialOutcome

BEFORE = WorkerStats(
    4,
    compiled=10,
    failed=2,
    refused=0,
    disconnected=3,
    timed_out=0,
    free_space_mib=500,
    accepted=20,
    other=5,
)


@pytest.mark.parametrize(
    ("rises", "expected"),
    [
        ({"accepted": 1, "other": 1}, TrialOutcome.NOT_ALLOWED),
        ({"accepted": 1, "disconnected": 1}, TrialOutcome.NOT_STORED),
        ({"accepted": 1, "disconnected": 1, "free_space_mib": -499}, TrialOutcome.NO_ROOM),
        ({"accepted": 1}, TrialOutcome.DROPPED),
        ({}, TrialOutcome.ELSEWHERE),
        # Other clients have jobs at the same time.
        ({"accepted": 9, "compiled": 7, "failed": 1, "other": 1}, TrialOutcome.NOT_ALLOWED),
        ({"accepted": 9, "compiled": 8, "disconnected": 1}, TrialOutcome.NOT_STORED),
        ({"accepted": 9, "compiled": 7, "other": 1, "disconnected": 1}, TrialOutcome.HUNG_UP),
        ({"accepted": 9, "compiled": 8}, TrialOutcome.HUNG_UP),
        # distccd was started again.
        ({"accepted": -20, "compiled": -10, "other": -4}, TrialOutcome.DROPPED),
    ],
)
def test_counters_that_rise(rises: dict[str, int], expected: TrialOutcome) -> None:
    after = BEFORE._replace(**{name: getattr(BEFORE, name) + rise for name, rise in rises.items()})
    assert hangup_outcome(BEFORE, after) is expected


def test_stats_page_that_does_not_answer() -> None:
    assert hangup_outcome(BEFORE, None) is TrialOutcome.DROPPED
    assert hangup_outcome(None, BEFORE) is TrialOutcome.HUNG_UP
    assert hangup_outcome(None, None) is TrialOutcome.HUNG_UP


@pytest.mark.parametrize("name", ["accepted", "other", "disconnected", "compiled", "timed_out"])
def test_distccd_without_one_of_the_counters(name: str) -> None:
    unknown: dict[str, Any] = {name: None}
    assert hangup_outcome(BEFORE, BEFORE._replace(**unknown)) is TrialOutcome.HUNG_UP
    assert hangup_outcome(BEFORE._replace(**unknown), BEFORE) is TrialOutcome.HUNG_UP


def test_distccd_that_does_not_report_disk_space() -> None:
    after = BEFORE._replace(accepted=21, disconnected=4, free_space_mib=None)
    assert hangup_outcome(BEFORE, after) is TrialOutcome.NOT_STORED

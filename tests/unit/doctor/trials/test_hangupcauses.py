"""What the counters of a worker tell of a job on which it hung up."""

from __future__ import annotations

from typing import Any

import pytest

from distcc_driver.core.stats import WorkerStats
from distcc_driver.doctor.trials.hangupcauses import outcome_of
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
        # Other clients are at work.
        ({"accepted": 9, "compiled": 7, "failed": 1, "other": 1}, TrialOutcome.NOT_ALLOWED),
        ({"accepted": 9, "compiled": 8, "disconnected": 1}, TrialOutcome.NOT_STORED),
        ({"accepted": 9, "compiled": 7, "other": 1, "disconnected": 1}, TrialOutcome.HUNG_UP),
        ({"accepted": 9, "compiled": 8}, TrialOutcome.HUNG_UP),
        # It was started again.
        ({"accepted": -20, "compiled": -10, "other": -4}, TrialOutcome.DROPPED),
    ],
)
def test_rises(rises: dict[str, int], expected: TrialOutcome) -> None:
    after = BEFORE._replace(**{name: getattr(BEFORE, name) + rise for name, rise in rises.items()})
    assert outcome_of(BEFORE, after) is expected


def test_worker_that_no_longer_tells() -> None:
    assert outcome_of(BEFORE, None) is TrialOutcome.DROPPED
    assert outcome_of(None, BEFORE) is TrialOutcome.HUNG_UP
    assert outcome_of(None, None) is TrialOutcome.HUNG_UP


@pytest.mark.parametrize("name", ["accepted", "other", "disconnected", "compiled", "timed_out"])
def test_daemon_that_does_not_say(name: str) -> None:
    unknown: dict[str, Any] = {name: None}
    assert outcome_of(BEFORE, BEFORE._replace(**unknown)) is TrialOutcome.HUNG_UP
    assert outcome_of(BEFORE._replace(**unknown), BEFORE) is TrialOutcome.HUNG_UP


def test_room_that_is_not_known() -> None:
    after = BEFORE._replace(accepted=21, disconnected=4, free_space_mib=None)
    assert outcome_of(BEFORE, after) is TrialOutcome.NOT_STORED

"""JSON documents of surveys and plans."""

from __future__ import annotations

import json

import pytest

from distcc_driver.commands.document import plan_document, workers_document
from distcc_driver.core.facts import LocalCapacity
from tests.support.shapes import assert_shape

from ..samples import worker_of
from .surveys import rejected, survey

STATES = {
    "used": survey(worker_of("a", free_memory_mib=9000), worker_of("ssh://b", load=None)),
    "rejected": survey(worker_of("a"), rejected("b")),
    "without memory": survey(worker_of("a", free_memory_mib=10)),
    "fewer jobs": survey(worker_of("a", slots=9, free_memory_mib=3000)),
    "bad entry": survey(worker_of("a"), extra="b:0"),
    "refused": survey(rejected("a"), FALLBACK_LOCAL_JOBS=0),
    "limited": survey(worker_of("a", slots=900), local=LocalCapacity(4, 1200)),
    "local only": survey(rejected("a"), rejected("ssh://b")),
}


@pytest.mark.parametrize("state", STATES)
def test_workers_document_has_the_documented_shape(state: str) -> None:
    settings, answers = STATES[state]
    document = workers_document(settings, answers.results, answers.plan, answers.refusal.line)
    assert_shape(document, "`workers`")
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("state", [state for state, (_, answers) in STATES.items() if answers.plan])
@pytest.mark.parametrize("end", [None, ["python3", "release"]])
def test_plan_document_has_the_documented_shape(state: str, end: list[str] | None) -> None:
    settings, answers = STATES[state]
    assert answers.plan is not None
    document = plan_document(settings, answers.results, answers.plan, end)
    assert_shape(document, "`plan`")
    assert document["end"] == end


def test_pause_of_the_user_is_not_set_again() -> None:
    settings, answers = STATES["used"]
    assert answers.plan is not None
    kept = plan_document(settings._replace(pause_is_set=True), answers.results, answers.plan, None)
    assert "DISTCC_PAUSE_TIME_MSEC" not in kept["plan"]["set"]
    assert "DISTCC_HOSTS" in kept["plan"]["set"]

"""Rows and JSON documents of what was found."""

from __future__ import annotations

import json

import pytest

from distcc_driver.commands.document import plan_document, workers_document
from distcc_driver.commands.rows import LEFT_OUT, USED, HostRow, bad_entry_rows, host_rows
from distcc_driver.core.balance import Plan, balance
from distcc_driver.core.errors import NoCapacityError
from distcc_driver.core.facts import LocalCapacity, Rejection, Worker
from distcc_driver.core.hostspec import parse_host
from distcc_driver.core.settings import Settings
from tests.support.shapes import assert_shape

from ..samples import settings_of, worker_of

LOCAL = LocalCapacity(threads=4, memory_mib=10_000)


def rejected(text: str) -> Rejection:
    return Rejection(parse_host(text), "it is down", "start it")


def found(
    *results: Worker | Rejection, extra: str = "", local: LocalCapacity = LOCAL, **variables: object
) -> tuple[Settings, list[Worker | Rejection], Plan | None, str]:
    """What a survey of these results comes to; `extra` is in the list too."""
    names = [r.host.text if isinstance(r, Rejection) else r.endpoint.host.text for r in results]
    settings = settings_of(HOSTS=" ".join([*names, extra]), **variables)
    try:
        plan = balance(settings, [r for r in results if isinstance(r, Worker)], local)
    except NoCapacityError as error:
        return settings, list(results), None, str(error)
    return settings, list(results), plan, ""


def rows_of(*results: Worker | Rejection) -> list[HostRow]:
    settings, asked, plan, _ = found(*results)
    return host_rows(settings, asked, plan)


STATES = {
    "used": found(worker_of("a", free_memory_mib=9000), worker_of("ssh://b", load=None)),
    "rejected": found(worker_of("a"), rejected("b")),
    "without memory": found(worker_of("a", free_memory_mib=10)),
    "fewer jobs": found(worker_of("a", slots=9, free_memory_mib=3000)),
    "bad entry": found(worker_of("a"), extra="b:0"),
    "refused": found(rejected("a"), FALLBACK_LOCAL_JOBS=0),
    "limited": found(worker_of("a", slots=900), local=LocalCapacity(4, 1200)),
    "local only": found(rejected("a"), rejected("ssh://b")),
}


@pytest.mark.parametrize("state", STATES)
def test_workers_document_has_the_documented_shape(state: str) -> None:
    document = workers_document(*STATES[state])
    assert_shape(document, "`workers`")
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("state", [state for state, parts in STATES.items() if parts[2] is not None])
@pytest.mark.parametrize("end", [None, ["python3", "release"]])
def test_plan_document_has_the_documented_shape(state: str, end: list[str] | None) -> None:
    settings, results, plan, _ = STATES[state]
    assert plan is not None
    document = plan_document(settings, results, plan, end)
    assert_shape(document, "`plan`")
    assert document["end"] == end


def test_rows_come_in_the_order_of_the_results() -> None:
    assert [row.host for row in rows_of(worker_of("a"), rejected("b"), worker_of("c"))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("spec", "via"),
    [
        ("worker", "tcp"),
        ("[2001:db8::1]", "tcp"),
        ("localhost", "loopback"),
        ("127.0.0.9", "loopback"),
        ("[::1]", "loopback"),
        ("ssh://localhost", "ssh"),
    ],
)
def test_how_a_host_is_reached(spec: str, via: str) -> None:
    assert [row.via for row in rows_of(worker_of(spec))] == [via]


def test_worker_that_gets_all_it_can_do() -> None:
    (row,) = rows_of(worker_of("a", slots=4, load=0.256))
    assert (row.state, row.slots, row.jobs, row.load, row.answer_ms) == (USED, 4, 4, 0.26, 12.0)
    assert row.reason == ""


def test_worker_with_memory_for_a_part_of_its_slots() -> None:
    (row,) = rows_of(worker_of("a", slots=16, free_memory_mib=6500))
    assert (row.state, row.jobs) == (USED, 6)
    assert row.reason == "6 jobs for 16 slots: 6500 MiB free, 1024 for each compiler"


def test_worker_without_memory_for_a_compiler() -> None:
    (row,) = rows_of(worker_of("a", free_memory_mib=700))
    assert (row.state, row.jobs) == (LEFT_OUT, 0)
    assert row.cause == "700 MiB free are too little for one compiler of DISTCC_AUTO_COMPILER_MEMORY=1024 MiB"


def test_worker_that_does_not_fit_into_the_variable() -> None:
    name = "w" * 245
    rows = rows_of(*[worker_of(f"{name}.{n}") for n in range(600)])
    assert (rows[0].state, rows[-1].state) == (USED, LEFT_OUT)
    assert rows[-1].cause == "DISTCC_HOSTS is full at 128 KiB"


def test_rejected_host_knows_nothing_but_why() -> None:
    (row,) = rows_of(rejected("a"))
    assert row == HostRow("a", "tcp", LEFT_OUT, "it is down", "start it")
    assert row.reason == "it is down; start it"


def test_entry_that_is_no_host_has_a_row() -> None:
    (row,) = bad_entry_rows(settings_of(HOSTS="a b:0"))
    assert (row.host, row.state) == ("b:0", LEFT_OUT)
    assert row.reason == "character 3: port 0 is not between 1 and 65535; correct the entry"


def test_pause_of_the_user_is_not_set_again() -> None:
    settings, results, plan, _ = STATES["used"]
    assert plan is not None
    kept = plan_document(settings._replace(pause_is_set=True), results, plan, None)
    assert "DISTCC_PAUSE_TIME_MSEC" not in kept["plan"]["set"]
    assert "DISTCC_HOSTS" in kept["plan"]["set"]

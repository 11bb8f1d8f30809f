"""Rows of facts about hosts."""

from __future__ import annotations

import pytest

from distcc_driver.commands.rows import LEFT_OUT, USED, HostRow, bad_entry_rows, host_rows
from distcc_driver.core.facts import Rejection, Worker

from ..samples import settings_of, worker_of
from .surveys import rejected, survey


def rows_of(*results: Worker | Rejection) -> list[HostRow]:
    settings, answers = survey(*results)
    return host_rows(settings, answers.results, answers.plan)


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

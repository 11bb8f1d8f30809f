"""Selects workers that answered: each once, and only those with room."""

from __future__ import annotations

from typing import Any

import pytest

from distcc_driver.core.facts import Rejection, Worker
from distcc_driver.core.hostspec import parse_list
from distcc_driver.core.selection import select

from ..samples import worker_of


def worker(entry: str, address: str, room_mib: int | None = None) -> Worker:
    found = worker_of(entry)
    return found._replace(address=address, stats=found.stats._replace(free_space_mib=room_mib))


def selected(*workers: Worker) -> list[tuple[str, str | None]]:
    """Each entry with its `same_as`, or with None if the worker is used."""
    hosts, _ = parse_list(" ".join(one.endpoint.host.text for one in workers))
    results = select(hosts, workers[::-1])
    return [
        (result.host.text, result.same_as)
        if isinstance(result, Rejection)
        else (result.endpoint.host.text, None)
        for result in results
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "::ffff:10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_entries_with_the_same_address_and_job_port_count_once(first: str, second: str) -> None:
    assert selected(worker("a", first), worker("b", second)) == [("a", None), ("b", "a")]
    assert selected(worker("b:3632:9", second), worker("a", first)) == [("b:3632:9", None), ("a", "b:3632:9")]


@pytest.mark.parametrize(
    ("first", "second", "entry"),
    [
        ("10.0.0.1", "10.0.0.1", "b:3640"),
        ("10.0.0.1", "10.0.0.2", "b"),
        ("10.0.0.1", "2001:db8::1", "b"),
        ("fe80::1%eth0", "fe80::1%eth1", "b"),
        ("::ffff:a00:1", "10.0.0.1", "b"),  # getaddrinfo(3) never writes an address in this form
    ],
)
def test_another_address_or_job_port_is_another_worker(first: str, second: str, entry: str) -> None:
    assert selected(worker("a", first), worker(entry, second)) == [("a", None), (entry, None)]


@pytest.mark.parametrize(
    ("addresses", "changes", "is_once"),
    [
        (("10.0.0.1", "2001:db8::1"), {}, True),
        (("2001:db8::1", "10.0.0.1"), {}, True),
        (("::ffff:10.0.0.1", "2001:db8::1"), {}, True),
        (("10.0.0.1", "10.0.0.2"), {}, False),
        (("2001:db8::1", "2001:db8::2"), {}, False),
        (("10.0.0.1", "2001:db8::1"), {"compiled": 13}, False),
        (("10.0.0.1", "2001:db8::1"), {"longest_job_ms": 4712}, False),
        (("10.0.0.1", "2001:db8::1"), {"longest_job_ms": None}, False),
        (("10.0.0.1", "2001:db8::1"), {"slots": 5}, False),
        (("10.0.0.1", "2001:db8::1"), {"load": 0.5, "running": 1, "free_memory_mib": 900}, True),
    ],
)
def test_ipv4_and_ipv6_address_with_the_same_counters_count_once(
    addresses: tuple[str, str], changes: dict[str, Any], is_once: bool
) -> None:
    first, second = (worker(name, address) for name, address in zip("ab", addresses, strict=True))
    stats = first.stats._replace(compiled=12, failed=0, longest_job_ms=4711)
    first = first._replace(stats=stats)
    second = second._replace(stats=stats._replace(**changes))
    assert selected(first, second) == [("a", None), ("b", "a" if is_once else None)]


def test_workers_without_jobs_so_far_count_as_different() -> None:
    assert selected(worker("a", "10.0.0.1"), worker("b", "2001:db8::1")) == [("a", None), ("b", None)]


@pytest.mark.parametrize(("room_mib", "is_used"), [(0, False), (1, False), (2, True), (None, True)])
def test_worker_without_room_for_files_is_left_out(room_mib: int | None, is_used: bool) -> None:
    assert selected(worker("a", "10.0.0.1", room_mib)) == [("a", None if is_used else "")]


def test_worker_without_room_is_not_compared_with_others() -> None:
    assert selected(worker("a", "10.0.0.1", 0), worker("b", "10.0.0.1", 0)) == [("a", ""), ("b", "")]

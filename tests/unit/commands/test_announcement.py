"""Entries for DISTCC_AUTO_HOSTS from announcements, also from hostile ones."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.commands.announcement import Announcement, announced_workers
from distcc_driver.core.hostspec import TcpHost, parse_list

TEXTS = {
    b"txtvers": b"1",
    b"cpus": b"8",
    b"jobs": b"10",
    b"distcc": b"3.4",
    b"cc_version": b"14",
    b"cc_machine": b"x86_64-linux-gnu",
}
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%")


def announcement(
    *addresses: str,
    service: str = "distcc@box",
    port: int = 3632,
    properties: dict[bytes, bytes | None] | None = None,
) -> Announcement:
    return Announcement(service, "box.local", port, addresses, TEXTS if properties is None else properties)


def entries(*announcements: Announcement) -> list[str]:
    return [worker.entry for worker in announced_workers(announcements)[0]]


@pytest.mark.parametrize(
    ("addresses", "port", "entry"),
    [
        (["10.0.0.7"], 3632, "10.0.0.7"),
        (["10.0.0.7"], 4000, "10.0.0.7:4000"),
        (["2001:db8::7"], 3632, "[2001:db8::7]"),
        (["2001:DB8:0::7"], 4000, "[2001:db8::7]:4000"),
        (["fd00::7", "10.0.0.7"], 3632, "10.0.0.7"),
        (["fe80::7%eth0", "169.254.1.1", "fd00::7"], 3632, "[fd00::7]"),
        (["fe80::7%eth0", "169.254.1.1"], 3632, "169.254.1.1"),
        (["fe80::7%eth0"], 3632, "[fe80::7%eth0]"),
        (["fe80::7%eth0.5"], 4000, "[fe80::7%eth0.5]:4000"),
        (["10.0.0.9", "10.0.0.8"], 3632, "10.0.0.8"),
    ],
)
def test_entry(addresses: list[str], port: int, entry: str) -> None:
    assert entries(announcement(*addresses, port=port)) == [entry]


@pytest.mark.parametrize(
    ("addresses", "port"),
    [
        ([], 3632),
        (["10.0.0.7"], 0),
        (["127.0.0.1", "::1"], 3632),
        (["0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255"], 3632),
        (["::ffff:127.0.0.1"], 3632),
        (["fe80::7"], 3632),
        (["fe80::7%et$h"], 3632),
        (["fe80::7%a b"], 3632),
        (["box.local", "$(reboot)"], 3632),
    ],
)
def test_announcement_that_leads_to_no_worker(addresses: list[str], port: int) -> None:
    useless = announcement(*addresses, port=port)
    assert announced_workers([useless]) == ([], [useless])


def test_facts_of_an_announced_worker() -> None:
    ((worker,), _) = announced_workers([announcement("fd00::7", "10.0.0.7")])
    assert worker.addresses == ["10.0.0.7", "fd00::7"]
    assert (worker.service, worker.host, worker.port) == ("distcc@box", "box.local", 3632)
    assert (worker.slots, worker.threads, worker.distcc_version) == (10, 8, "3.4")
    assert (worker.compiler_version, worker.compiler_machine) == ("14", "x86_64-linux-gnu")


def test_value_that_is_no_number_is_unknown() -> None:
    for value in (b"0", b"-1", b"many", b"4 ", b"999999", b"", None, "²".encode()):
        ((worker,), _) = announced_workers([announcement("10.0.0.7", properties={b"jobs": value})])
        assert (worker.slots, worker.threads, worker.compiler_version) == (None, None, None)


def test_workers_come_in_the_order_of_their_addresses_each_once() -> None:
    found = [
        announcement("fd00::1", service="f"),
        announcement("10.0.0.10", service="e"),
        announcement("10.0.0.9", service="d", port=3633),
        announcement("10.0.0.9", service="c"),
        announcement("10.0.0.9", "fd00::9", service="b"),
    ]
    assert entries(*found) == ["10.0.0.9", "10.0.0.9:3633", "10.0.0.10", "[fd00::1]"]


ADDRESSES = st.ip_addresses().map(str) | st.text() | st.text().map(lambda zone: f"fe80::1%{zone}")
PROPERTIES = st.dictionaries(st.sampled_from(list(TEXTS)) | st.binary(), st.none() | st.binary())


@given(
    st.lists(
        st.builds(
            Announcement,
            st.text(),
            st.text(),
            st.integers(0, 65535),
            st.lists(ADDRESSES).map(tuple),
            PROPERTIES,
        )
    )
)
def test_entries_are_safe_to_paste_whatever_is_announced(announcements: list[Announcement]) -> None:
    workers, useless = announced_workers(announcements)
    assert len(workers) + len(useless) <= len(announcements)
    text = " ".join(worker.entry for worker in workers)
    assert set(text) <= SAFE | {" "}
    assert shlex.split(f'"{text}"') == [text]
    hosts, bad = parse_list(text)
    assert [host.text for host in hosts] == [worker.entry for worker in workers]
    assert not bad
    assert all(isinstance(host, TcpHost) for host in hosts)

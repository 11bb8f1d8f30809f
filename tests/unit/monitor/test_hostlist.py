"""distcc's host list, as far as it tells which lock files there may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.monitor.hostlist import HostList, parse_host_list


@pytest.mark.parametrize(
    ("word", "name", "via", "slots", "lock_name"),
    [
        ("worker", "worker", "tcp", 4, "cpu_tcp_worker_3632_0"),
        ("worker/16,lzo", "worker", "tcp", 16, "cpu_tcp_worker_3632_0"),
        ("worker:4000/2,cpp,lzo", "worker:4000", "tcp", 2, "cpu_tcp_worker_4000_0"),
        ("worker/2:4000", "worker:4000", "tcp", 2, "cpu_tcp_worker_4000_0"),
        ("127.0.0.1:4000/2", "127.0.0.1:4000", "tcp", 2, "cpu_tcp_127.0.0.1_4000_0"),
        ("[::1]:4000/2", "[::1]:4000", "tcp", 2, "cpu_tcp_::1_4000_0"),
        ("[fe80::1%eth0]", "[fe80::1%eth0]", "tcp", 4, "cpu_tcp_fe80::1%eth0_3632_0"),
        ("@worker", "worker", "ssh", 4, "cpu_ssh_worker_0"),
        ("me@worker/8:/opt/distccd,lzo", "worker", "ssh", 8, "cpu_ssh_worker_0"),
    ],
)
def test_a_worker(word: str, name: str, via: str, slots: int, lock_name: str) -> None:
    (entry,) = parse_host_list(word).entries
    assert (entry.name, entry.via, entry.slots, entry.lock_name(0)) == (name, via, slots, lock_name)
    assert entry.mark_name == lock_name.replace("cpu", "backoff")


def test_this_machine() -> None:
    found = parse_host_list("localhost/3 --localslots=5 --localslots_cpp=7 --randomize")
    assert found == HostList((), local_slots=5, cpp_slots=7, localhost_slots=3)
    assert found.local_lock_names == [f"cpu_localhost_{slot}" for slot in range(7)]
    assert len(parse_host_list("").local_lock_names) == 8


def test_comments_order_and_hosts_that_are_named_twice() -> None:
    found = parse_host_list("b/2 # c d\n\ta/1 b/3\n#e")
    assert [(entry.name, entry.slots) for entry in found.entries] == [("b", 3), ("a", 1)]


def test_what_is_no_host_is_told() -> None:
    assert parse_host_list("+zeroconf a [x b:c").unread == ("+zeroconf", "[x", "b:c")


def test_a_list_of_too_much_is_cut() -> None:
    found = parse_host_list("a/999999999 --localslots=999999999 " + " ".join(f"h{n}" for n in range(5000)))
    assert found.entries[0].slots == found.local_slots == 1000
    assert len(found.entries) == 4096


@given(st.text() | st.text("ab:/,@[]#-=+0123 \n"))
def test_any_text_is_read(text: str) -> None:
    for entry in parse_host_list(text).entries:
        assert entry.name
        assert 0 <= entry.slots <= 1000

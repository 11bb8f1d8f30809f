from __future__ import annotations

import ipaddress
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distcc_driver.core.errors import HostSpecError
from distcc_driver.core.hostspec import SshHost, TcpHost, parse_host, parse_list

LONGEST_NAME = "a" * 253


@pytest.mark.parametrize(
    ("text", "name", "job_port", "stats_port"),
    [
        ("worker-1", "worker-1", 3632, 3633),
        ("worker-2:4000", "worker-2", 4000, 3633),
        ("worker-2:4000:4001", "worker-2", 4000, 4001),
        ("tcp://worker", "worker", 3632, 3633),
        ("tcp://worker:1:65535", "worker", 1, 65535),
        ("TCP://worker", "worker", 3632, 3633),
        ("tCp://Worker.Example.ORG.", "Worker.Example.ORG.", 3632, 3633),
        ("_under_score_", "_under_score_", 3632, 3633),
        ("4thworker", "4thworker", 3632, 3633),
        ("worker-", "worker-", 3632, 3633),
        ("10.0.0.7", "10.0.0.7", 3632, 3633),
        ("10.0.0.7:9:10", "10.0.0.7", 9, 10),
        ("255.255.255.255", "255.255.255.255", 3632, 3633),
        ("10.0.0.7.example", "10.0.0.7.example", 3632, 3633),
        ("[::1]", "::1", 3632, 3633),
        ("[::]:9", "::", 9, 3633),
        ("tcp://[2001:DB8::7]", "2001:DB8::7", 3632, 3633),
        ("tcp://[2001:db8::7]:9:10", "2001:db8::7", 9, 10),
        ("[::ffff:10.0.0.7]", "::ffff:10.0.0.7", 3632, 3633),
        ("[fe80::1%eth0]", "fe80::1%eth0", 3632, 3633),
        ("[fe80::1%eth0.100]:9", "fe80::1%eth0.100", 9, 3633),
        ("worker:00080", "worker", 80, 3633),
        ("tcp", "tcp", 3632, 3633),
        ("ssh:22", "ssh", 22, 3633),
        (LONGEST_NAME, LONGEST_NAME, 3632, 3633),
    ],
)
def test_tcp_host(text: str, name: str, job_port: int, stats_port: int) -> None:
    assert parse_host(text) == TcpHost(text, name, job_port, stats_port)


@pytest.mark.parametrize(
    ("text", "name", "user", "ssh_port", "job_port", "stats_port"),
    [
        ("ssh://worker", "worker", None, None, 3632, 3633),
        ("SSH://Worker", "Worker", None, None, 3632, 3633),
        ("ssh://me@worker", "worker", "me", None, 3632, 3633),
        ("ssh://me.too_2-x@worker:2222", "worker", "me.too_2-x", 2222, 3632, 3633),
        ("ssh://worker/4000", "worker", None, None, 4000, 3633),
        ("ssh://worker/4000/4001", "worker", None, None, 4000, 4001),
        ("ssh://me@worker:22/4000/4001", "worker", "me", 22, 4000, 4001),
        ("ssh://10.0.0.7:22/1", "10.0.0.7", None, 22, 1, 3633),
        ("ssh://[::1]", "::1", None, None, 3632, 3633),
        ("ssh://me@[fe80::1%eth0]:22/4000/4001", "fe80::1%eth0", "me", 22, 4000, 4001),
        ("ssh://localhost", "localhost", None, None, 3632, 3633),
    ],
)
def test_ssh_host(
    text: str, name: str, user: str | None, ssh_port: int | None, job_port: int, stats_port: int
) -> None:
    assert parse_host(text) == SshHost(text, name, user, ssh_port, job_port, stats_port)


@pytest.mark.parametrize("text", ["localhost", "LocalHost", "tcp://localhost:9", "127.0.0.1"])
def test_localhost_is_replaced_by_the_loopback_address(text: str) -> None:
    host = parse_host(text)
    assert isinstance(host, TcpHost)
    assert host.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "address"),
    [("worker", "worker"), ("localhost.example", "localhost.example"), ("[::1]:9", "::1")],
)
def test_other_names_are_connected_to_as_written(text: str, address: str) -> None:
    host = parse_host(text)
    assert isinstance(host, TcpHost)
    assert host.address == address


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        # scheme
        ("http://worker", 1, "unknown scheme 'http', expected tcp:// or ssh://"),
        ("://worker", 1, "unknown scheme '', expected tcp:// or ssh://"),
        ("ssh2://worker", 1, "unknown scheme 'ssh2', expected tcp:// or ssh://"),
        ("ssh://ssh://worker", 11, "the port is missing"),
        ("ssh:/worker", 5, "port '/worker' is not a number"),
        ("tcp:worker", 5, "port 'worker' is not a number"),
        # host name
        ("", 1, "the host name is missing"),
        ("tcp://", 7, "the host name is missing"),
        ("ssh://", 7, "the host name is missing"),
        (":3632", 1, "the host name is missing"),
        ("ssh://:22", 7, "the host name is missing"),
        ("ssh:///3632", 7, "the host name is missing"),
        ("ssh://me@", 10, "the host name is missing"),
        ("ssh://me@/3632", 10, "the host name is missing"),
        ("-worker", 1, "a host name must not begin with '-'"),
        ("tcp://-worker", 7, "a host name must not begin with '-'"),
        ("ssh://-oProxyCommand=x", 7, "a host name must not begin with '-'"),
        ("ssh://me@-oProxyCommand=x", 10, "a host name must not begin with '-'"),
        ("wor$ker", 4, "'$' is not allowed in a host name"),
        ("worker,lzo", 7, "',' is not allowed in a host name"),
        ("w\N{LATIN SMALL LETTER O WITH DIAERESIS}rker", 2, "'ö' is not allowed in a host name"),
        ("worker\N{ARABIC-INDIC DIGIT ONE}", 7, "'\u0661' is not allowed in a host name"),
        ("wor\udcffker", 4, "'\\udcff' is not allowed in a host name"),
        ("me@worker", 3, "'@' is not allowed in a host name"),
        ("worker]", 7, "']' is not allowed in a host name"),
        (LONGEST_NAME + "a", 1, "a host name of 254 characters; 253 is the most"),
        # IPv4
        ("256.0.0.1", 1, "'256.0.0.1' is not an IPv4 address"),
        ("tcp://1.2.3.1000", 7, "'1.2.3.1000' is not an IPv4 address"),
        ("10.0.0.07", 1, "'10.0.0.07' is not an IPv4 address"),
        # IPv6
        ("::1", 1, "an IPv6 address must stand in brackets"),
        ("tcp://2001:db8::7", 7, "an IPv6 address must stand in brackets"),
        ("2001:db8:0:0:0:0:0:7", 1, "an IPv6 address must stand in brackets"),
        ("fe80::1%eth0", 1, "an IPv6 address must stand in brackets"),
        ("fe80::1%", 1, "an IPv6 address must stand in brackets"),
        ("ssh://me@fe80::1", 10, "an IPv6 address must stand in brackets"),
        ("ssh://fe80::1/3632", 7, "an IPv6 address must stand in brackets"),
        ("fe80::1%et:h0", 1, "an IPv6 address must stand in brackets"),
        ("1:2:3:4:5:6:1.2.3.4", 1, "an IPv6 address must stand in brackets"),
        ("[::1", 1, "'[' without ']'"),
        ("[::1]]", 6, "']' is not expected here"),
        ("ssh://me@[::1:22/3632", 10, "'[' without ']'"),
        ("[]", 2, "'' is not an IPv6 address"),
        ("[worker]", 2, "'worker' is not an IPv6 address"),
        ("[10.0.0.7]", 2, "'10.0.0.7' is not an IPv6 address"),
        ("tcp://[1:2:3]", 8, "'1:2:3' is not an IPv6 address"),
        ("[::1/64]", 2, "'::1/64' is not an IPv6 address"),
        ("[::1%]", 6, "the zone is missing"),
        ("[::1%-e]", 6, "a zone must not begin with '-'"),
        ("[::1%e$h]", 7, "'$' is not allowed in a zone"),
        ("[::1]3632", 6, "'3632' is not expected here"),
        # ports
        ("worker:", 8, "the port is missing"),
        ("worker:1:", 10, "the port is missing"),
        ("worker::3633", 8, "the port is missing"),
        ("worker:0", 8, "port 0 is not between 1 and 65535"),
        ("worker:65536", 8, "port 65536 is not between 1 and 65535"),
        ("worker:000080", 8, "port 000080 is not between 1 and 65535"),
        ("worker:1:99999999999999999999", 10, "port 99999999999999999999 is not between 1 and 65535"),
        ("worker:-1", 8, "port '-1' is not a number"),
        ("worker:+1", 8, "port '+1' is not a number"),
        ("worker:1_0", 8, "port '1_0' is not a number"),
        ("worker:\N{SUPERSCRIPT TWO}", 8, "port '²' is not a number"),
        ("worker:0x10", 8, "port '0x10' is not a number"),
        ("worker:1:2:3", 11, "':3' is not expected here"),
        ("10.0.0.7:1:2:3", 13, "':3' is not expected here"),
        ("worker/8", 7, "'/8' is not expected here"),
        ("worker:3632/8,lzo", 8, "port '3632/8,lzo' is not a number"),
        ("[::1]:1:2:3", 10, "':3' is not expected here"),
        ("ssh://worker:", 14, "the port is missing"),
        ("ssh://worker:0", 14, "port 0 is not between 1 and 65535"),
        ("ssh://worker:/1", 14, "the port is missing"),
        ("ssh://worker:22:23", 16, "':23' is not expected here"),
        ("ssh://worker/", 14, "the port is missing"),
        ("ssh://worker/1/", 16, "the port is missing"),
        ("ssh://worker/1/2/3", 17, "'/3' is not expected here"),
        ("ssh://worker/1:2", 14, "port '1:2' is not a number"),
        ("ssh://worker/home", 14, "port 'home' is not a number"),
        ("ssh://[::1]22", 12, "'22' is not expected here"),
        # user
        ("ssh://@worker", 7, "the user is missing"),
        ("ssh://-l@worker", 7, "a user must not begin with '-'"),
        ("ssh://me:secret@worker", 9, "':' is not allowed in a user"),
        ("ssh://me@you@worker", 9, "'@' is not allowed in a user"),
    ],
)
def test_error_names_place_and_reason(text: str, column: int, reason: str) -> None:
    with pytest.raises(HostSpecError) as caught:
        parse_host(text)
    assert str(caught.value) == reason
    assert caught.value.column == column


def outcome(text: str) -> TcpHost | SshHost | HostSpecError:
    try:
        return parse_host(text)
    except HostSpecError as error:
        return error


WORD = st.text(string.ascii_letters + string.digits + "._", min_size=1, max_size=20)
PORT = st.integers(1, 65535)
ADDRESSES = st.one_of(
    WORD.filter(lambda word: not set(word) <= set(string.digits + ".")),
    st.ip_addresses(v=4).map(str),
    st.builds("{}-{}".format, WORD, WORD),
)
IPV6 = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.builds("{}%{}".format, st.ip_addresses(v=6), WORD),
)


def any_case(word: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([c, c.upper()]) for c in word)).map("".join)


def place(name: str) -> str:
    return f"[{name}]" if ":" in name else name


@given(st.one_of(ADDRESSES, IPV6), any_case("tcp://") | st.just(""), st.lists(PORT, max_size=2))
def test_any_tcp_host_is_read_as_its_parts(name: str, scheme: str, ports: list[int]) -> None:
    text = scheme + place(name) + "".join(f":{port}" for port in ports)
    job_port, stats_port = (*ports, *[3632, 3633][len(ports) :])
    assert parse_host(text) == TcpHost(text, name, job_port, stats_port)


@given(
    st.one_of(ADDRESSES, IPV6),
    any_case("ssh://"),
    st.none() | WORD,
    st.none() | PORT,
    st.lists(PORT, max_size=2),
)
def test_any_ssh_host_is_read_as_its_parts(
    name: str, scheme: str, user: str | None, ssh_port: int | None, ports: list[int]
) -> None:
    text = scheme
    text += "" if user is None else f"{user}@"
    text += place(name)
    text += "" if ssh_port is None else f":{ssh_port}"
    text += "".join(f"/{port}" for port in ports)
    job_port, stats_port = (*ports, *[3632, 3633][len(ports) :])
    assert parse_host(text) == SshHost(text, name, user, ssh_port, job_port, stats_port)


NEARLY_HOSTS = st.lists(
    st.sampled_from([*"[]:/@%.-", "::", "://", "tcp://", "ssh://", "worker", "fe80", "1", "65536", "$"]),
    max_size=10,
).map("".join)


@given(st.one_of(st.text(), NEARLY_HOSTS))
@example("[" + "1:" * 5000 + "]")
@example("1" * 5000)
@example("worker:" + "1" * 5000)
@example("1.2.3." + "1" * 5000)
def test_parse_host_raises_nothing_but_its_own_error_at_a_place_in_the_text(text: str) -> None:
    result = outcome(text)
    if isinstance(result, HostSpecError):
        assert 1 <= result.column <= len(text) + 1
        assert str(result)
    else:
        assert result.text == text
        assert 1 <= result.job_port <= 65535
        assert 1 <= result.stats_port <= 65535
        if ":" in result.name:
            assert ipaddress.IPv6Address(result.name)


@given(st.text("- abz0-=$`\\'\"@:/.", max_size=12))
def test_nothing_that_reaches_ssh_looks_like_an_option(text: str) -> None:
    result = outcome("ssh://" + text)
    if not isinstance(result, HostSpecError):
        assert isinstance(result, SshHost)
        assert not result.name.startswith("-")
        assert not (result.user or "").startswith("-")


@pytest.mark.parametrize("text", ["a b c", "  a\tb\nc\n", "a\r\nb\r\nc", "a \t\n\t b\n\n\nc"])
def test_list_is_separated_by_any_white_space(text: str) -> None:
    hosts, bad = parse_list(text)
    assert [host.name for host in hosts] == ["a", "b", "c"]
    assert bad == []


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\x1c", "\x85", "\u3000"])
def test_other_spaces_of_unicode_are_reported(blank: str) -> None:
    """Text that was copied from a web page may have such spaces. Other programs do not split there."""
    hosts, (bad,) = parse_list(f"a{blank}b c")
    assert [host.name for host in hosts] == ["c"]
    assert (bad.position, bad.column) == (1, 2)


@pytest.mark.parametrize("text", ["", " \t\n "])
def test_blank_list_has_no_hosts(text: str) -> None:
    assert parse_list(text) == ([], [])


def test_malformed_entries_are_returned_with_their_place_and_the_others_count() -> None:
    hosts, bad = parse_list("good -bad\nssh://fine/1 also:bad\n")
    assert [host.text for host in hosts] == ["good", "ssh://fine/1"]
    assert [(entry.position, entry.text, entry.column, entry.reason) for entry in bad] == [
        (2, "-bad", 1, "a host name must not begin with '-'"),
        (4, "also:bad", 6, "port 'bad' is not a number"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "worker tcp://worker worker:3632 worker:3632:3633 TCP://worker:03632",
        "worker WORKER Worker",
        "localhost 127.0.0.1 tcp://LOCALHOST:3632",
        "[::1] [::1]:3632 [0:0:0:0:0:0:0:1] [0::0001]",
        "[2001:db8::a] [2001:DB8::A] [2001:db8:0::0:a]",
        "[fe80::1%eth0] [fe80:0::1%eth0]",
        "ssh://me@worker:22/3632 ssh://me@worker:22 SSH://me@worker:22/3632/3633",
    ],
)
def test_same_worker_named_again_counts_once_as_first_written(text: str) -> None:
    hosts, bad = parse_list(text)
    assert [host.text for host in hosts] == text.split()[:1]
    assert bad == []


@pytest.mark.parametrize(
    "text",
    [
        "worker worker:3634",
        "worker worker:3632:3634",
        "worker ssh://worker",
        "ssh://worker ssh://me@worker ssh://you@worker ssh://worker:22 ssh://worker/1 ssh://worker/1/2",
        "ssh://localhost localhost ssh://127.0.0.1",
        "[fe80::1%eth0] [fe80::1%ETH0] [fe80::1]",
        "ssh://worker ssh://Worker",
        "[::1] 127.0.0.1",
    ],
)
def test_different_workers_are_all_kept(text: str) -> None:
    hosts, _ = parse_list(text)
    assert [host.text for host in hosts] == text.split()


ENTRIES = st.builds(
    "{}{}".format,
    st.sampled_from(["a", "A", "b", "ssh://a", "-", "[::1]"]),
    st.sampled_from(["", ":1", ":x"]),
)


@given(st.lists(ENTRIES, max_size=12))
def test_list_keeps_the_order_of_first_mention_and_loses_nothing(entries: list[str]) -> None:
    hosts, bad = parse_list(" ".join(entries))
    first_mentions = [entries.index(host.text) for host in hosts]
    assert first_mentions == sorted(set(first_mentions))
    assert [entries[entry.position - 1] for entry in bad] == [entry.text for entry in bad]
    assert [entry.position for entry in bad] == sorted({entry.position for entry in bad})
    assert {host.text for host in hosts} | {entry.text for entry in bad} <= set(entries)
    for number, entry in enumerate(entries, 1):
        again, wrong = parse_list(" ".join([*entries, entry]))
        assert again == hosts
        assert len(wrong) == len(bad) + (number in {item.position for item in bad})


@given(st.text())
def test_parse_list_never_raises_and_every_host_stands_in_the_text(text: str) -> None:
    hosts, bad = parse_list(text)
    entries = re.split(r"[ \t\n\r\v\f]+", text)
    assert all(host.text in entries for host in hosts)
    assert len(hosts) + len(bad) <= len(entries)
    assert parse_list(" ".join(host.text for host in hosts)) == (hosts, [])

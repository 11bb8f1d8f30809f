"""Parsers and the probe get random replies and host lists: each is read, or refused by an error of ours."""

from __future__ import annotations

import random
import re
import socket
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from distcc_driver.core.errors import StatsError
from distcc_driver.core.facts import Endpoint, Rejection, Worker
from distcc_driver.core.hostspec import parse_host, parse_list
from distcc_driver.core.stats import MAX_SLOTS, WorkerStats, parse_stats
from distcc_driver.machine.log import printable
from distcc_driver.network.probe import ask_all, ask_stats
from distcc_driver.network.timelimit import TimeLimit
from tests.support import servers
from tests.support.evil import Evil
from tests.support.place import ROOT
from tests.support.servers import Server
from tests.unit.samples import REPLY

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Tally

T = TypeVar("T")

HYPOTHESIS_RUNS = 1_500
RANDOM_RUNS = 20_000
CONVERSATIONS = 4_000
AT_ONCE = 200
ATHERIS_RUNS = {"reply": 300_000, "hosts": 100_000, "number": 100_000}
_LIMIT_S = 240

KEYS = sorted(
    {line.split()[0] for line in REPLY.split(b"\n") if line.startswith(b"dcc_")} | {b"dcc_free_mem"}
)
VALUES = st.binary(max_size=40) | st.decimals().map(lambda number: str(number).encode())
LINES = st.builds(
    lambda key, value: key + b" " + value, st.sampled_from(KEYS) | st.binary(max_size=9), VALUES
)
HEADERS = st.sampled_from([b"", b"HTTP/1.0 200 OK\n\n", b"HTTP/1.1 200 OK\r\n\r\n"]) | st.binary(max_size=40)
PAGES = st.builds(
    lambda header, lines, end: header + b"<distccstats>\n" + b"\n".join(lines) + end,
    HEADERS,
    st.lists(LINES, max_size=12),
    st.sampled_from([b"\n</distccstats>\n", b"", b"\n", b"\0"]),
)
ENTRIES = st.text(max_size=30) | st.text("[]:/@%.-0123456789abcWORKERtcpsh$ \n\x00\x1b", max_size=40)


def check_reply(reply: bytes) -> WorkerStats | None:
    """Parse a reply. None if the parser refuses it, with a message that is short and printable."""
    try:
        stats = parse_stats(reply)
    except StatsError as error:
        check_words(str(error))
        return None
    assert 1 <= stats.slots <= MAX_SLOTS
    assert stats.load is None or 0 <= stats.load < 1e20
    for number in (stats.free_memory_mib, *stats.counters):
        assert number is None or 0 <= number < 1e9
    return stats


def check_hosts(text: str) -> bool:
    """Whether a list has hosts. Each must be the same as alone, and none may look like an option of ssh."""
    hosts, bad = parse_list(text)
    entries = re.split(r"[ \t\n\r\v\f]+", text)
    assert len(hosts) + len(bad) <= len(entries)
    for host in hosts:
        assert parse_host(host.text) == host
        assert re.fullmatch(r"[A-Za-z0-9._:%][A-Za-z0-9._:%-]*", host.name)
        assert host.text in entries
    return bool(hosts)


def check_words(text: str) -> None:
    assert 0 < len(printable(text)) < 300


def check_many(
    check: Callable[[T], None],
    strategy: st.SearchStrategy[T],
    make_evil: Callable[[], T],
    chance: random.Random,
    scaled: Callable[[int], int],
) -> None:
    """Check inputs that Hypothesis makes, without a time limit or a database, and then evil ones."""
    runs = scaled(HYPOTHESIS_RUNS)
    patient = settings(
        max_examples=runs, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    patient(seed(chance.getrandbits(32))(given(strategy)(check)))()
    for _ in range(scaled(RANDOM_RUNS)):
        check(make_evil())


def test_any_reply_is_read_or_refused(
    chance: random.Random, scaled: Callable[[int], int], tally: Tally
) -> None:
    def check(reply: bytes) -> None:
        tally.count("replies of stats ports", "read" if check_reply(reply) else "refused")

    check_many(check, st.binary() | PAGES, Evil(chance).reply, chance, scaled)


def test_any_host_list_is_read_or_refused(
    chance: random.Random, scaled: Callable[[int], int], tally: Tally
) -> None:
    def check(text: str) -> None:
        tally.count("host lists", "with hosts" if check_hosts(text) else "without")

    check_many(check, st.lists(ENTRIES, max_size=6).map(" ".join), Evil(chance).host_list, chance, scaled)


@pytest.mark.parametrize("kind", ATHERIS_RUNS)
def test_no_path_through_a_parser_leads_to_another_error(
    kind: str,
    chance: random.Random,
    scaled: Callable[[int], int],
    tally: Tally,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine or this Python")
    runs = scaled(ATHERIS_RUNS[kind])
    directory = tmp_path_factory.mktemp("fuzz")
    words = [kind, str(runs), str(chance.getrandbits(31)), str(directory)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress.fuzz", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Done {runs} in" in done.stderr
    table = {"reply": "replies of stats ports", "hosts": "host lists", "number": "values of variables"}[kind]
    tally.count(table, "by atheris", runs)


class Talk:
    """A stats port at many addresses.

    Each address sends a random reply, in random pieces, with a random end.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._evil = Evil(chance)
        self._lock = threading.Lock()
        self.replies: dict[str, bytes] = {}

    def answer(self, connection: socket.socket, closing: threading.Event) -> None:
        with self._lock:
            reply = self._evil.reply()
            pieces = sorted(self._chance.randrange(len(reply) + 1) for _ in range(self._chance.randrange(5)))
            reads, cuts, pauses = (self._chance.random() < 0.5 for _ in range(3))
        # Without TCP_NODELAY a reset would discard pieces that the kernel has not sent yet.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies[connection.getsockname()[0]] = reply
        if reads:
            connection.recv(4096)
        for start, end in zip([0, *pieces], [*pieces, len(reply)], strict=True):
            connection.sendall(reply[start:end])
            if pauses and closing.wait(0.001):
                return
        if cuts:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def addresses(count: int) -> list[str]:
    """Loopback addresses: all of 127.0.0.0/8 is this machine."""
    return [f"127.0.{number // 250}.{1 + number % 250}" for number in range(count)]


def test_a_reply_means_the_same_however_it_arrives(
    chance: random.Random, scaled: Callable[[int], int], tally: Tally
) -> None:
    """A reply in pieces, with or without a reset at its end, has the result of the whole reply."""
    for _ in range(scaled(CONVERSATIONS) // (2 * AT_ONCE)):
        talk = Talk(chance)
        with Server(talk.answer, "0.0.0.0") as stats, Server(servers.hang, "0.0.0.0") as job:
            endpoints = [
                Endpoint(parse_host(f"{address}:{job.port}:{stats.port}"), address, job.port, stats.port)
                for address in addresses(AT_ONCE)
            ]
            for asks_both_ports in (True, False):
                talk.replies.clear()
                asked = ask_all(endpoints, TimeLimit(30.0)) if asks_both_ports else ask_stats(endpoints, 30.0)
                for endpoint, result in zip(endpoints, asked, strict=True):
                    _check_result(talk.replies[endpoint.address], result)
                    tally.count("conversations", "refused" if isinstance(result, Rejection) else "read")


def _check_result(reply: bytes, result: Worker | Rejection) -> None:
    wanted = check_reply(reply)
    if isinstance(result, Rejection):
        assert wanted is None, (reply, result)
        assert len(printable(result.cause)) < 300
    else:
        assert result.stats == wanted, reply

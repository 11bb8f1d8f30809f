from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distcc_driver.core.errors import StatsError
from distcc_driver.core.stats import WorkerStats, is_whole, parse_stats

from ..samples import REPLY


def with_line(line: bytes) -> bytes:
    """The real reply with the line of the same key replaced, or a new one added."""
    key = line.split()[0] + b" "
    lines = [line if old.startswith(key) else old for old in REPLY.split(b"\n")]
    if line not in lines:
        lines.insert(lines.index(b"<distccstats>") + 1, line)
    return b"\n".join(lines)


def page(*lines: str) -> bytes:
    return "\n".join(["<distccstats>", *lines, "</distccstats>\n"]).encode()


def test_real_reply() -> None:
    assert parse_stats(REPLY) == WorkerStats(
        slots=7,
        load=0.5,
        free_memory_mib=None,
        running=2,
        compiled=12,
        failed=0,
        refused=0,
        disconnected=0,
        timed_out=0,
        free_space_mib=81521,
        accepted=0,
        other=0,
    )


def test_reply_of_a_daemon_that_tells_its_free_memory() -> None:
    assert parse_stats(with_line(b"dcc_free_mem 81521 MB")) == parse_stats(REPLY)._replace(
        free_memory_mib=81521
    )


@pytest.mark.parametrize("value", [0, 7, 999999999])
def test_counter(value: int) -> None:
    assert parse_stats(with_line(b"dcc_compile_ok %d" % value)) == parse_stats(REPLY)._replace(compiled=value)


def test_longest_load() -> None:
    lines = [f"dcc_load{number} {'1' * 20}" for number in (1, 2, 3)]
    assert parse_stats(page("dcc_max_kids 4", *lines)).load == float("1" * 20)


@pytest.mark.parametrize("value", [b"", b"-1", b"many", b"1.5", b"1" * 10, b"\xff"])
def test_counter_that_is_no_number_is_unknown_and_changes_nothing_else(value: bytes) -> None:
    assert parse_stats(with_line(b"dcc_compile_ok " + value)) == parse_stats(REPLY)._replace(compiled=None)


@pytest.mark.parametrize(
    "reply",
    [
        REPLY.replace(b"\n", b"\r\n"),
        REPLY.partition(b"\n\n")[2],
        REPLY + b"trailing text dcc_max_kids 9\n",
        REPLY.replace(b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nServer: nginx"),
        REPLY.replace(b"argv", b"argv dcc_max_kids 4000\ndcc_max_kids 4000\n"),
        REPLY.replace(b"dcc_max_kids", b"dcc_longest_job dcc_max_kids 4\ndcc_max_kids"),
        REPLY.replace(b"(python3)", b"(py\xff\x00thon3)"),
        REPLY.replace(b"\n\n", b"\n\nTransfer-Encoding: chunked\n\n", 1),
        REPLY.replace(b"\n\n", b"\n\nTransfer-Encoding: chunked\n", 1).replace(b"\n", b"\r\n"),
        REPLY.replace(b"</distccstats>", b"<distccstats>\n</distccstats>"),
    ],
    ids=[
        "CRLF",
        "no header",
        "text after it",
        "more header",
        "keys before it",
        "key as value",
        "odd bytes",
        "blank lines",
        "blank line, CRLF",
        "two pages",
    ],
)
def test_variants_of_a_reply_mean_the_same(reply: bytes) -> None:
    assert parse_stats(reply) == parse_stats(REPLY)


@pytest.mark.parametrize(
    ("line", "memory"),
    [
        (b"dcc_free_mem 0 MB", 0),
        (b"dcc_free_mem 17 MB", 17),
        (b"dcc_free_mem 999999999 MB", 999999999),
        (b"dcc_free_mem 17MB", 17),
        (b"dcc_free_mem 17", 17),
        (b"dcc_free_mem   17   MB  ", 17),
        (b"dcc_free_mem -1 MB", None),
        (b"dcc_free_memory 17 MB", None),
        (b"dcc_free_space 17 MB", None),
    ],
)
def test_free_memory(line: bytes, memory: int | None) -> None:
    assert parse_stats(with_line(line)).free_memory_mib == memory


@pytest.mark.parametrize(
    ("value", "space"),
    [
        (b"0 MB", 0),
        (b"17 MB", 17),
        (b"17", 17),
        (b"-1 MB", None),
        (b"-2147483648 MB", None),
        (b"", None),
        (b"much", None),
        (b"4 GB", None),
        (b"1000000000 MB", None),
    ],
)
def test_free_space_that_is_no_number_is_unknown(value: bytes, space: int | None) -> None:
    reply = REPLY.replace(b"dcc_free_space 81521 MB", b"dcc_free_space " + value)
    assert parse_stats(reply).free_space_mib == space


def test_free_space_may_be_missing() -> None:
    assert parse_stats(REPLY.replace(b"dcc_free_space 81521 MB\n", b"")).free_space_mib is None


@pytest.mark.parametrize(
    ("loads", "mean"),
    [
        (["1.00", "2.00", "3.00"], 2.0),
        (["0", "0", "1.5"], 0.5),
        (["-1.00", "-1.00", "-1.00"], None),
        (["1.00", "1.00", "-1.00"], None),
        (["1.00", "2.00"], None),
        ([], None),
    ],
)
def test_load_is_the_mean_of_three_or_unknown(loads: list[str], mean: float | None) -> None:
    lines = [f"dcc_load{number} {load}" for number, load in enumerate(loads, 1)]
    assert parse_stats(page("dcc_max_kids 4", *lines)) == WorkerStats(4, mean, None)


@pytest.mark.parametrize("slots", [1, 2, 4095, 4096])
def test_slots(slots: int) -> None:
    assert parse_stats(with_line(b"dcc_max_kids %d" % slots)).slots == slots


def test_first_mention_of_a_key_counts() -> None:
    assert parse_stats(page("dcc_max_kids 4", "dcc_max_kids 400")).slots == 4


@pytest.mark.parametrize(
    ("reply", "slots"),
    [
        (b"<distccstats>\ndcc_max_kids 16\n", 16),
        (b"<distccstats>\ndcc_max_kids 16\ndcc_load1", 16),
        (b"<distccstats>\ndcc_max_kids 16\n</distccsta", 16),
    ],
)
def test_reply_without_its_end_counts_if_the_slots_are_there(reply: bytes, slots: int) -> None:
    assert parse_stats(reply) == WorkerStats(slots)


def test_last_line_of_a_reply_that_was_cut_off_is_ignored() -> None:
    cut = page("dcc_max_kids 4", "dcc_load1 1.00", "dcc_load2 1.00", "dcc_load3 1.00", "dcc_free_mem 1")
    assert parse_stats(cut.partition(b"\n</")[0] + b"") == WorkerStats(4, 1.0, None)


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        (REPLY, True),
        (REPLY + b"more", True),
        (REPLY[:-2], False),
        (b"", False),
        (b"</distccstats>", False),
        (b"</distccstats><distccstats>", False),
        (b"</distccstats><distccstats></distccstats>", True),
    ],
)
def test_reply_is_whole_when_its_end_follows_its_beginning(reply: bytes, whole: bool) -> None:
    assert is_whole(reply) is whole


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "the reply is not a distccd stats page"),
        (b"\n\n", "the reply is not a distccd stats page"),
        (b"<!DOCTYPE html><html><body>It works!</body></html>", "the reply is not a distccd stats page"),
        (b"HTTP/1.0 404 Not Found\n\n", "not a distccd stats page, its HTTP status is '404'"),
        (b"HTTP/1.1 302 Found\r\n\r\n" + page("dcc_max_kids 4"), "its HTTP status is '302'"),
        (b"HTTP/\x1b[2J\n\n" + page("dcc_max_kids 4"), "its HTTP status is ''"),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\nTRANSFER-encoding: x\r\n\r\n" + page("dcc_max_kids 4"),
            "the reply comes in chunks, which a distccd stats page does not",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the reply is not a distccd stats page"),
        (b"dcc_max_kids 4\n", "the reply is not a distccd stats page"),
        (b"<DISTCCSTATS>\ndcc_max_kids 4\n", "the reply is not a distccd stats page"),
        (page(), "the stats reply does not say dcc_max_kids"),
        (page("dcc_max_kidsx 4"), "the stats reply does not say dcc_max_kids"),
        (b"<distccstats>\ndcc_max_kids 1", "the stats reply does not say dcc_max_kids"),
        (page("dcc_max_kids"), "dcc_max_kids '', which is not a whole number"),
        (page("dcc_max_kids many"), "dcc_max_kids 'many', which is not a whole number"),
        (page("dcc_max_kids 4 5"), "dcc_max_kids '4 5', which is not a whole number"),
        (page("dcc_max_kids -1"), "dcc_max_kids '-1', which is not a whole number"),
        (page("dcc_max_kids 4.0"), "dcc_max_kids '4.0', which is not a whole number"),
        (page("dcc_max_kids 1e3"), "dcc_max_kids '1e3', which is not a whole number"),
        (page("dcc_max_kids 4_0"), "dcc_max_kids '4_0', which is not a whole number"),
        (page("dcc_max_kids \N{ARABIC-INDIC DIGIT FOUR}"), "which is not a whole number"),
        (page("dcc_max_kids " + "9" * 5000), f"dcc_max_kids '{'9' * 40}', which is not a whole number"),
        (b"HTTP/1.1 " + b"9" * 5000, f"its HTTP status is '{'9' * 40}'"),
        (with_line(b"dcc_load1 " + b"1" * 50), f"dcc_load1 '{'1' * 40}', which is not a number"),
        (with_line(b"dcc_free_mem 1000000000 MB"), "which is not a whole number"),
        (with_line(b"dcc_load1 " + b"1" * 21), f"dcc_load1 '{'1' * 21}', which is not a number"),
        (page("dcc_max_kids 0"), "0 slots, which is not between 1 and 4096"),
        (page("dcc_max_kids 4097"), "4097 slots, which is not between 1 and 4096"),
        (with_line(b"dcc_load1 high"), "dcc_load1 'high', which is not a number"),
        (with_line(b"dcc_load2 nan"), "dcc_load2 'nan', which is not a number"),
        (with_line(b"dcc_load3 inf"), "dcc_load3 'inf', which is not a number"),
        (with_line(b"dcc_load1 1e5"), "dcc_load1 '1e5', which is not a number"),
        (with_line(b"dcc_load1 --1"), "dcc_load1 '--1', which is not a number"),
        (with_line(b"dcc_load1 ."), "dcc_load1 '.', which is not a number"),
        (with_line(b"dcc_load1 1.2.3"), "dcc_load1 '1.2.3', which is not a number"),
        (with_line(b"dcc_free_mem much"), "dcc_free_mem 'much', which is not a whole number"),
        (with_line(b"dcc_free_mem MB"), "dcc_free_mem '', which is not a whole number"),
        (with_line(b"dcc_free_mem 4.5 MB"), "dcc_free_mem '4.5', which is not a whole number"),
        (with_line(b"dcc_free_mem 4 GB"), "dcc_free_mem '4 GB', which is not a whole number"),
    ],
)
def test_error_says_what_is_wrong_with_the_reply(reply: bytes, reason: str) -> None:
    with pytest.raises(StatsError) as caught:
        parse_stats(reply)
    assert str(caught.value).startswith("the ")
    assert str(caught.value).endswith(reason)
    assert len(str(caught.value)) < 200


def check(reply: bytes) -> None:
    try:
        stats = parse_stats(reply)
    except StatsError as error:
        text = str(error)
    else:
        text = "fine"
        assert 1 <= stats.slots <= 4096
        assert stats.load is None or 0 <= stats.load < float("inf")
        assert stats.free_memory_mib is None or stats.free_memory_mib >= 0
    assert text


@given(st.binary())
def test_any_bytes_are_read_or_refused(reply: bytes) -> None:
    check(reply)
    check(b"<distccstats>\n" + reply)
    check(b"<distccstats>\ndcc_max_kids " + reply + b"\n</distccstats>\n")


KEYS = [line.split()[0] for line in REPLY.split(b"\n") if line.startswith(b"dcc_")]


@given(st.sampled_from([*KEYS, b"dcc_free_mem"]), st.binary(max_size=30))
@example(b"dcc_load1", b"-")
@example(b"dcc_load1", b"1" * 400)
def test_any_value_of_any_key_is_read_or_refused(key: bytes, value: bytes) -> None:
    check(with_line(key + b" " + value))


@given(st.integers(0, len(REPLY)), st.integers(0, len(REPLY)), st.binary(max_size=5))
def test_real_reply_with_a_piece_replaced_is_read_or_refused(start: int, end: int, piece: bytes) -> None:
    check(REPLY[:start] + piece + REPLY[end:])


@given(st.integers(0, len(REPLY)))
def test_reply_cut_anywhere_is_never_read_as_other_numbers(length: int) -> None:
    whole = WorkerStats(
        16,
        12.5,
        123456,
        running=2,
        compiled=12,
        failed=0,
        refused=0,
        disconnected=0,
        timed_out=0,
        free_space_mib=81521,
        accepted=0,
        other=0,
    )
    reply = with_line(b"dcc_free_mem 123456 MB").replace(b"dcc_max_kids 7", b"dcc_max_kids 16")
    reply = reply.replace(b" 0.50", b" 12.50").replace(b" 0.25", b" 12.25").replace(b" 0.75", b" 12.75")
    assert parse_stats(reply) == whole
    try:
        found = parse_stats(reply[:length])
    except StatsError:
        return
    assert found.slots == whole.slots
    for said, meant in zip(found, whole, strict=True):
        assert said in (None, meant)

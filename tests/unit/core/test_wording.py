"""Hosts that fail alike share one line."""

from __future__ import annotations

from distcc_driver.core.facts import Rejection
from distcc_driver.core.hostspec import parse_host
from distcc_driver.core.wording import rejection_lines


def rejected(text: str, cause: str, advice: str = "check it") -> Rejection:
    return Rejection(parse_host(text), cause, advice)


def test_no_rejections_no_lines() -> None:
    assert rejection_lines([]) == []


def test_message_of_a_lone_host_is_unchanged() -> None:
    lines = rejection_lines([rejected("ssh://anna@b", "failed (anna@b: no)", "by hand: ssh -l anna b")])
    assert lines == ["ssh://anna@b: failed (anna@b: no); by hand: ssh -l anna b"]


def test_same_cause_and_advice_make_one_line_in_the_order_of_the_list() -> None:
    lines = rejection_lines([rejected("c", "down"), rejected("a", "lost"), rejected("b", "down")])
    assert lines == ["c, b: down; check it", "a: lost; check it"]


def test_other_advice_makes_another_line() -> None:
    assert len(rejection_lines([rejected("a", "down", "x"), rejected("b", "down", "y")])) == 2


def test_eight_hosts_are_named_and_the_others_counted() -> None:
    assert rejection_lines([rejected(f"w{n}", "down") for n in range(8)]) == [
        "w0, w1, w2, w3, w4, w5, w6, w7: down; check it"
    ]
    assert rejection_lines([rejected(f"w{n}", "down") for n in range(64)]) == [
        "w0, w1, w2, w3, w4, w5, w6, w7 and 56 more: down; check it"
    ]


def test_hosts_share_a_line_if_messages_differ_only_by_the_host_name() -> None:
    lines = rejection_lines(
        [rejected(f"ssh://{name}", "its key is not known", f"by hand: ssh {name}") for name in "ab"]
    )
    assert lines == ["ssh://a, ssh://b: its key is not known; by hand: ssh HOST"]


def test_hosts_share_a_line_if_messages_differ_only_by_the_login() -> None:
    lines = rejection_lines(
        [rejected(f"ssh://w{n}", f"ssh would have to ask (anna@10.0.0.{n}: denied)") for n in range(2)]
    )
    assert lines == ["ssh://w0, ssh://w1: ssh would have to ask (anna@HOST: denied); check it"]


def test_words_with_an_at_sign_that_are_no_login_stay_unchanged() -> None:
    lines = rejection_lines([rejected(name, "said: @ a@ @b", "") for name in ("w", "v")])
    assert lines == ["w, v: said: @ a@ @b; "]

"""Reads the output of `ssh -G`."""

from __future__ import annotations

import pytest

from distcc_driver.ssh.sshconfig import parse_config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("connecttimeout none\n", ""),
        ("hostname h\nport 22\nproxyjump none\nproxycommand none\n", "h 22"),
        ("hostname h\nport 22\nproxyjump me@[::1]:2222\n", "me@[::1]:2222"),
        ("hostname h\nport 22\nproxyjump first,second\n", "first"),
        ("hostname h\nport 22\nproxycommand ssh -W %h:%p jump\n", "ssh -W %h:%p jump"),
    ],
)
def test_first_sshd(text: str, expected: str) -> None:
    assert parse_config(text).first_sshd == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("connecttimeout none", 0), ("connecttimeout 30", 30), ("connecttimeout \u0663", 0)],
)
def test_connect_timeout(text: str, expected: int) -> None:
    assert parse_config(text).connect_timeout_s == expected

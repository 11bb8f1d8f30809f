"""Where distcc's client keeps its files."""

from __future__ import annotations

import pytest

from distcc_driver.machine.backoff import client_path, mark_path


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DISTCC_DIR": "/state", "HOME": "/home/me"}, "/state/lock"),
        ({"HOME": "/home/me"}, "/home/me/.distcc/lock"),
        ({"DISTCC_DIR": "state", "HOME": "/home/me"}, ""),
        ({"DISTCC_DIR": "", "HOME": "/home/me"}, "/lock"),
        ({"HOME": "here"}, ""),
        ({}, ""),
    ],
)
def test_path_is_known_where_it_is_the_same_for_all_clients(environ: dict[str, str], expected: str) -> None:
    assert client_path(environ, "lock") == expected


def test_mark_has_the_address_and_port_of_its_worker() -> None:
    assert mark_path({"DISTCC_DIR": "/state"}, "::1_3632") == "/state/lock/backoff_tcp_::1_3632_0"

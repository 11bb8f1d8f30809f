"""What distcc's client (3.4) writes about a connection, and what is made of it."""

from __future__ import annotations

import pytest

from distcc_driver.doctor.trials.clientlog import connect_failure

BEGUN = """\
distcc[21699] (dcc_connect_by_name) connecting to 127.0.0.1 port 45639
distcc[21699] (dcc_connect_by_addr) started connecting to 127.0.0.1:45639
"""


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("distcc[21699] ERROR: timeout while connecting to 127.0.0.1:45639", "timed out"),
        (
            "distcc[21699] ERROR: nonblocking connect to 127.0.0.1:45639 failed: Connection refused",
            "Connection refused",
        ),
        ("distcc[21699] (dcc_x_token_int) send DIST00000001", ""),
    ],
    ids=["no answer", "refused", "connected"],
)
def test_why_there_was_no_connection(line: str, cause: str) -> None:
    assert connect_failure(f"{BEGUN}{line}\n") == cause

"""Logs of distcc 3.4 about a connection that failed, and one that did not."""

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
def test_cause_of_a_failed_connection(line: str, cause: str) -> None:
    assert connect_failure(f"{BEGUN}{line}\n") == cause

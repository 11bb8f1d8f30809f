"""The distcc on PATH: present, without a version, and missing."""

from __future__ import annotations

from distcc_driver.doctor.findings.clientfindings import client_finding
from distcc_driver.doctor.findings.finding import Result


def test_client_on_path() -> None:
    assert client_finding("/usr/bin/distcc", "3.4").result is Result.OK
    assert client_finding("/bin/distcc", None).result is Result.PROBLEM
    assert client_finding(None, None).text == "not found on PATH"

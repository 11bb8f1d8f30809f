"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal

import pytest

# A shell starts a job in the background with these ignored, and so would all that the tests start be.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_distcc_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer has set for distcc or for us reaches a test."""
    for name in os.environ:
        if name.startswith("DISTCC_"):
            monkeypatch.delenv(name)

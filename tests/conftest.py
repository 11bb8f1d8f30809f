"""Fixtures for all tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_distcc_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer has set for distcc or for us reaches a test."""
    for name in os.environ:
        if name.startswith("DISTCC_"):
            monkeypatch.delenv(name)

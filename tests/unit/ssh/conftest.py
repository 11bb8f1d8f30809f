"""Fixtures of the tests of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distcc_driver.ssh import session

if TYPE_CHECKING:
    from pathlib import Path

OWNER = 4_194_305  # a pid that no process has


@pytest.fixture
def session_path(base: Path) -> str:
    """A session directory."""
    return session.create(OWNER, {"TMPDIR": str(base)})

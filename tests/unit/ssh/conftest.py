"""Fixtures of the tests of sessions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from distcc_driver.ssh import session

if TYPE_CHECKING:
    from pathlib import Path

# No process has this pid. Test processes that run side by side have different owners: all look into /tmp.
OWNER = 4_194_305 + os.getpid()


@pytest.fixture
def session_path(base: Path) -> str:
    """A session directory."""
    return session.create(OWNER, {"TMPDIR": str(base)})

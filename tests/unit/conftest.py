"""Fixtures of the unit tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# No test depends on time, so Hypothesis must not do so, either.
settings.register_profile(
    "unit", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unit")


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory with a short path, because the path of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="dd-") as directory:
        yield Path(directory)

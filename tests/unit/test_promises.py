"""The files and tests that SECURITY.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TESTS = re.findall(
    r"^def (test_\w+)",
    "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py")),
    re.M,
)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", TEXT))))
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_[a-z_]+(?:\.\.\.)?)`", TEXT))))
def test_a_test_that_is_named_exists(name: str) -> None:
    """SECURITY.md gives a test's whole name, or its beginning and three dots."""
    beginning = name.removesuffix("...")
    assert [test for test in TESTS if test == name or (beginning != name and test.startswith(beginning))]

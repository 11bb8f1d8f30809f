"""The shell executes only our own assignments, whatever is in the environment, in files and in replies."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.evilbuild import EvilBuild
from tests.support.shells import SHELLS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shell", SHELLS)
def test_build_with_evil_text_everywhere(
    shell: str, seed: int, tmp_path: Path, environ: dict[str, str]
) -> None:
    """`make stress` does the same many times, with other seeds."""
    EvilBuild(shell, tmp_path / "build", environ, random.Random(seed)).run()

"""Where the tests find the shims and the package: in the clone, or in a copy whose path has no blank.

ccache can run nothing in a directory whose name has a blank. tests/e2e/test_locations.py and test_ccache.py
are about such places; all others ask for what is true elsewhere, wherever the clone is.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def install(directory: Path) -> Path:
    """Put the shims and the package, and no `.venv`, into a new directory; returns it."""
    shutil.copytree(
        ROOT / "distcc_driver", directory / "distcc_driver", ignore=shutil.ignore_patterns("*.pyc")
    )
    for shim in ("distcc.sh", "distcc.zsh"):
        shutil.copy(ROOT / shim, directory)
    return directory


def _without_blank() -> Path:
    """The clone, else a copy of it that goes when the tests end."""
    if len(str(ROOT).split()) == 1:
        return ROOT
    directory = Path(tempfile.mkdtemp(prefix="clone-"))
    atexit.register(shutil.rmtree, directory)
    directory.chmod(0o755)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    return install(directory)


CLONE = _without_blank()
SHIMS = Path(os.environ.get("SHIMS", CLONE))  # where those are that the tests source

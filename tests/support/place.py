"""Where the tests find the shims and the package: in the clone, or in a copy whose path has no blank.

ccache can run no program in a directory whose name has a blank. tests/e2e/test_locations.py and
test_ccache.py test such directories. All other tests must give the same result wherever the clone is.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def install(directory: Path) -> Path:
    """Copy the shims and the package, but no `.venv`, into a new directory; return the directory."""
    shutil.copytree(
        ROOT / "distcc_driver", directory / "distcc_driver", ignore=shutil.ignore_patterns("*.pyc")
    )
    for shim in ("distcc.sh", "distcc.zsh"):
        shutil.copy(ROOT / shim, directory)
    return directory


def _without_blank() -> Path:
    """The clone, if its path has no blank; else a copy, which is removed when the tests end."""
    if len(str(ROOT).split()) == 1:
        return ROOT
    directory = Path(tempfile.mkdtemp(prefix="clone-"))
    atexit.register(shutil.rmtree, directory)
    directory.chmod(0o755)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    return install(directory)


CLONE = _without_blank()
SHIMS = Path(os.environ.get("SHIMS", CLONE))  # the directory of the shims that the tests source
# distcc_build as a program: in PREFIX/bin of an installed package, or in the .venv of the clone.
PROGRAM = (CLONE / ".venv" if SHIMS == CLONE else SHIMS.parents[3]) / "bin" / "distcc_build"

"""A temporary directory for distccd and its compilers, which root runs as another user."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack


def make_work_directory(prefix: str, is_for_another_user: bool, stack: ExitStack) -> str:
    """Make a directory that is removed with `stack`. Another user may go through it, but not list it."""
    # TMPDIR may be closed to another user.
    # S108: mkdtemp chooses a name that others cannot foresee
    base = "/tmp" if is_for_another_user else None  # noqa: S108
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=base))
    if is_for_another_user:
        os.chmod(directory, 0o711)  # noqa: S103  # the other user goes through it to directories below
    return directory

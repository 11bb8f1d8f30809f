"""distcc's back-off marks: for a minute after a failure, distcc avoids a worker that has one.

A mark is a file in `$DISTCC_DIR/lock` (distcc's `src/backoff.c` and `src/lock.c`).
"""

from __future__ import annotations

import os
from stat import S_ISLNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.balance import Share


def lock_directory(environ: Mapping[str, str]) -> str:
    """The directory of distcc's locks and marks; "" if there is none, or another one for each process."""
    state = environ.get("DISTCC_DIR")
    if state is None and "HOME" in environ:
        state = f"{environ['HOME']}/.distcc"
    path = "" if state is None else f"{state}/lock"
    return path if path.startswith("/") else ""


def remove_marks(environ: Mapping[str, str], shares: Sequence[Share]) -> list[Share]:
    """Remove the marks of workers that a build is going to use; returns those that had one.

    Never raises: distcc avoids a worker whose mark cannot be removed.
    """
    directory = lock_directory(environ)
    if not directory or _is_foreign_link(os.path.dirname(directory)) or _is_foreign_link(directory):
        return []
    return [share for share in shares if _remove(_mark(directory, share))]


def _is_foreign_link(path: str) -> bool:
    """Whether a link that another user has made stands there."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return S_ISLNK(status.st_mode) and status.st_uid not in (os.geteuid(), 0)


def _mark(directory: str, share: Share) -> str:
    endpoint = share.worker.endpoint
    return f"{directory}/backoff_tcp_{endpoint.address}_{endpoint.job_port}_0"


def _remove(path: str) -> bool:
    if not os.access(path, os.F_OK):
        return False
    try:
        os.unlink(path)
    except OSError:
        return False
    return True

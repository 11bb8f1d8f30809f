"""distcc's back-off marks: after a failure, distcc avoids a worker with a mark for a minute.

A mark is a file in `$DISTCC_DIR/lock` (distcc's `src/backoff.c` and `src/lock.c`).
"""

from __future__ import annotations

import os
from stat import S_ISLNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.balance import Share


def client_path(environ: Mapping[str, str], name: str) -> str:
    """The path of a file that all clients of distcc share; "" if they share no directory (`src/tempfile.c`).

    With a relative DISTCC_DIR, each client looks below its own working directory.
    """
    directory = environ.get("DISTCC_DIR")
    if directory is None and "HOME" in environ:
        directory = f"{environ['HOME']}/.distcc"
    path = "" if directory is None else f"{directory}/{name}"
    return path if path.startswith("/") else ""


def mark_path(environ: Mapping[str, str], address_and_port: str) -> str:
    """The path of a worker's mark; "" as in `client_path`."""
    return client_path(environ, f"lock/backoff_tcp_{address_and_port}_0")


def remove_marks(environ: Mapping[str, str], shares: Sequence[Share]) -> list[Share]:
    """Remove the marks of the workers that a build will use; returns the shares whose worker had a mark.

    Never raises: if a mark cannot be removed, distcc avoids its worker.
    """
    directory = client_path(environ, "lock")
    if not directory or _is_foreign_link(os.path.dirname(directory)) or _is_foreign_link(directory):
        return []
    return [share for share in shares if _remove(_mark_of(environ, share))]


def _is_foreign_link(path: str) -> bool:
    """Whether `path` is a link that another user has made."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return S_ISLNK(status.st_mode) and status.st_uid not in (os.geteuid(), 0)


def _mark_of(environ: Mapping[str, str], share: Share) -> str:
    endpoint = share.worker.endpoint
    return mark_path(environ, f"{endpoint.address}_{endpoint.job_port}")


def _remove(path: str) -> bool:
    if not os.access(path, os.F_OK):
        return False
    try:
        os.unlink(path)
    except OSError:
        return False
    return True

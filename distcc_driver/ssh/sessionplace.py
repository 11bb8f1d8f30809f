"""Where a session directory may be: in places where no other user can replace it."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def bases(environ: Mapping[str, str]) -> list[str]:
    """The directories in which a session directory may be, best first, with all links resolved."""
    bases = []
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if (
        os.path.isabs(runtime)
        and is_own_directory(os.stat, runtime)
        and os.access(runtime, os.W_OK | os.X_OK)
    ):
        bases.append(runtime)
    if os.path.isabs(environ.get("TMPDIR", "")):
        bases.append(environ["TMPDIR"])
    bases.append("/tmp")  # noqa: S108  # a directory of mode 0700 is made in it
    return [os.path.realpath(base) for base in bases]


def where_others_may_rename(base: str) -> str:
    """The first directory from `base` upwards in which another user may rename files; "" if there is none.

    The owner of `/` is root, or stands for root in a user namespace.
    """
    trusted = (os.geteuid(), 0, os.stat("/").st_uid)
    while True:
        try:
            status = os.stat(base)
        except OSError:
            return ""  # then this user cannot make a directory there either
        is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in trusted
        if is_open and not status.st_mode & stat.S_ISVTX:
            return base
        if base == "/":
            return ""
        base = os.path.dirname(base)


def is_own_directory(look: Callable[[str], os.stat_result], path: str) -> bool:
    """Whether `path` is a directory of this user. `look` is `os.stat`, or `os.lstat` to refuse links."""
    try:
        status = look(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()

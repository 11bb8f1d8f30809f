"""Where distcc's client keeps its files on this machine: without them it compiles everything here.

Tried out with distcc 3.4: it makes `~/.distcc`, but not the directory that DISTCC_DIR names, and
nothing works without HOME. A TMPDIR that cannot be written is an error too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def troubles(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The variables that name no place for its files, each with what is wrong."""
    found = []
    if trouble := _state_trouble(environ):
        found.append(trouble)
    temporary = environ.get("TMPDIR")
    if temporary and (cause := _unusable(temporary)):
        found.append(("TMPDIR", cause))
    return found


def _state_trouble(environ: Mapping[str, str]) -> tuple[str, str] | None:
    state = environ.get("DISTCC_DIR")
    if state is not None:
        cause = _unusable(state or "/")
        return ("DISTCC_DIR", cause) if cause else None
    home = environ.get("HOME")
    if home is None:
        return "HOME", "not set, and neither is DISTCC_DIR"
    default = os.path.join(home, ".distcc")
    cause = _unusable(default if os.path.lexists(default) else home)
    return ("HOME", cause) if cause else None


def _unusable(path: str) -> str:
    """Why no file can be made in a directory; "" if one can."""
    if not os.path.isdir(path):
        return f"{path} is no directory"
    return "" if os.access(path, os.W_OK | os.X_OK) else f"{path} cannot be written"

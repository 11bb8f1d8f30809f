"""Files that distcc's client, ccache and compilers have written on this machine since a build began.

These files prove nothing: a build may write to other directories, and another build may write to these.
Times are `st_mtime` seconds.
"""

from __future__ import annotations

import os
import time

from ..core.record import Record
from .backoff import client_path, mark_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OBJECTS = (".o", ".obj", ".os")  # SCons names the objects of a shared library .os
_WALK_S = 0.5
_WALK_ENTRIES = 100_000


class Traces(Record):
    """The files that were found. `state_path` is the directory of distcc's state files, "" if unknown.

    `new_object` is the path of one new object file, "" if none was found; `looked_at_all` tells whether the
    whole directory was searched for it.
    """

    state_path: str
    distcc_ran: bool
    ccache_ran: bool
    ccache_stored: bool
    new_object: str
    looked_at_all: bool


def find_traces(environ: Mapping[str, str], since: float) -> Traces:
    """The traces of a build that began at `since` in OLDPWD: the shell has changed to our directory."""
    state = client_path(environ, "state")
    places = _ccache_directories(environ)
    new_object, looked_at_all = _new_object(environ.get("OLDPWD", ""), since)
    return Traces(
        state_path=state,
        distcc_ran=_is_new(state, since),  # each client makes a file in this directory, and removes it
        ccache_ran=any(_has_new_statistics(place, since, depth) for place in places for depth in (1, 2)),
        ccache_stored=any(
            _has_new_statistics(place, since, 1) and _is_new(temporary, since)
            for place in places
            for temporary in _ccache_temporary(environ, place)
        ),
        new_object=new_object,
        looked_at_all=looked_at_all,
    )


def mark_ages_s(environ: Mapping[str, str], keys: Sequence[str], since: float) -> dict[str, float]:
    """How long ago distcc marked workers to be avoided, by HOST_PORT; without marks older than `since`.

    distcc removes a mark when a job succeeds on the worker (distcc's `src/backoff.c`).
    """
    now = time.time()
    ages_s = {}
    for key in keys:
        path = mark_path(environ, key)
        if _is_new(path, since):
            ages_s[key] = max(0.0, now - _modified(path))
    return ages_s


def _new_object(directory: str, since: float) -> tuple[str, bool]:
    """A new object file below a directory, and whether the search was complete; it takes 0.5 s at most."""
    if not os.path.isabs(directory) or not os.path.isdir(directory):
        return "", False
    end = time.monotonic() + _WALK_S
    for count, entry in enumerate(_files_below(directory)):
        if entry.name.endswith(_OBJECTS) and _is_new(entry.path, since):
            return os.path.relpath(entry.path, directory), False
        if count >= _WALK_ENTRIES or time.monotonic() > end:
            return "", False
    return "", True


def _files_below(directory: str) -> Iterator[os.DirEntry[str]]:
    """All entries below a directory, upper levels first. Skips unreadable directories, follows no links."""
    waiting = [directory]
    for path in waiting:
        try:
            with os.scandir(path) as entries:
                found = list(entries)
        except OSError:
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            yield entry


def _ccache_directories(environ: Mapping[str, str]) -> list[str]:
    """Where ccache may keep its cache. Its configuration file may name another place, and is not read."""
    if place := environ.get("CCACHE_DIR"):
        return [place]
    home = environ.get("HOME", "/")
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return [os.path.join(home, ".ccache"), os.path.join(cache, "ccache")]


def _ccache_temporary(environ: Mapping[str, str], place: str) -> list[str]:
    """Where ccache may keep temporary files of preprocessor and compiler; a direct hit runs neither."""
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return [
        environ.get("CCACHE_TEMPDIR", ""),
        os.path.join(runtime, "ccache-tmp"),
        os.path.join(place, "tmp"),
    ]


def _has_new_statistics(place: str, since: float, depth: int) -> bool:
    """Whether ccache 4.7.5 has counted: a stored result in X/stats, a hit or a link in X/Y/stats."""
    names = "0123456789abcdef"
    below = [""] if depth == 1 else names
    return any(_is_new(os.path.join(place, one, other, "stats"), since) for one in names for other in below)


def _is_new(path: str, since: float) -> bool:
    return _modified(path) > since


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0

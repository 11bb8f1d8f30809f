"""Finds the compilers that a distccd of this machine runs for its clients. Only reads directories.

distccd runs a compiler that has a link in its directory (serve.c, dcc_check_compiler_whitelist) and is on
its PATH.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from ...machine.compilers import bare_path, is_compiler
from ...machine.masquerade import masquerade_directory


@dataclass(frozen=True, slots=True)
class AllowedCompilers:
    """The compilers that clients may call (`allowed`), and others of this machine (`unlinked`).

    `directory` has the links. `search_path` is the PATH of distccd, where no name leads to distcc or ccache.
    """

    directory: str
    search_path: str
    allowed: tuple[str, ...]
    unlinked: tuple[str, ...]


def find_compilers(search_path: str, directory: str | None = None) -> AllowedCompilers:
    """Look at the links in `directory`, by default distcc's own, and at the compilers on a PATH."""
    directory = directory or masquerade_directory()
    links = [name for name in _names(directory) if os.access(os.path.join(directory, name), os.X_OK)]
    for name in [*links, "gcc"]:
        search_path = bare_path(search_path, name)
    search_path = os.pathsep.join(d for d in search_path.split(os.pathsep) if os.path.isabs(d))
    here = {name for place in search_path.split(os.pathsep) for name in _names(place) if is_compiler(name)}
    return AllowedCompilers(
        directory=directory,
        search_path=search_path,
        allowed=tuple(name for name in links if shutil.which(name, path=search_path)),
        unlinked=tuple(name for name in sorted(here - {*links}) if shutil.which(name, path=search_path)),
    )


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []

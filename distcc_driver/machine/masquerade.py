"""The directories of links by which distcc stands in for compilers (distcc(1), MASQUERADING)."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from enum import Enum

_PLACES = ("/usr/lib/distcc", "/usr/lib64/distcc", "/usr/lib/distcc/bin", "/usr/local/lib/distcc")
_NAMES = ("cc", "c++", "gcc", "g++", "clang", "clang++")
_TOOL = "update-distcc-symlinks"
_ADMIN_PATH = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin"
# The names that update-distcc-symlinks makes links for, where the compiler is in /usr/bin.
_KNOWN_TO_TOOL = re.compile(
    r"cc|c\+\+|(?:[\w.]+-)*(?:gcc|g\+\+)(?:-[\d.]+)?|(?:llvm-)?clang(?:\+\+)?(?:-[\d.]+)?|nvcc"
)


class State(str, Enum):
    """Why a name leads past the directory."""

    NOT_ON_PATH = "not_on_path"
    BEHIND = "behind"  # the compiler, on PATH
    NO_LINK = "no_link"  # of the name
    DANGLING = "dangling"  # its link leads nowhere


@dataclass(frozen=True, slots=True)
class Masquerade:
    """The directory that a compiler's name leads past, why, and the command that repairs it, if any."""

    directory: str
    state: State
    repair: str = ""


def masquerade_directory() -> str:
    """Where this machine's distcc package keeps its links; its usual place if there is none."""
    return next((path for path in _PLACES if os.path.isdir(path)), _PLACES[0])


def passed_by(name: str, found: str, search_path: str) -> Masquerade:
    """Why the bare name of a compiler leads to the file `found` and to no link to distcc."""
    directories = [directory for directory in search_path.split(os.pathsep) if directory]
    places = [place for place in directories if _is_masquerade(place)]
    before = _up_to(directories, os.path.dirname(found))
    in_front = next((place for place in places if place in before), None)
    if in_front is not None:
        link = os.path.join(in_front, name)
        state = State.DANGLING if os.path.islink(link) else State.NO_LINK
        return Masquerade(in_front, state, _repair(link, found, state))
    if places:
        return Masquerade(places[0], State.BEHIND)
    return Masquerade(masquerade_directory(), State.NOT_ON_PATH)


def _up_to(directories: list[str], last: str) -> list[str]:
    return directories[: directories.index(last)] if last in directories else directories


def _is_masquerade(directory: str) -> bool:
    """Whether names of compilers in it are links to distcc, or it is the place for such links."""
    links = (os.path.realpath(os.path.join(directory, name)) for name in _NAMES)
    has_link = any(os.path.basename(target) == "distcc" for target in links)
    return has_link or (directory.rstrip("/") in _PLACES and os.path.isdir(directory))


def _repair(link: str, compiler: str, state: State) -> str:
    """A command that makes the link; update-distcc-symlinks keeps those that lead nowhere."""
    directory, name = os.path.split(link)
    sudo = "" if os.geteuid() == 0 or os.access(directory, os.W_OK) else "sudo "
    is_for_tool = directory.rstrip("/") == _PLACES[0] and state is State.NO_LINK
    has_name = os.path.dirname(compiler) in ("/usr/bin", "/bin") and _KNOWN_TO_TOOL.fullmatch(name)
    if is_for_tool and has_name and shutil.which(_TOOL, path=_ADMIN_PATH):
        return f"{sudo}{_TOOL}"
    distcc = shutil.which("distcc") or "/usr/bin/distcc"
    return f"{sudo}ln -sf {distcc} {link}"

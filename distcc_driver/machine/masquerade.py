"""Masquerade directories: their links make distcc run when a compiler is called (distcc(1), MASQUERADING)."""

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
# update-distcc-symlinks makes links for these names if the compiler is in /usr/bin.
_KNOWN_TO_TOOL = re.compile(
    r"cc|c\+\+|(?:[\w.]+-)*(?:gcc|g\+\+)(?:-[\d.]+)?|(?:llvm-)?clang(?:\+\+)?(?:-[\d.]+)?|nvcc"
)


class LinkState(str, Enum):
    """Why the name of a compiler does not lead to the link in a masquerade directory."""

    NOT_ON_PATH = "not_on_path"
    BEHIND = "behind"  # the compiler is earlier on PATH than the link
    NO_LINK = "no_link"  # the directory has no link of that name
    DANGLING = "dangling"  # the link leads to no file


@dataclass(frozen=True, slots=True)
class Masquerade:
    """The directory whose link is not used, why, and the command that repairs it, "" if there is none."""

    directory: str
    state: LinkState
    repair: str = ""


def masquerade_directory() -> str:
    """The directory of the links of this machine's distcc package; the usual one if there is no directory."""
    return next((path for path in _PLACES if os.path.isdir(path)), _PLACES[0])


def passed_by(name: str, found: str, search_path: str) -> Masquerade:
    """Why the name of a compiler, on `search_path`, leads to the file `found` and not to a link to distcc."""
    directories = [directory for directory in search_path.split(os.pathsep) if directory]
    places = [place for place in directories if _is_masquerade(place)]
    before = _up_to(directories, os.path.dirname(found))
    in_front = next((place for place in places if place in before), None)
    if in_front is not None:
        link = os.path.join(in_front, name)
        state = LinkState.DANGLING if os.path.islink(link) else LinkState.NO_LINK
        return Masquerade(in_front, state, _repair(link, found, state))
    if places:
        return Masquerade(places[0], LinkState.BEHIND)
    return Masquerade(masquerade_directory(), LinkState.NOT_ON_PATH)


def _up_to(directories: list[str], last: str) -> list[str]:
    return directories[: directories.index(last)] if last in directories else directories


def _is_masquerade(directory: str) -> bool:
    """Whether a directory has links from compilers' names to distcc, or is the usual place of such links."""
    links = (os.path.realpath(os.path.join(directory, name)) for name in _NAMES)
    has_link = any(os.path.basename(target) == "distcc" for target in links)
    return has_link or (directory.rstrip("/") in _PLACES and os.path.isdir(directory))


def _repair(link: str, compiler: str, state: LinkState) -> str:
    """A command that makes the link. update-distcc-symlinks does not replace a dangling link."""
    directory, name = os.path.split(link)
    sudo = "" if os.geteuid() == 0 or os.access(directory, os.W_OK) else "sudo "
    is_for_tool = directory.rstrip("/") == _PLACES[0] and state is LinkState.NO_LINK
    has_name = os.path.dirname(compiler) in ("/usr/bin", "/bin") and _KNOWN_TO_TOOL.fullmatch(name)
    if is_for_tool and has_name and shutil.which(_TOOL, path=_ADMIN_PATH):
        return f"{sudo}{_TOOL}"
    distcc = shutil.which("distcc") or "/usr/bin/distcc"
    return f"{sudo}ln -sf {distcc} {link}"

"""Why a compiler's name does not lead to a link to distcc, and the command that repairs it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from distcc_driver.machine.masquerade import LinkState, passed_by

if TYPE_CHECKING:
    from pathlib import Path

DISTCC = str(shutil.which("distcc"))


def links_to(directory: Path, target: str, *names: str) -> str:
    directory.mkdir()
    for name in names:
        (directory / name).symlink_to(target)
    return str(directory)


@pytest.mark.parametrize("names", [["gcc"], ["clang++"], ["c++", "g++"]])
def test_directory_with_any_link_to_distcc_is_a_masquerade(tmp_path: Path, names: list[str]) -> None:
    links = links_to(tmp_path / "links", DISTCC, *names)
    found = passed_by("cc", "/usr/bin/cc", f"{links}:/usr/bin")
    assert (found.directory, found.state) == (links, LinkState.NO_LINK)
    assert found.repair == f"ln -sf {DISTCC} {links}/cc"


def test_directory_with_programs_and_other_links_is_no_masquerade(tmp_path: Path) -> None:
    links = links_to(tmp_path / "links", "/usr/bin/ccache", "gcc", "g++")
    found = passed_by("cc", "/usr/bin/cc", f"{links}:/usr/bin:")
    assert (found.state, found.repair) == (LinkState.NOT_ON_PATH, "")


def test_masquerade_before_the_compiler_on_path_is_named(tmp_path: Path) -> None:
    first = links_to(tmp_path / "first", DISTCC, "gcc")
    second = links_to(tmp_path / "second", DISTCC, "g++")
    path = f"{first}:/usr/bin:{second}"
    assert passed_by("g++", "/usr/bin/g++", path).directory == first
    found = passed_by("g++", "/usr/bin/g++", f"/usr/bin:{second}:{first}")
    assert (found.directory, found.state) == (second, LinkState.BEHIND)


def test_dangling_links_are_named(tmp_path: Path) -> None:
    """Links are dangling after a distcc in another directory was removed."""
    links = links_to(tmp_path / "links", "/nowhere/distcc", "gcc", "g++")
    found = passed_by("gcc", "/usr/bin/gcc", f"{links}:/usr/bin")
    assert (found.state, found.repair) == (LinkState.DANGLING, f"ln -sf {DISTCC} {links}/gcc")


@pytest.mark.parametrize("name", ["g++-99", "clang-99", "x86_64-linux-gnu-gcc-99"])
def test_update_distcc_symlinks_repairs_links_of_compilers_in_usr_bin_only(name: str) -> None:
    place = "/usr/lib/distcc"
    if not os.path.isdir(place):
        pytest.skip(f"no {place} here")
    sudo = "" if os.geteuid() == 0 else "sudo "
    path = f"{place}:/usr/bin:/opt/x/bin"
    assert passed_by(name, f"/usr/bin/{name}", path).repair == f"{sudo}update-distcc-symlinks"
    assert passed_by(name, f"/opt/x/bin/{name}", path).repair == f"{sudo}ln -sf {DISTCC} {place}/{name}"
    assert passed_by("icc", "/usr/bin/icc", path).repair == f"{sudo}ln -sf {DISTCC} {place}/icc"

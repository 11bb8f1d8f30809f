"""The shims find the package, whatever the path by which they are sourced."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.place import install

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder, UserShell

NAMES = [
    "two words",
    " blanks at both ends ",
    "quotes ' and \" and `touch pwned`",
    "$(touch pwned)",
    "${HOME}$HOME$$",
    "100%n%x%s",
    "*?[a-z]{b,c}",
    "~",
    "-n",
    "!x#y^z",
    "a;b&c|d<e>(f)",
    "back\\slash\\n",
    "two\nlines",
    "äöü€",
    os.fsdecode(b"\xff\xe4"),
    "distcc:driver=x",
]


def sourced(shell: UserShell, recorder: Recorder, sourcing: str, cd: str = "cd /") -> None:
    """Source a shim by the line `sourcing`, change to another directory, and build there."""
    result = shell.run_bare(f"{sourcing}\necho $?\n{cd}\ndistcc_build {recorder.word} 'a b'\necho $?")
    assert result.stdout == "0\n0\n", result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert recorder.arguments == [b"a b", b"-j", b"5"]
    assert not list(shell.cwd.parent.rglob("pwned"))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_directory_with_any_name(
    name: str, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    ready_shell.root = install(tmp_path / name)
    sourced(ready_shell, recorder, ready_shell.sourcing)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_link_to_a_directory_with_any_name(
    name: str, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    ready_shell.root = install(tmp_path / "target" / name)
    link = tmp_path / name
    link.symlink_to(ready_shell.shim)
    sourced(ready_shell, recorder, f"source {shlex.quote(str(link))}")


@pytest.mark.parametrize("words", ["source ./{}", ". ./{}", "source ../copy/{}", "source .././copy//{}"])
def test_a_relative_path(words: str, ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    ready_shell.cwd = ready_shell.root
    sourced(ready_shell, recorder, words.format(ready_shell.shim.name))


def test_a_file_found_on_path(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    sourced(ready_shell, recorder, f"PATH=$PATH:{ready_shell.root}; source {ready_shell.shim.name}")


def test_an_absolute_link(ready_shell: UserShell, recorder: Recorder) -> None:
    (ready_shell.cwd / "link").symlink_to(ready_shell.shim)
    sourced(ready_shell, recorder, "source ./link")


def test_relative_links_in_a_chain(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy of it")
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "first").symlink_to(f"../copy of it/{ready_shell.shim.name}")
    (tmp_path / "far" / "away" / "second").symlink_to("../first")
    (ready_shell.cwd / "third").symlink_to(tmp_path / "far" / "away" / "second")
    sourced(ready_shell, recorder, "source third" if ready_shell.name == "bash" else "source ./third")


def test_a_linked_directory(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    (ready_shell.cwd / "dir").symlink_to(ready_shell.root)
    sourced(ready_shell, recorder, f"source dir/{ready_shell.shim.name}")


def test_a_link_upwards_in_a_linked_directory(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """`..` in the link means the parent of the real directory, not of the link to the directory."""
    ready_shell.root = install(tmp_path / "real" / "copy")
    (tmp_path / "real" / "links").mkdir()
    (tmp_path / "real" / "links" / "shim").symlink_to(f"../copy/{ready_shell.shim.name}")
    (tmp_path / "other" / "copy").mkdir(parents=True)
    (tmp_path / "other" / "dir").symlink_to("../real/links")
    sourced(ready_shell, recorder, f"source {tmp_path}/other/dir/shim")


def test_the_link_is_gone_when_the_build_starts(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    ready_shell.root = install(tmp_path / "copy")
    (ready_shell.cwd / "link").symlink_to(ready_shell.shim)
    sourced(ready_shell, recorder, "source ./link", cd="rm link")


def test_a_directory_that_is_gone_when_the_build_starts(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """Another shell has removed the current directory of the build."""
    (tmp_path / "gone").mkdir()
    result = ready_shell.run(f"cd {tmp_path}/gone; rmdir {tmp_path}/gone; distcc_build {recorder.word}")
    assert result.returncode == 0, result.stderr
    assert recorder.jobs == 5


def test_an_installation_that_is_not_writable(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    ready_shell.root = install(tmp_path / "copy")
    directories = [ready_shell.root, ready_shell.root / "distcc_driver"]
    for directory in directories:
        directory.chmod(0o555)
    try:
        sourced(ready_shell, recorder, ready_shell.sourcing)
    finally:
        for directory in directories:
            directory.chmod(0o755)


def test_an_installation_that_is_gone(ready_shell: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    result = ready_shell.run(f"mv {ready_shell.root} {tmp_path}/moved; distcc_build {recorder.word}")
    assert result.returncode == 96
    assert not recorder.has_run
    assert "distcc-driver: " in result.stderr

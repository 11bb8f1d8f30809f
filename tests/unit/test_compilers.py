"""What a compiler's name leads to, in directories with real links to distcc and ccache."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from distcc_driver.compilers import Command, Kind, examine, is_cxx

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bins(tmp_path: Path) -> dict[str, str]:
    """Directories for a PATH: `distcc` and `ccache` with links only, `real` with compilers and both tools."""
    found = {}
    for name in ("distcc", "ccache", "real"):
        (tmp_path / name).mkdir()
        found[name] = str(tmp_path / name)
        tool = str(shutil.which(name)) if name != "real" else "/usr/bin/gcc"
        for link in ("gcc", "g++"):
            os.symlink(tool, tmp_path / name / link)
    for tool in ("distcc", "ccache"):
        os.symlink(str(shutil.which(tool)), tmp_path / "real" / tool)
    return found


def examined(bins: dict[str, str], path: str, *words: str) -> Command:
    return examine(words, os.pathsep.join(bins[name] for name in path.split()))


REAL = os.path.realpath("/usr/bin/gcc")


@pytest.mark.parametrize(
    ("path", "words", "kind", "is_distributed"),
    [
        ("real", ["gcc"], Kind.COMPILER, False),
        ("distcc real", ["gcc"], Kind.DISTCC, True),
        ("real distcc", ["gcc"], Kind.COMPILER, False),
        ("ccache real", ["gcc"], Kind.CCACHE, True),
        ("real", ["distcc", "gcc"], Kind.DISTCC, True),
        ("real", ["ccache", "gcc"], Kind.CCACHE, True),
        ("real ccache distcc", ["distcc", "gcc"], Kind.DISTCC, True),
        ("ccache distcc real", ["gcc"], Kind.CCACHE, True),
        ("distcc ccache real", ["gcc"], Kind.DISTCC, True),
        ("distcc real", ["ccache", "gcc"], Kind.CCACHE, True),
        ("ccache real", ["distcc", "gcc"], Kind.DISTCC, True),
        ("distcc real", ["clang"], Kind.MISSING, False),
        ("real", ["distcc"], Kind.MISSING, False),
        ("real", ["ccache"], Kind.MISSING, False),
    ],
)
def test_names(bins: dict[str, str], path: str, words: list[str], kind: Kind, is_distributed: bool) -> None:
    found = examined(bins, path, *words)
    assert (found.kind, found.is_distributed) == (kind, is_distributed)
    assert found.real_path == (None if kind is Kind.MISSING else REAL)


def test_compiler_that_distcc_is_told(bins: dict[str, str]) -> None:
    assert examined(bins, "distcc real", "gcc").compiler == ("gcc",)
    assert examined(bins, "distcc real", f"{bins['distcc']}/gcc", "-m32").compiler == ("gcc", "-m32")
    assert examined(bins, "real", "distcc", "/usr/bin/gcc").compiler == ("/usr/bin/gcc",)
    assert examined(bins, "real", "/usr/bin/gcc").compiler == ("/usr/bin/gcc",)
    # ccache hands the full name on.
    assert examined(bins, "ccache real", "gcc").compiler == (f"{bins['real']}/gcc",)


def test_links_and_words_are_told_apart(bins: dict[str, str]) -> None:
    assert examined(bins, "distcc real", "gcc").is_link
    assert not examined(bins, "real", "distcc", "gcc").is_link


def test_masquerade_without_a_compiler_behind_it(bins: dict[str, str]) -> None:
    found = examined(bins, "distcc", "gcc")
    assert (found.kind, found.real_path) == (Kind.DISTCC, None)


def test_scripts(bins: dict[str, str], tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name, text in (("gcc", 'exec distcc gcc "$@"'), ("g++", 'exec /usr/bin/g++ "$@"')):
        (scripts / name).write_text(f"#!/bin/sh\n{text}\n")
        (scripts / name).chmod(0o755)
    bins["scripts"] = str(scripts)
    wrapper = examined(bins, "scripts real", "gcc")
    assert (wrapper.kind, wrapper.is_distributed, wrapper.real_path) == (Kind.SCRIPT, True, REAL)
    assert examined(bins, "scripts real", "g++").kind is Kind.COMPILER


def test_command_is_shown_as_one_would_type_it(bins: dict[str, str]) -> None:
    assert examined(bins, "real", "gcc", "-DX=a b").text == "gcc '-DX=a b'"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("g++", True), ("/c++/gcc", False), ("clang++-14", True), ("x86_64-linux-gnu-c++", True), ("cc", False)],
)
def test_language(name: str, expected: bool) -> None:
    assert is_cxx(name) is expected

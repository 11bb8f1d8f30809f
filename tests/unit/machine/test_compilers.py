"""What a compiler command runs, in directories with real links to distcc and ccache."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from distcc_driver.machine.ccacheprefix import ccache_prefix
from distcc_driver.machine.compilers import Command, Kind, Obstacle, examine, is_cxx, safe_to_run

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
    found["usr"] = "/usr/bin"
    return found


def examined(bins: dict[str, str], path: str, *words: str) -> Command:
    return examine(words, os.pathsep.join(bins[name] for name in path.split()))


REAL = os.path.realpath("/usr/bin/gcc")
HAS_PREFIX = bool(ccache_prefix())  # false if the path of the package has a blank


@pytest.mark.parametrize(
    ("path", "words", "kind", "is_distributed"),
    [
        ("real", ["gcc"], Kind.COMPILER, False),
        ("distcc real", ["gcc"], Kind.DISTCC, True),
        ("real distcc", ["gcc"], Kind.COMPILER, False),
        ("ccache real", ["gcc"], Kind.CCACHE, HAS_PREFIX),
        ("real", ["distcc", "gcc"], Kind.DISTCC, True),
        ("real", ["ccache", "gcc"], Kind.CCACHE, HAS_PREFIX),
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
def test_program_that_a_name_runs(
    bins: dict[str, str], path: str, words: list[str], kind: Kind, is_distributed: bool
) -> None:
    found = examined(bins, path, *words)
    assert (found.kind, found.is_distributed) == (kind, is_distributed)
    assert found.real_path == (None if kind is Kind.MISSING else REAL)


def test_compiler_that_distcc_is_told_to_run(bins: dict[str, str]) -> None:
    assert examined(bins, "distcc real", "gcc").compiler == ("gcc",)
    assert examined(bins, "distcc real", f"{bins['distcc']}/gcc", "-m32").compiler == ("gcc", "-m32")
    assert examined(bins, "real", "distcc", "/usr/bin/gcc").compiler == ("/usr/bin/gcc",)
    assert examined(bins, "real", "/usr/bin/gcc").compiler == ("/usr/bin/gcc",)
    # ccache calls its prefix with the full path.
    assert examined(bins, "ccache real", "gcc").compiler == (f"{bins['real']}/gcc",)


def test_link_to_distcc_differs_from_the_word_distcc(bins: dict[str, str]) -> None:
    assert examined(bins, "distcc real", "gcc").is_link
    assert not examined(bins, "real", "distcc", "gcc").is_link


def test_masquerade_without_a_compiler_behind_it(bins: dict[str, str]) -> None:
    found = examined(bins, "distcc", "gcc")
    assert (found.kind, found.real_path) == (Kind.DISTCC, None)


def test_script_that_contains_the_word_distcc_counts_as_distcc(bins: dict[str, str], tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name, text in (("gcc", 'exec distcc gcc "$@"'), ("g++", 'exec /usr/bin/g++ "$@"')):
        (scripts / name).write_text(f"#!/bin/sh\n{text}\n")
        (scripts / name).chmod(0o755)
    bins["scripts"] = str(scripts)
    wrapper = examined(bins, "scripts real", "gcc")
    assert (wrapper.kind, wrapper.is_distributed, wrapper.real_path) == (Kind.SCRIPT, True, REAL)
    assert examined(bins, "scripts real", "g++").kind is Kind.COMPILER


def test_command_is_shown_as_a_person_would_type_it(bins: dict[str, str]) -> None:
    assert examined(bins, "real", "gcc", "-DX=a b").text == "gcc '-DX=a b'"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("g++", True), ("/c++/gcc", False), ("clang++-14", True), ("x86_64-linux-gnu-c++", True), ("cc", False)],
)
def test_compilers_of_cxx_have_plus_signs_in_their_names(name: str, expected: bool) -> None:
    assert is_cxx(name) is expected


@pytest.mark.parametrize(
    ("words", "kind", "obstacle"),
    [
        ("nice -n 5 distcc gcc", Kind.DISTCC, None),
        (
            "CCACHE_CPP2=yes CCACHE_HASHDIR=yes ccache gcc",
            Kind.CCACHE,
            None if HAS_PREFIX else Obstacle.NO_PREFIX,
        ),
        ("nice ccache nice gcc", Kind.CCACHE, Obstacle.NO_COMPILER),
        ("distcc nice -n 5 gcc", Kind.DISTCC, Obstacle.NO_COMPILER),
        ("distcc A=b gcc", Kind.DISTCC, Obstacle.NO_COMPILER),
        ("DISTCC_HOSTS=localhost distcc gcc", Kind.DISTCC, Obstacle.OWN_HOSTS),
        ("env -u DISTCC_HOSTS distcc gcc", Kind.DISTCC, Obstacle.NO_HOSTS),
        ("CCACHE_PREFIX= ccache gcc", Kind.CCACHE, Obstacle.OTHER_PREFIX),
        ("env -u CCACHE_PREFIX ccache gcc", Kind.CCACHE, Obstacle.OTHER_PREFIX),
        ("CCACHE_PREFIX=nice ccache gcc", Kind.CCACHE, Obstacle.OTHER_PREFIX),
        ("CCACHE_PREFIX=distcc ccache gcc", Kind.CCACHE, None),
        ("CCACHE_PREFIX='nice distcc' ccache gcc", Kind.CCACHE, None),
        ("CCACHE_PREFIX=distcc ccache distcc gcc", Kind.CCACHE, Obstacle.DOUBLE),
        ("CCACHE_PREFIX= ccache distcc gcc", Kind.CCACHE, None),
        ("ccache distcc gcc", Kind.CCACHE, None),
        ("ccache distcc nice gcc", Kind.CCACHE, Obstacle.NO_COMPILER),
    ],
)
def test_obstacle_that_the_words_of_a_command_make(
    bins: dict[str, str], words: str, kind: Kind, obstacle: Obstacle | None
) -> None:
    found = examined(bins, "real usr", *shlex.split(words))
    assert (found.kind, found.obstacle, found.is_distributed) == (kind, obstacle, obstacle is None)
    assert found.text == shlex.join(shlex.split(words))


@pytest.mark.parametrize(
    ("words", "launchers", "compiler"),
    [
        ("nice -n 5 distcc gcc", "nice -n 5", "gcc"),
        ("A=b nice distcc gcc -m32", "A=b nice", "gcc -m32"),
        ("nice /usr/bin/gcc", "nice", "/usr/bin/gcc"),
        ("ccache distcc /usr/bin/gcc -m32", "", "/usr/bin/gcc -m32"),
        ("env -S 'A=b nice' distcc gcc", "env -S 'A=b nice'", "gcc"),
        ("env -S 'A=b nice distcc' gcc", "", "gcc"),
    ],
)
def test_launchers_are_the_words_before_distcc(
    bins: dict[str, str], words: str, launchers: str, compiler: str
) -> None:
    found = examined(bins, "real usr", *shlex.split(words))
    assert (shlex.join(found.launchers), shlex.join(found.compiler)) == (launchers, compiler)


def test_path_that_a_command_sets(bins: dict[str, str]) -> None:
    assert examined(bins, "real", f"PATH={bins['distcc']}:{bins['real']}", "gcc").is_distributed
    assert not examined(bins, "distcc real", f"PATH={bins['real']}", "gcc").is_distributed
    assert examined(bins, "real usr", "env", "-i", "gcc").path == shutil.which("gcc", path=os.defpath)


@pytest.mark.parametrize(
    ("words", "missing", "path"),
    [
        ("no-such gcc", "no-such", None),
        ("nice no-such", "no-such", None),
        ("/nowhere/nice gcc", "/nowhere/nice", None),
        ("ccache", "", "ccache"),
        ("time distcc", "", "distcc"),
    ],
)
def test_program_that_is_missing(bins: dict[str, str], words: str, missing: str, path: str | None) -> None:
    found = examined(bins, "real usr", *words.split())
    assert (found.kind, found.missing) == (Kind.MISSING, missing)
    assert found.path == (path and f"{bins['real']}/{path}")


def test_ccache_stores_nothing_if_the_compiler_behind_distcc_is_a_path(bins: dict[str, str]) -> None:
    """ccache takes that path for a source file."""
    assert examined(bins, "real", "ccache", "distcc", "/usr/bin/gcc").is_uncached
    assert not examined(bins, "real", "ccache", "distcc", "gcc").is_uncached
    assert not examined(bins, "real", "ccache", "/usr/bin/gcc").is_uncached


def test_worker_gets_a_bare_name_if_ccache_finds_a_link_to_distcc(bins: dict[str, str]) -> None:
    assert examined(bins, "ccache distcc real", "gcc", "-m32").compiler == ("gcc", "-m32")


def test_unknown_program_runs_the_command_that_it_is_given(bins: dict[str, str], tmp_path: Path) -> None:
    """A script that contains the word distcc is taken to run it by distcc."""
    for name, text in (("launch", 'exec "$@"'), ("through", 'exec distcc "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    launch, through = str(tmp_path / "launch"), str(tmp_path / "through")
    assert examined(bins, "real", launch, "distcc", "gcc").is_distributed
    assert not examined(bins, "real", launch, "gcc").is_distributed
    found = examined(bins, "real", through, "gcc", "-m32")
    assert (found.is_distributed, found.compiler, found.real_path) == (True, ("gcc", "-m32"), REAL)


def test_trial_takes_only_distccs_variables_from_a_build_file(bins: dict[str, str]) -> None:
    found = examined(bins, "real", "DISTCC_NO_REWRITE_CROSS=1", "LD_PRELOAD=x.so", "distcc", "gcc")
    tried = safe_to_run(found, bins["real"])
    assert tried is not None
    assert tried.changes.applied({}) == {"DISTCC_NO_REWRITE_CROSS": "1"}
    elsewhere = examined(bins, "real", f"PATH={bins['real']}", "distcc", "gcc")
    assert safe_to_run(elsewhere, "/nowhere") is None

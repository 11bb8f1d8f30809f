"""Which build system a directory has, and which files of it are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distcc_driver.doctor.trees.buildtree import System, read_tree

from .written import compilers_of, tree_of

if TYPE_CHECKING:
    from pathlib import Path


def test_gnumakefile_is_read_before_makefile(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("CC = b\n")
    assert tree_of(tmp_path, "CC = a\n", "GNUmakefile").file == "GNUmakefile"


def test_config_log_is_read_without_config_status(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "CC='distcc gcc'\nCFLAGS='-g'\n", "config.log")
    assert (tree.system, compilers_of(tree)) == (System.AUTOTOOLS, ["CC=distcc gcc"])
    assert tree_of(tmp_path, "", "config.log").unknown == "it has neither CC nor CXX"


@pytest.mark.parametrize(
    ("name", "system"), [("build.ninja", System.NINJA), ("configure", System.NONE), ("README", System.NONE)]
)
def test_directory_whose_compilers_are_not_known(tmp_path: Path, name: str, system: System) -> None:
    tree = tree_of(tmp_path, "", name)
    assert (tree.system, tree.compilers) == (system, ())
    assert tree.unconfigured == (name if name == "configure" else None)


def test_configured_directories_below_sources(tmp_path: Path) -> None:
    for name, file in [("b", "CMakeCache.txt"), ("c", "config.status"), ("src", "main.c")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("")
    (tmp_path / "a" / "meson-info").mkdir(parents=True)
    assert tree_of(tmp_path, "", "README").configured == ()
    assert tree_of(tmp_path, "", "CMakeLists.txt").configured == ("a", "b", "c")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "CC",
                "=",
                "$(",
                ")",
                "${",
                "}",
                " ",
                "\n",
                "\n\tgcc -c",
                ".o",
                "#",
                "'",
                "ifdef",
                "endif",
                "\\\n",
            ]
        )
    )
    .map("".join)
    .map(str.encode)
)
def test_no_text_of_a_build_file_raises(tmp_path: Path, text: bytes) -> None:
    for name in ("Makefile", "config.status", "CMakeCache.txt"):
        file = tmp_path / name
        file.write_bytes(text)
        read_tree(str(tmp_path), {})
        file.unlink()

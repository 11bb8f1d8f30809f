"""The settings that hold an option, and the advice that removes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.findings.optionorigins import Origin, read_origins, removal
from distcc_driver.doctor.trees.buildtree import BuildTree, System

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("system", "origin", "place", "expected"),
    [
        (System.CMAKE, "CMAKE_C_FLAGS", "FLAGS", "run cmake -DCMAKE_C_FLAGS=-g d"),
        (System.CMAKE, None, "FLAGS", "CMakeLists.txt sets it: look for an option of the project"),
        (
            System.MESON,
            "c_args",
            "ARGS",
            "run meson configure -Dc_args=-g d && ninja -C d build.ninja",
        ),
        (System.MESON, None, "ARGS", "meson.build sets it: look for an option of the project"),
        (
            System.AUTOTOOLS,
            "CFLAGS",
            "CFLAGS in Makefile",
            "run configure again without it, or build with: distcc_build make CFLAGS=-g",
        ),
        (System.AUTOTOOLS, None, "AM_CFLAGS in Makefile", "take it out of AM_CFLAGS in Makefile"),
        (System.MAKE, "CFLAGS", "CFLAGS in the environment", "run export CFLAGS=-g"),
        (System.MAKE, "CFLAGS", "CFLAGS in Makefile", "take it out of CFLAGS in Makefile"),
    ],
)
def test_advice_that_removes_an_option(system: System, origin: str | None, place: str, expected: str) -> None:
    origins = [Origin(origin, ("-g", "-flto"))] if origin else [Origin("CFLAGS", ("-g",))]
    assert removal("-flto", place, BuildTree("d", system), origins).startswith(expected)


def test_malformed_files_have_no_settings(tmp_path: Path) -> None:
    (tmp_path / "meson-info").mkdir()
    for text in ("{", "[1, null]", "[" * 100_000, json.dumps([{"name": 3, "value": {}}])):
        (tmp_path / "meson-info" / "intro-buildoptions.json").write_text(text)
        assert read_origins(BuildTree(str(tmp_path), System.MESON), {}) == []
    (tmp_path / "CMakeCache.txt").write_text("CMAKE_C_FLAGS:STRING=-O2 'it\n")
    [origin] = read_origins(BuildTree(str(tmp_path), System.CMAKE), {})
    assert origin.words == ("-O2", "'it")

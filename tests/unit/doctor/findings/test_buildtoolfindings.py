"""Build files of scons, setuptools and make, and the findings about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distcc_driver.doctor.findings.buildtoolfindings import build_tool_findings
from distcc_driver.doctor.findings.finding import Result
from distcc_driver.doctor.trees.buildtree import read_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "SConstruct",
            "Program('p', ['a.c'])\n",
            "SConstruct: scons gives compilers an environment of its own",
        ),
        (
            "setup.py",
            "setup(ext_modules=[Extension('x', ['x.c'])])\n",
            "setup.py: setuptools compiles one file",
        ),
        (
            "pyproject.toml",
            "[tool.setuptools]\next-modules = [{name = 'x'}]\n",
            "pyproject.toml: setuptools ",
        ),
        ("pyproject.toml", "[[tool.setuptools.ext-modules]]\nname = 'x'\n", "pyproject.toml: setuptools "),
        ("Makefile", "all: a.o\n.NOTPARALLEL:\n", "Makefile: with .NOTPARALLEL make runs one job at a time"),
    ],
)
def test_build_tool_that_keeps_jobs_from_workers(name: str, text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    [finding] = build_tool_findings(read_tree(str(tmp_path), {}))
    assert finding.result is Result.WARNING
    assert finding.text.startswith(expected)
    assert finding.advice


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.py", "setup(py_modules=['x'])\n"),
        ("pyproject.toml", "[build-system]\nrequires = ['setuptools']\n"),
        ("Makefile", "all: a.o\n.NOTPARALLEL: other\n"),
        ("Makefile", "# .NOTPARALLEL:\nall: a.o\n"),
        ("Makefile", "all:\n\t$(MAKE) -C src\n.NOTPARALLEL:\n"),
    ],
)
def test_build_files_without_such_a_tool(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert build_tool_findings(read_tree(str(tmp_path), {})) == []


def test_scons_that_passes_on_the_environment(tmp_path: Path) -> None:
    (tmp_path / "SConstruct").write_text("import os\nEnvironment(ENV=os.environ).Program('p', ['a.c'])\n")
    [finding] = build_tool_findings(read_tree(str(tmp_path), {}))
    assert finding.result is Result.OK

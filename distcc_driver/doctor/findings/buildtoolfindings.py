"""Findings about build tools that keep jobs from workers: scons, setuptools, make with `.NOTPARALLEL`.

The files of the build directory are read; nothing in them is run.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..trees.buildfiles import text_of
from ..trees.buildtree import System
from .finding import Finding, Result, in_build_directory

if TYPE_CHECKING:
    from ..trees.buildtree import BuildTree

_SCONS = ("SConstruct", "Sconstruct", "sconstruct", "SConstruct.py", "Sconstruct.py", "sconstruct.py")
_MAX_BYTES = 1024 * 1024
_EXTENSIONS = re.compile(r"\bExtension\s*\(|\bext_modules\b|\bcythonize\s*\(|\bcffi_modules\b")
_IN_PROJECT = re.compile(r"^\s*(?:ext-modules\s*=|\[\[tool\.setuptools\.ext-modules\]\])", re.MULTILINE)
_SERIAL = re.compile(r"^\.NOTPARALLEL\s*:\s*(?:#.*)?$", re.MULTILINE)


def scons_file(directory: str) -> str | None:
    """The name of the file that scons reads in a directory; None if there is no such file."""
    return next((name for name in _SCONS if os.path.isfile(os.path.join(directory, name))), None)


def build_tool_findings(tree: BuildTree) -> list[Finding]:
    """Findings about the tools of a build directory that keep jobs from workers."""
    directory = tree.directory
    scons = scons_file(directory)
    findings = [_scons_finding(directory, scons, text_of(directory, scons, _MAX_BYTES))] if scons else []
    if _EXTENSIONS.search(text_of(directory, "setup.py", _MAX_BYTES)):
        findings.append(_setuptools_finding(directory, "setup.py"))
    elif _IN_PROJECT.search(text_of(directory, "pyproject.toml", _MAX_BYTES)):
        findings.append(_setuptools_finding(directory, "pyproject.toml"))
    return findings + _serial_findings(tree)


def _scons_finding(directory: str, name: str, text: str) -> Finding:
    if "os.environ" in text:
        return in_build_directory(
            directory, Result.OK, f"{name}: it uses os.environ, so scons can give compilers your environment"
        )
    return in_build_directory(
        directory,
        Result.WARNING,
        f"{name}: scons gives compilers an environment of its own, without DISTCC_HOSTS and your PATH",
        "write import os and Environment(ENV=os.environ) in it; add CC='distcc gcc' and CXX='distcc g++' "
        "behind ENV, unless distcc's links are first on PATH",
    )


def _setuptools_finding(directory: str, name: str) -> Finding:
    return in_build_directory(
        directory,
        Result.WARNING,
        f"{name}: setuptools compiles one file at a time, unless the build asks for more",
        "run CC='distcc gcc' distcc_build python3 setup.py build_ext, which builds extensions in parallel; "
        "for pip, write the lines [build_ext] and parallel=8 to a file, and name it in DIST_EXTRA_CONFIG",
    )


def _serial_findings(tree: BuildTree) -> list[Finding]:
    """Findings about a Makefile that makes make run one job at a time.

    A Makefile that calls make again is left out: `.NOTPARALLEL` does not count for the other Makefiles.
    """
    name = {System.MAKE: tree.file or "Makefile", System.AUTOTOOLS: "Makefile"}.get(tree.system)
    text = text_of(tree.directory, name) if name else ""
    if not _SERIAL.search(text) or re.search(r"\$[({]MAKE[)}]", text):
        return []
    cause = f"{os.path.basename(name or '')}: with .NOTPARALLEL make runs one job at a time, whatever -j says"
    return [in_build_directory(tree.directory, Result.WARNING, cause, "delete the line with .NOTPARALLEL")]

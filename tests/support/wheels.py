"""Builds the wheel, and installs it by pip for each Python of this machine, as users do."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from .place import ROOT
from .shells import UserShell

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT_S = 300
_MINORS = range(10, 14)
_PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-warn-script-location"]
THIS_VERSION = f"3.{sys.version_info.minor}"


def run(*words: str | Path, **environ: str) -> str:
    """Run a command, which must succeed; return its output."""
    done = subprocess.run(
        words,
        env={**os.environ, **environ},
        cwd=ROOT.anchor,  # not the clone, from which Python would import the package
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def build(directory: Path, source: Path, *options: str) -> list[Path]:
    """Build a source tree by `python -m build`; return the files that it has made."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, *options, source)
    return sorted(directory.iterdir())


def pythons() -> dict[str, str]:
    """The supported interpreters of this machine, by version. The one that runs the tests is among them."""
    found = {THIS_VERSION: sys.executable}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in _MINORS:
        candidates: Iterable[str | Path] = [
            f"python3.{minor}",
            *root.glob(f"versions/3.{minor}.*/bin/python"),
        ]
        for program in filter(None, map(shutil.which, candidates)):
            code = f"import ensurepip, venv, sys; sys.exit(sys.version_info[1] != {minor})"
            if not subprocess.run([program, "-c", code], check=False, capture_output=True).returncode:
                found.setdefault(f"3.{minor}", program)
    return found


class Installed:
    """An installation of the wheel: its directory of packages, and its directory of programs."""

    def __init__(self, packages: Path, programs: Path) -> None:
        self.packages = packages
        self.program = programs / "distcc-driver"
        self.build_program = programs / "distcc_build"

    def run(self, *words: str, **environ: str) -> str:
        """Run `distcc-driver WORDS` of the installation; return its output."""
        return run(self.program, *words, **environ)

    def shim(self, shell: str) -> Path:
        return Path(self.run("shim", shell).removesuffix("\n"))

    def use_in(self, shell: UserShell) -> UserShell:
        """Let a shell source the installed shim; return the shell."""
        shell.root = self.shim_directory
        return shell

    @property
    def shim_directory(self) -> Path:
        """The directory that start files name: in PREFIX/share, if the packages are in PREFIX/lib."""
        lasting = self.packages.parents[2] / "share" / "distcc-driver"
        return lasting if lasting.is_dir() else self.packages / "distcc_driver"


def install_in_venv(wheel: Path, python: str, version: str, directory: Path) -> Installed:
    """Install into a new virtual environment.

    If its Python is the version that runs the tests, it uses the dependencies of the tests' environment.
    """
    run(python, "-m", "venv", directory)
    installed = Installed(directory / "lib" / f"python{version}" / "site-packages", directory / "bin")
    is_lent = version == THIS_VERSION
    run(directory / "bin" / "python", *_PIP, *(["--no-deps"] if is_lent else []), wheel)
    if is_lent:
        (installed.packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return installed


def install_under(wheel: Path, prefix: Path) -> Installed:
    """Install into a prefix without an interpreter, as `pip install --user` does into ~/.local."""
    run(
        sys.executable, *_PIP, "--no-deps", "--ignore-installed", "--prefix", prefix, wheel
    )  # pip must not remove the same package from the tests' environment
    packages = prefix / "lib" / f"python{THIS_VERSION}" / "site-packages"
    _copy_sh(packages)
    return Installed(packages, prefix / "bin")


def install_into(wheel: Path, directory: Path) -> Installed:
    """Install as `pip install --target` does: the path does not say for which interpreter."""
    run(sys.executable, *_PIP, "--no-deps", "--target", directory, wheel)
    _copy_sh(directory)
    return Installed(directory, directory / "bin")


def _copy_sh(directory: Path) -> None:
    """Copy the one dependency of builds, which pip would install, too."""
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "sh", directory / "sh")


def python_named(name: str, directory: Path) -> Path:
    """A program on PATH that runs the Python of the tests by another name, without our dependencies.

    It leaves the file `NAME.used` beside itself.
    """
    directory.mkdir(exist_ok=True)
    program = directory / name
    real = shlex.quote(os.path.realpath(sys.executable))
    program.write_text(f'#!/bin/sh\n: > {shlex.quote(str(program))}.used\nexec {real} "$@"\n')
    program.chmod(0o755)
    return program

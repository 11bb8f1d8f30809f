"""The wheel as its users have it: built, then installed by pip for the Pythons of this machine."""

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
    """What a command prints; it has to succeed."""
    done = subprocess.run(
        words,
        env={**os.environ, **environ},
        cwd=ROOT.anchor,  # no package of ours is there
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def build(directory: Path, source: Path, *options: str) -> list[Path]:
    """What `python -m build` makes of a source tree."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, *options, source)
    return sorted(directory.iterdir())


def pythons() -> dict[str, str]:
    """Interpreters that we support and that are on this machine, by version; this one is among them."""
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
    """An installation of the wheel: the directory of its packages, and that of its programs."""

    def __init__(self, packages: Path, programs: Path) -> None:
        self.packages = packages
        self.program = programs / "distcc-driver"

    def run(self, *words: str, **environ: str) -> str:
        """What `distcc-driver WORDS` prints."""
        return run(self.program, *words, **environ)

    def shim(self, shell: str) -> Path:
        return Path(self.run("shim", shell).removesuffix("\n"))

    def use_in(self, shell: UserShell) -> UserShell:
        """The shell, which now sources the installed shim."""
        shell.root = self.shim_directory
        return shell

    @property
    def shim_directory(self) -> Path:
        """Where start files find the shims: beside lib, if the packages are in lib/python3.N."""
        lasting = self.packages.parents[2] / "share" / "distcc-driver"
        return lasting if lasting.is_dir() else self.packages / "distcc_driver"


def install_in_venv(wheel: Path, python: str, version: str, directory: Path) -> Installed:
    """An environment of its own. That of these tests lends what we depend on, if it can."""
    run(python, "-m", "venv", directory)
    installed = Installed(directory / "lib" / f"python{version}" / "site-packages", directory / "bin")
    is_lent = version == THIS_VERSION
    run(directory / "bin" / "python", *_PIP, *(["--no-deps"] if is_lent else []), wheel)
    if is_lent:
        (installed.packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return installed


def install_under(wheel: Path, prefix: Path) -> Installed:
    """As `pip install --user` does, whose prefix is ~/.local: no interpreter is there."""
    run(
        sys.executable, *_PIP, "--no-deps", "--ignore-installed", "--prefix", prefix, wheel
    )  # not in its place
    packages = prefix / "lib" / f"python{THIS_VERSION}" / "site-packages"
    _copy_sh(packages)
    return Installed(packages, prefix / "bin")


def install_into(wheel: Path, directory: Path) -> Installed:
    """As `pip install --target` does: nothing says which interpreter it is for."""
    run(sys.executable, *_PIP, "--no-deps", "--target", directory, wheel)
    _copy_sh(directory)
    return Installed(directory, directory / "bin")


def _copy_sh(directory: Path) -> None:
    """The one dependency of builds, which pip would have put there."""
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "sh", directory / "sh")


def python_named(name: str, directory: Path) -> Path:
    """A bare Python of this version under another name, as on a PATH; it has none of our dependencies."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    real = shlex.quote(os.path.realpath(sys.executable))
    program.write_text(f'#!/bin/sh\n: > {shlex.quote(str(program))}.used\nexec {real} "$@"\n')
    program.chmod(0o755)
    return program

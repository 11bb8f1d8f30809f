"""Compilers and launchers that record their arguments: so a test knows which commands a build runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from distcc_driver.doctor.trees.buildcommands import BuildCommand

Called = tuple[tuple[str, ...], str]  # the arguments without names of files, and the directory

_SCRIPT = """\
#!/bin/sh
if [ -z "$RECORDED" ]; then
    export RECORDED=yes
    {{ printf '%s\\0' "$PWD" "${{0##*/}}" "$@"; }} >"{log}/$$"
fi
{run}
"""
_COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++")
_LAUNCHERS = ("distcc", "ccache")
_FILES = ("-o", "-MF", "-MT", "-MQ")
_SUFFIXES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hxx", ".hpp")


class Recorders:
    """A directory for PATH with the programs. Each command of a build is recorded once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._log = directory / "log"
        self._log.mkdir(parents=True)
        for name in (*_COMPILERS, *_LAUNCHERS):
            real = shutil.which(name)
            run = 'exec "$@"' if name in _LAUNCHERS else f'exec {real} "$@"'
            (directory / name).write_text(_SCRIPT.format(log=self._log, run=run))
            (directory / name).chmod(0o755)

    def path(self, environ: dict[str, str]) -> dict[str, str]:
        """The environment with this directory first on PATH."""
        return environ | {"PATH": f"{self.directory}:{environ['PATH']}"}

    def forget(self) -> None:
        """Forget the commands that the configuration of the build has run."""
        for name in os.listdir(self._log):
            (self._log / name).unlink()

    @property
    def called(self) -> Counter[Called]:
        """How often each compile command ran, without the arguments that name files."""
        found = Counter[Called]()
        for name in sorted(os.listdir(self._log)):
            directory, *words = (self._log / name).read_text().split("\0")[:-1]
            if "-c" in words and "-E" not in words:
                found[_without_files(words), directory] += 1
        return found


def commands(found: Iterable[BuildCommand]) -> Counter[Called]:
    """The commands that the product has read in a build directory, in the form of `Recorders.called`."""
    counted = Counter[Called]()
    for command in found:
        words = [word for word in command.words if not word.startswith("CCACHE_")]
        counted[(os.path.basename(words[0]), *words[1:]), os.path.realpath(command.directory)] += (
            command.count or 0
        )
    return counted


def _without_files(words: list[str]) -> tuple[str, ...]:
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word not in _FILES and before not in _FILES
    ]
    source = next(
        index
        for index, word in reversed(list(enumerate(kept)))
        if word.endswith(_SUFFIXES) and kept[index - 1] != "-include" and not word.startswith("-")
    )
    return (*kept[:source], *kept[source + 1 :])

"""Directories for a worker's PATH, with compilers that differ from those of this machine."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TOOLS = ("as", "ld", "objcopy", "dd", "rm", "sh")

_CHANGED = """\
#!/bin/sh
{compiler} "$@" || exit
while [ "$#" -gt 1 ]; do
    [ "$1" = -o ] && object=$2
    shift
done
{change}
"""
_OTHER_COMMENT = """\
printf '%s\\0' {comment} >"$object.comment"
objcopy --update-section .comment="$object.comment" "$object"
rm "$object.comment"
"""
# e_machine is at byte 18 (elf(5)); 183 is AArch64.
_OTHER_MACHINE = 'printf "\\\\267" | dd of="$object" bs=1 seek=18 conv=notrunc 2>/dev/null'


@cache
def target() -> str:
    """GCC's name for this machine: distcc asks workers for `TARGET-gcc` in place of `gcc`."""
    words = ["gcc", "-dumpmachine"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


class Toolchain:
    """A directory with the real assembler and linker, and no compiler yet.

    distccd that root starts runs as another user, who must be able to enter the directory. Directories of
    pytest are private, so use the fixture `public`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        for name in _TOOLS:
            (directory / name).symlink_to(str(shutil.which(name)))

    @property
    def environ(self) -> dict[str, str]:
        """The variables to start a worker with."""
        return {"PATH": str(self.directory)}

    def add(self, name: str) -> None:
        """Add the compiler of this machine, also as `TARGET-name`."""
        for alias in _aliases(name):
            (self.directory / alias).symlink_to(str(shutil.which(alias) or shutil.which(name)))

    def add_alone(self, name: str) -> None:
        """Add the compiler of this machine under this name only."""
        (self.directory / name).symlink_to(str(shutil.which(name)))

    def add_other_version(self, name: str, comment: str) -> None:
        """Add a compiler whose object files have `comment` in their `.comment` section."""
        self._add_changed(name, _OTHER_COMMENT.format(comment=f"'{comment}'"))

    def add_other_machine(self, name: str) -> None:
        """Add a compiler whose object files claim to be for AArch64."""
        self._add_changed(name, _OTHER_MACHINE)

    def add_script(self, name: str, text: str) -> None:
        """Add a shell script as `name` and as `TARGET-name`."""
        for alias in _aliases(name):
            path = self.directory / alias
            path.write_text(text)
            path.chmod(0o755)

    def _add_changed(self, name: str, change: str) -> None:
        self.add_script(name, _CHANGED.format(compiler=shutil.which(name), change=change))


def _aliases(name: str) -> tuple[str, str]:
    return name, f"{target()}-{name}"

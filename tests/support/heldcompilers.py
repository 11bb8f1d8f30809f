"""Compilers that begin, and go on when they are told to: builds that stand still to be looked at."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from .toolchains import Toolchain

if TYPE_CHECKING:
    from pathlib import Path

# The preprocessor does not wait: it runs on the client, in front of the compilation.
_SCRIPT = """\
#!/bin/sh
case " $* " in
    *' -E '*) ;;
    *) read -r _ <{gate} ;;
esac
exec {compiler} "$@"
"""


class HeldCompilers:
    """A `gcc` that waits, for the PATH of workers or of clients, from entering to leaving."""

    def __init__(self, directory: Path) -> None:
        self._gate = directory / "gate"
        os.mkfifo(self._gate)
        self._gate.chmod(0o666)
        self._opened = os.open(self._gate, os.O_RDWR)
        self._toolchain = Toolchain(directory / "held")
        self._toolchain.add_script("gcc", _SCRIPT.format(gate=self._gate, compiler=shutil.which("gcc")))

    @property
    def directory(self) -> Path:
        """Where the compilers are."""
        return self._toolchain.directory

    @property
    def environ(self) -> dict[str, str]:
        """For the constructor of a worker."""
        return self._toolchain.environ

    def release(self, count: int) -> None:
        """Let so many compilations go on, those that wait or those that come."""
        os.write(self._opened, b"\n" * count)

    def close(self) -> None:
        """Let all go on."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1

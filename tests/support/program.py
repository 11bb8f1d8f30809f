"""distcc_build as a program, run without any shell of the user's."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING

from .place import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_DEADLINE_S = 120.0


def run(
    words: Sequence[str | bytes], environ: Mapping[str, str], cwd: Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `distcc_build WORDS`, whose output is bytes."""
    return subprocess.run(
        [PROGRAM, *words],
        input=stdin,
        capture_output=True,
        env=environ,
        cwd=cwd,
        timeout=_DEADLINE_S,
        check=False,
    )


class Started:
    """A command beside the test, in a session of its own, all of which is killed when the context ends."""

    def __init__(self, command: Sequence[object], environ: Mapping[str, str], cwd: Path) -> None:
        # Every process of the command inherits the pipe: its end says that all have gone.
        self._all_gone, write_end = os.pipe()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            cwd=cwd,
            text=True,
            start_new_session=True,
            pass_fds=[write_end],
        )
        os.close(write_end)

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next line of its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def status(self) -> int:
        """How it ended, once it and all processes that it has started have gone."""
        status = self._process.wait(_DEADLINE_S)
        assert select.select([self._all_gone], [], [], _DEADLINE_S)[0], "processes are left"
        return status

    def __enter__(self) -> Started:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate(timeout=_DEADLINE_S)
        os.close(self._all_gone)

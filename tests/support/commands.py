"""Runs commands of `distcc-driver`, as people type them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from .place import CLONE, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

PACKAGE = CLONE / "distcc_driver"
_DEADLINE_S = 60.0
# The virtual environment of the tests imports the package from the clone. So put the copy before it.
_RUN_COPY = (
    "import runpy, sys; sys.path[1:1] = [sys.argv[1]]; del sys.argv[:2]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def driver_command(*words: str) -> list[str]:
    """The command line of a `distcc-driver` command."""
    program = str(PACKAGE / "__main__.py")
    if CLONE == ROOT:
        return [sys.executable, program, *words]
    return [sys.executable, "-c", _RUN_COPY, str(CLONE), program, *words]


def run_driver(
    environ: Mapping[str, str], cwd: Path, *words: str, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    return subprocess.run(
        driver_command(*words),
        env=environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=_DEADLINE_S,
        start_new_session=True,
    )


class Driver:
    """A command that runs until the test ends it. Meanwhile the test reads its lines or documents."""

    def __init__(self, environ: Mapping[str, str], cwd: Path, *words: str) -> None:
        self._process = subprocess.Popen(
            driver_command(*words),
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next line of its output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def rest(self) -> str:
        """What comes until it ends by itself."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def document(self) -> dict[str, Any]:
        """The next line, which is a JSON document."""
        document = json.loads(self.line())
        assert isinstance(document, dict)
        return document

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal, wait for the end, and return the status and the text of standard error."""
        self._process.send_signal(number)
        _, stderr = self._process.communicate(timeout=_DEADLINE_S)
        return self._process.returncode, stderr

    def wait(self) -> tuple[int, str]:
        """Let it end by itself; returns the status and what was on standard error."""
        _, stderr = self._process.communicate(timeout=_DEADLINE_S)
        return self._process.returncode, stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate(timeout=_DEADLINE_S)

"""Workers on this machine that behave as if they had processors of their own.

Their compiler sleeps before it compiles. The sleep stands for the work of a remote processor, so a few cores
are enough for many slots.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from .shells import user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

# The compiler sleeps for the time in its name. As a preprocessor, which runs on the client, it does not
# sleep.
_COMPILER = """#!/bin/sh
case " $* " in
    *' -E '*) ;;
    *) sleep "${0##*/bench-cc-}" ;;
esac
exec gcc "$@"
"""


class Cluster:
    """One distccd for each number in `slots`, and a project with one file for each time in `seconds`."""

    def __init__(self, slots: Sequence[int], seconds: Sequence[float]) -> None:
        self.slots = slots
        self.seconds = seconds
        self.project = Path()
        self.workers: list[Distccd] = []
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._directory.chmod(0o755)  # distccd runs as another user if root starts it
        compilers = self._write_compilers(self._directory / "bin")
        self.project = self._write_project(self._directory / "project")
        for slots in self.slots:
            worker = Distccd(slots, environ={"DISTCC_CMDLIST": str(compilers)})
            self._stack.callback(worker.stop)
            self.workers.append(worker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def specs(self) -> list[str]:
        """Entries for DISTCC_AUTO_HOSTS."""
        return [worker.spec for worker in self.workers]

    @property
    def distcc_hosts(self) -> list[str]:
        """Entries for DISTCC_HOSTS."""
        return [worker.distcc_host for worker in self.workers]

    @property
    def compiled(self) -> int:
        """How many files all workers together have compiled."""
        return sum(worker.compiled for worker in self.workers)

    @contextmanager
    def killing_last(self, after_s: float | None) -> Iterator[None]:
        """Kill the last worker and all of its jobs at a time; with None it lives."""
        if after_s is None:
            yield
            return
        timer = threading.Timer(after_s, os.killpg, [self.workers[-1].pid, signal.SIGKILL])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def environ(self) -> dict[str, str]:
        """Remove object files and distcc's state; return the environment for a new build."""
        for made in self.project.glob("*.o"):
            made.unlink()
        state = self._directory / "distcc"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        environ = user_environ()
        environ["PATH"] = f"{self._directory / 'bin'}:{environ['PATH']}"
        return {**environ, "DISTCC_DIR": str(state), "DISTCC_FALLBACK": "0"}

    def _write_compilers(self, directory: Path) -> Path:
        """Write a compiler for each time; return the file that lets distccd run them."""
        directory.mkdir()
        names = sorted({directory / f"bench-cc-{seconds:g}" for seconds in self.seconds})
        for name in names:
            name.write_text(_COMPILER)
            name.chmod(0o755)
        listing = directory / "compilers"
        listing.write_text("".join(f"{name}\n" for name in names))
        return listing

    def _write_project(self, directory: Path) -> Path:
        directory.mkdir()
        objects = " ".join(f"part{number}.o" for number in range(len(self.seconds)))
        rules = [f"all: {objects}\n"]
        for number, seconds in enumerate(self.seconds):
            name = f"part{number}"
            (directory / f"{name}.c").write_text(f"int {name}(void) {{ return {number}; }}\n")
            rules.append(f"{name}.o: {name}.c\n\tdistcc bench-cc-{seconds:g} -c -o $@ $<\n")
        (directory / "Makefile").write_text("".join(rules))
        return directory

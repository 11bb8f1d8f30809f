"""Workers on this machine that seem to have processors of their own.

Their compiler sleeps before it compiles: the wait stands for a remote processor's work, so that
a few cores can show many slots.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from .shells import user_environ

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

# Its name tells how long; the preprocessor, which runs on the client, does not wait.
_COMPILER = """#!/bin/sh
case " $* " in
    *' -E '*) ;;
    *) sleep "${0##*/bench-cc-}" ;;
esac
exec gcc "$@"
"""


class Cluster:
    """Distccds with the given `slots`, and a project of a file for each of `seconds`."""

    def __init__(self, slots: Sequence[int], seconds: Sequence[float]) -> None:
        self.slots = slots
        self.seconds = seconds
        self.project = Path()
        self.workers: list[Distccd] = []
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._directory.chmod(0o755)  # distccd leaves root behind
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
        """Files that all workers have compiled."""
        return sum(worker.compiled for worker in self.workers)

    def environ(self) -> dict[str, str]:
        """For a build from scratch: no object file is left, and distcc remembers nothing."""
        for made in self.project.glob("*.o"):
            made.unlink()
        state = self._directory / "distcc"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        environ = user_environ()
        environ["PATH"] = f"{self._directory / 'bin'}:{environ['PATH']}"
        return {**environ, "DISTCC_DIR": str(state), "DISTCC_FALLBACK": "0"}

    def _write_compilers(self, directory: Path) -> Path:
        """A compiler for each time; returns the list of those that distccd may run."""
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

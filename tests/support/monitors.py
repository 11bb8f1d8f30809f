"""`distcc-driver monitor` beside a build, read picture by picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .commands import Driver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_MOST_PICTURES = 400


class Monitor(Driver):
    """The pictures of the builds below a directory. Builds elsewhere are not in them."""

    def __init__(self, environ: Mapping[str, str], directory: Path, *words: str) -> None:
        super().__init__(environ, directory, "monitor", "--json", str(directory), *words)

    def until(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first build of a picture for which something is so."""
        for _ in range(_MOST_PICTURES):
            builds = self.document()["builds"]
            if builds and condition(builds[0]):
                build = builds[0]
                assert isinstance(build, dict)
                return build
        raise AssertionError(f"never came about; the last picture has {builds}")


def files_at(build: Mapping[str, Any], step: str = "compiling") -> dict[str, str]:
    """File to worker, for jobs in a step."""
    return {
        job["file"]: worker["host"]
        for worker in build["workers"]
        for job in worker["jobs"]
        if job["step"] == step
    }

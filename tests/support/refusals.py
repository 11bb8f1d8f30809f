"""How a build is refused: with a status, one line on standard error, and nothing on standard output."""

from __future__ import annotations

from typing import Protocol


class Ended(Protocol):
    """The status and the output of a shell that has ended."""

    @property
    def returncode(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...


def assert_refused(result: Ended, *parts: str, status: int = 96) -> None:
    """The build was refused: its one line on standard error has all `parts`."""
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("distcc-driver: ")
    for part in parts:
        assert part in lines[0]

"""The compile commands of a build: all that have the same options are one `BuildCommand`. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildCommand:
    """All compile commands of a build directory that have the same options.

    `words` are those that the build runs: assignments, launcher, compiler, options; without
    `cd DIR &&`, the source and what names files to be written. `place` says for people where the
    options stand. `count` is the number of compilations, None where reading cannot tell it.
    `directory` is absolute, the command runs there. `example` is one of the sources.
    """

    words: tuple[str, ...]
    place: str
    count: int | None
    directory: str
    example: str = ""

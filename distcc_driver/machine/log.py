"""One-line messages on stderr: nothing but printable text ever reaches the terminal."""

from __future__ import annotations

import sys

from ..core.settings import LEVELS

_HALF_LINE = 1000


class Log:
    """Prints what is at or above a level (a word of `settings.LEVELS`)."""

    def __init__(self, level: str) -> None:
        self._threshold = LEVELS.index(level)

    def debug(self, text: str) -> None:
        """For those who want to know how a plan came about."""
        self._print(0, text)

    def info(self, text: str) -> None:
        """What a build that goes well says."""
        self._print(1, text)

    def warning(self, text: str) -> None:
        """The build goes on, but with less than was asked for."""
        self._print(2, text)

    def error(self, text: str) -> None:
        """Something the user wrote cannot be used."""
        self._print(3, text)

    def _print(self, level: int, text: str) -> None:
        if level >= self._threshold and sys.stderr is not None:
            try:
                sys.stderr.write(f"distcc-driver: {printable(text)}\n")
                sys.stderr.flush()
            except OSError:
                pass  # nobody listens; the build matters more


def printable(text: str) -> str:
    """The text on one line: escapes for what is not printable.

    A very long one loses its middle, for its end says what to do.
    """
    if len(text) > 2 * _HALF_LINE:
        text = f"{text[:_HALF_LINE]}...{text[-_HALF_LINE:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)

"""One-line messages on stderr, with printable characters only."""

from __future__ import annotations

import sys

from ..core.settings import LEVELS

_HALF_LINE = 1000


class Log:
    """Prints messages at or above a level (a word of `settings.LEVELS`)."""

    def __init__(self, level: str) -> None:
        self._threshold = LEVELS.index(level)

    def debug(self, text: str) -> None:
        """Explain how a plan came about."""
        self._print(0, text)

    def info(self, text: str) -> None:
        """Tell the progress of a build that goes well."""
        self._print(1, text)

    def warning(self, text: str) -> None:
        """Say that the build goes on with less than the user asked for."""
        self._print(2, text)

    def error(self, text: str) -> None:
        """Say that something the user wrote cannot be used."""
        self._print(3, text)

    def _print(self, level: int, text: str) -> None:
        if level >= self._threshold and sys.stderr is not None:
            try:
                sys.stderr.write(f"distcc-driver: {printable(text)}\n")
                sys.stderr.flush()
            except OSError:
                pass  # a build must not fail because a message cannot be written


def printable(text: str) -> str:
    """The text on one line, with escapes for characters that are not printable.

    A very long text is cut in the middle: its beginning says where, and its end what to do.
    """
    if len(text) > 2 * _HALF_LINE:
        text = f"{text[:_HALF_LINE]}...{text[-_HALF_LINE:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)

"""Reads files of a build directory, which may be anybody's: nothing holds it up, and nothing fills memory."""

from __future__ import annotations

import os
import shlex

MAX_BYTES = 64 * 1024 * 1024


def text_of(directory: str, name: str, most: int = MAX_BYTES) -> str:
    """The text of a file of the directory; "" if it cannot be read. A pipe is not read: it may never end."""
    path = os.path.join(directory, name)
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):  # a NUL in the name
        return ""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a command, as a shell splits them."""
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a quote without its partner
        return tuple(text.split())

"""Reads files of a build directory. A stranger may have written them: no file can block us or fill memory."""

from __future__ import annotations

import os
import shlex

MAX_BYTES = 64 * 1024 * 1024


def text_of(directory: str, name: str, most: int = MAX_BYTES) -> str:
    """The first `most` bytes of a file as text; "" if it cannot be read.

    Only regular files are read: a pipe may never end.
    """
    path = os.path.join(directory, name)
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):  # the name may have a NUL
        return ""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a command, as a shell splits them."""
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a quote is never closed
        return tuple(text.split())

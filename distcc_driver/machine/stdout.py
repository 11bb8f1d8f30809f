"""Standard output, a pipe to the shell that reads the plan: the pipe ends when that shell does."""

from __future__ import annotations

import os
import select
import sys

from ..core.errors import OutputError

_TERMINATED = 143


def write(text: str) -> None:
    """Give the reader the whole text; ends the process where nobody reads any more.

    Raises `OutputError` where it cannot be written: standard output is closed, or a full disk.
    """
    try:
        with open(1, "wb", closefd=False) as output:
            output.write(os.fsencode(text))  # the bytes that names and values came in
    except BrokenPipeError:
        sys.exit(_TERMINATED)
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from None


def end_if_gone() -> None:
    """End the process where nobody reads any more: the shell was killed, and the build with it."""
    poll = select.poll()
    poll.register(1, 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        sys.exit(_TERMINATED)

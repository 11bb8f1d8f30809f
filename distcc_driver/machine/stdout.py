"""Standard output: the pipe to the shell that reads the plan. If the pipe is broken, the shell has ended."""

from __future__ import annotations

import os
import select
import sys

from ..core.errors import OutputError

_TERMINATED = 143


def write(text: str) -> None:
    """Write the whole text; ends the process if the shell has ended.

    Raises `OutputError` if the text cannot be written: standard output is closed, or its disk is full.
    """
    try:
        with open(1, "wb", closefd=False) as output:
            output.write(os.fsencode(text))  # the same bytes as in the environment
    except BrokenPipeError:
        sys.exit(_TERMINATED)
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from None


def end_if_gone() -> None:
    """End the process if the shell has ended: it was killed, and there will be no build."""
    poll = select.poll()
    poll.register(1, 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        sys.exit(_TERMINATED)

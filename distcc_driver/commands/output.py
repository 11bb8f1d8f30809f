"""Writes lines to standard output, for the commands of people."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from ..core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, and flush it.

    If the reader of a pipe has gone, this ends the process as SIGPIPE would. Raises `OutputError` if the
    lines cannot be written.
    """
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_output()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        abandon_output()
        raise OutputError(error.strerror or str(error)) from None


def abandon_output() -> None:
    """Discard buffered output. Otherwise the interpreter, when it ends, prints an error about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

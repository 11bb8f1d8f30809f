"""The terminal on which ssh can ask a person."""

from __future__ import annotations

import contextlib
import os
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def has_terminal() -> bool:
    """Whether a question can be asked: there is a terminal, and this process is in its foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # the terminal has gone meanwhile
        return False
    finally:
        os.close(terminal)


@contextlib.contextmanager
def terminal_kept() -> Iterator[None]:
    """Restore the terminal's settings at the end: an ssh that is killed leaves its echo off."""
    with open("/dev/tty", "rb", buffering=0) as terminal:
        before = termios.tcgetattr(terminal)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, termios.error):  # the terminal has gone
                # In the background, changing the settings would stop this process.
                if os.tcgetpgrp(terminal.fileno()) == os.getpgrp():
                    termios.tcsetattr(terminal, termios.TCSANOW, before)

"""Single keys that people press at a terminal."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import tty
from typing import Any


class Keys:
    """Keys from the terminal that is standard input, without echo, from `begin` to `end`."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def begin(self) -> None:
        """Have the terminal pass on each key at once. Ctrl-C and Ctrl-Z keep their meaning."""
        with contextlib.suppress(termios.error, OSError):
            self._before = termios.tcgetattr(0)
            tty.setcbreak(0, termios.TCSANOW)

    def end(self) -> None:
        """Set the terminal as it was before `begin`."""
        before, self._before = self._before, None
        if before is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(0, termios.TCSANOW, before)

    def read(self, seconds: float) -> str:
        """The keys that were pressed within some seconds; "" if there were none."""
        if not select.select([0], [], [], max(0.0, seconds))[0]:
            return ""
        return os.read(0, 64).decode(errors="replace")

"""Pictures on the screen of a terminal: only lines that have changed are written again."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from ..commands.keys import Keys
from ..commands.screen import Screen
from .spans import coloured
from .textview import Layout, fitted_lines, legend

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from .picture import Picture
    from .spans import Line

_WAITING = "no build with distcc runs; waiting for one"
_NARROWEST = 20


class LiveView:
    """The screen from picture to picture, and the keys that people press."""

    def __init__(self, console: Console, is_unicode: bool) -> None:
        self._console = console
        self._keys = Keys() if sys.stdin is not None and sys.stdin.isatty() else None
        self._screen = Screen(console, self._keys)
        self._is_unicode = is_unicode
        self._has_colour = console.color_system is not None and not console.no_color
        self._shown: list[str] = []
        self._size = (0, 0)
        self._has_files = False
        self._picture: Picture | None = None

    def show(self, picture: Picture) -> None:
        """Bring the screen up to date, in whatever size it has now."""
        self._picture = picture
        self._screen.enter()
        width, height = self._console.size
        width = max(_NARROWEST, width)
        layout = Layout(width, self._is_unicode, self._has_files, os.environ.get("HOME", ""))
        lines = self._lines(picture, layout, height)
        texts = [coloured(line, width, self._has_colour) for line in lines]
        is_anew = self._screen.is_empty or self._size != (width, height)
        parts = ["\x1b[2J"] if is_anew else []
        before = [] if is_anew else self._shown
        for row, text in enumerate(texts):
            if row >= len(before) or text != before[row]:
                parts.append(f"\x1b[{row + 1};1H{text}\x1b[K")
        if len(before) > len(texts):
            parts.append(f"\x1b[{len(texts) + 1};1H\x1b[J")
        self._shown, self._size = texts, (width, height)
        if parts:
            self._screen.write("".join(parts))

    def wait(self, seconds: float, check: Callable[[], None]) -> bool:
        """Let some time pass; False if q has been pressed. `check` raises if a signal has come."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            typed = self._typed(left_s)
            check()
            if "q" in typed:
                return False
            if "f" in typed and self._picture is not None:
                self._has_files = not self._has_files
                self.show(self._picture)
        return True

    def close(self) -> None:
        """Give the terminal back."""
        self._screen.leave()

    def _typed(self, seconds: float) -> str:
        if self._keys is None:
            time.sleep(seconds)
            return ""
        return self._keys.read(seconds)

    def _lines(self, picture: Picture, layout: Layout, height: int) -> list[Line]:
        """The picture above a last line about keys and characters."""
        if not picture.builds:
            lines: list[Line] = [[(_WAITING, "")]]
        else:
            lines = fitted_lines(picture, layout, max(3, height - 2))
        keys: Line = [
            ("q ends, f ", "dim"),
            ("hides" if self._has_files else "shows", "dim"),
            (" files  ", "dim"),
        ]
        return [*lines, [], [*keys, *legend(layout)]][: max(1, height)]

"""A full screen on a terminal that is drawn again and again. The terminal is as before at the end."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from rich.segment import Segment

from ..machine.buildsignals import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from .keys import Keys


class Screen:
    """The alternate screen of a terminal. The first `show` or `enter` switches to it, `leave` switches back.

    While the terminal shows it, `keys` come without echo.
    Signals wait until the terminal has switched. While the process is stopped (Ctrl-Z), the terminal shows
    its normal screen.
    """

    def __init__(self, console: Console, keys: Keys | None = None) -> None:
        self._console = console
        self._keys = keys
        self.is_empty = True
        self._is_switched = False
        self._is_drawing = False
        self._is_to_stop = False

    def show(self, renderable: RenderableType, footer: str) -> None:
        """Draw as many lines as fit above the footer, and say how many do not fit."""
        self.enter()
        with self._drawing():
            self._console.clear()
            self._console.print(_Cropped(renderable, footer), end="")

    def enter(self) -> None:
        """Switch to this screen, unless that has been done."""
        if not self._is_switched:
            self._switch()
            signal.signal(signal.SIGTSTP, self._stop_when_drawn)

    def write(self, text: str) -> None:
        """Write text with escape sequences. Before that, `is_empty` tells whether the screen is blank."""
        with self._drawing():
            self.is_empty = False
            self._console.file.write(text)
            self._console.file.flush()

    def leave(self) -> None:
        """Switch back to the normal screen."""
        if self._is_switched:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self._switch_back()

    def _switch(self) -> None:
        with _undisturbed():
            self._is_switched = self.is_empty = True
            if self._keys:
                self._keys.begin()
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)

    def _switch_back(self) -> None:
        with _undisturbed(), contextlib.suppress(OSError):  # the terminal may have been closed
            self._is_switched = False
            self._console.show_cursor(True)
            self._console.set_alt_screen(False)
            if self._keys:
                self._keys.end()

    @contextlib.contextmanager
    def _drawing(self) -> Iterator[None]:
        """Delay a stop (Ctrl-Z) while the context lasts, because a stop writes to the terminal, too.

        Blocking SIGTSTP is not enough: if it came just before it was blocked, Python still calls its handler
        in the middle of the drawing.
        """
        self._is_drawing = True
        try:
            yield
        finally:
            self._is_drawing = False
        if self._is_to_stop:
            self._stop()

    def _stop_when_drawn(self, _: int, __: FrameType | None) -> None:
        self._is_to_stop = True
        if not self._is_drawing:
            self._stop()

    def _stop(self) -> None:
        self._is_to_stop = False
        self._switch_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when the process is continued
        signal.signal(signal.SIGTSTP, self._stop_when_drawn)
        self._switch()


class _Cropped:
    """The first and the last lines of a text, as many as fit above a footer."""

    def __init__(self, renderable: RenderableType, footer: str) -> None:
        self._renderable = renderable
        self._footer = footer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._renderable, options.update(height=None), pad=False)
        room = max(3, console.height - 3)
        if len(lines) > room:
            first = room // 2
            last = room - first - 1
            said = Segment(f"... {len(lines) - first - last} more lines do not fit here"[: console.width])
            lines[first:-last] = [[said]]
        for line in lines:
            yield from line
            yield Segment.line()
        yield Segment(f"\n{self._footer}"[: console.width])


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Block the signals that end or stop the process while the context lasts."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [*ENDINGS, signal.SIGTSTP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

"""What moves on a terminal: the progress of a survey, and a screen that is kept up to date.

Both leave the terminal as it was, whatever ends them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

from ..core.errors import OutputError
from ..machine.buildsignals import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from rich.console import ConsoleOptions, RenderableType, RenderResult
    from rich.status import Status


@contextlib.contextmanager
def status_line(text: str) -> Iterator[Status | None]:
    """A line on standard error that goes again; on a terminal only. Yields what changes its text."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    with console.status(text, spinner="line") as status:
        yield status


class Progress:
    """A line on standard error that tells how many hosts have answered; on a terminal only."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts
        self._answered = 0
        self._status: Status | None = None

    def answered(self) -> None:
        """One host more has answered, or will not."""
        self._answered += 1
        if self._status is not None:
            self._status.update(self._text())

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show it; nothing of it stays."""
        with status_line(self._text()) as self._status:
            try:
                yield
            finally:
                self._status = None

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Take it away while something else has the terminal."""
        status = self._status
        if status is not None:
            status.stop()
        try:
            yield
        finally:
            if status is not None:
                status.start()

    def _text(self) -> str:
        hosts = "1 host" if self._hosts == 1 else f"{self._hosts} hosts"
        return f"asking {hosts}, {self._answered} {'has' if self._answered == 1 else 'have'} answered"


class Screen:
    """The alternate screen of a terminal, taken by the first `show` and given back by `leave`.

    No signal comes in the middle of either. While the process is stopped (Ctrl-Z), the terminal is
    as it was, too.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_taken = False
        self._is_drawing = False
        self._is_to_stop = False

    def show(self, renderable: RenderableType, footer: str) -> None:
        """Show what fits above a footer, and say how much does not."""
        if not self._is_taken:
            self._take()
            signal.signal(signal.SIGTSTP, self._stop_when_drawn)
        with self._drawing():
            self._console.clear()
            self._console.print(_Cropped(renderable, footer), end="")

    def leave(self) -> None:
        """Give the terminal back."""
        if self._is_taken:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self._give_back()

    def _take(self) -> None:
        with _undisturbed():
            self._is_taken = True
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)

    def _give_back(self) -> None:
        with _undisturbed(), contextlib.suppress(OSError):  # it may have been closed
            self._is_taken = False
            self._console.show_cursor(True)
            self._console.set_alt_screen(False)

    @contextlib.contextmanager
    def _drawing(self) -> Iterator[None]:
        """A stop waits until this is done: it writes to the terminal, too.

        Blocking the signal would not do. Python calls the handler of one that has come a moment before in the
        middle of this all the same.
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
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # which lasts until somebody says to go on
        signal.signal(signal.SIGTSTP, self._stop_when_drawn)
        self._take()


class _Cropped:
    """The first and the last lines of something, as many as there is room for, above a footer."""

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
    """Signals that would end or stop the process wait until this is done."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [*ENDINGS, signal.SIGTSTP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def write_lines(lines: Iterable[str]) -> None:
    """Lines on standard output, at once.

    Ends the process where nobody reads any more, as SIGPIPE would; raises `OutputError` where they
    cannot be written.
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
    """Let what is left in buffers go nowhere, or the interpreter would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

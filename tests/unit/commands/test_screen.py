"""The screen of `workers --watch` on a terminal, at moments that a person cannot choose."""

from __future__ import annotations

import os
import pty
import signal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

from distcc_driver.commands.screen import Screen

if TYPE_CHECKING:
    from typing import NoReturn

    from rich.console import ConsoleOptions, RenderResult

LEAVES = b"\x1b[?1049l"
SHOWN = b"what is shown"


class _StopsWhileDrawn:
    """Calls the handler of SIGTSTP in the middle of the drawing, as if the signal had come just before."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        handler = signal.getsignal(signal.SIGTSTP)
        assert callable(handler)
        handler(signal.SIGTSTP, None)
        yield Segment(SHOWN.decode())


def test_stop_waits_until_the_screen_is_drawn() -> None:
    ours, terminal = pty.openpty()
    child = os.fork()
    if not child:
        _show(terminal)
    os.close(terminal)
    try:
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status
        shown = b""
        while LEAVES not in shown:  # the whole output is written, but is read in parts
            shown += os.read(ours, 65536)
        assert SHOWN in shown.partition(LEAVES)[0]
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
        assert os.WIFEXITED(status)
        assert os.WEXITSTATUS(status) == 0
    finally:
        os.close(ours)


def _show(terminal: int) -> NoReturn:
    status = 1
    try:
        os.setpgid(0, 0)  # as a shell does for a job: only then SIGTSTP stops it
        with open(terminal, "w", encoding="utf-8") as file:
            screen = Screen(Console(force_terminal=True, file=file, width=80, height=24))
            screen.show(_StopsWhileDrawn(), "end")
            screen.leave()
        status = 0
    finally:
        os._exit(status)

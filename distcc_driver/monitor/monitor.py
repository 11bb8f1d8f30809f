"""`distcc-driver monitor`: running builds, worker by worker, until they end."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from ..commands.output import write_lines
from ..core.errors import SignalError
from ..machine.buildsignals import ENDINGS
from ..machine.children import Interrupts
from .history import History
from .liveview import LiveView
from .monitordocument import monitor_document
from .observer import Observer
from .plot import check_plot, write_plot
from .spans import coloured, plain
from .streams import ChangeStream, DocumentStream
from .textview import Layout, picture_lines, summary_lines

if TYPE_CHECKING:
    from .picture import Picture

_PERIOD_S = 0.25
_ONCE_S = 0.3
_LOADS_S = 2.0
_PIPE_WIDTH = 120
_GARBAGE = 100_000
_NO_BUILD = "no build with distcc runs"


def show_once(directory: str, as_json: bool) -> int:
    """Print one picture of the builds below a directory, "" for all; returns 0, or 1 if no build runs."""
    with Observer(directory) as observer:
        observer.look()
        time.sleep(_ONCE_S)  # the use of the processors is the difference of two looks
        observer.wait_for_loads(_LOADS_S)
        picture = observer.look()
    if as_json:
        write_lines([json.dumps(monitor_document(picture), indent=2)])
    elif picture.builds:
        write_lines(_lines(picture))
    else:
        write_lines([_NO_BUILD, *picture.notes])
    return int(not picture.builds)


def run_monitor(directory: str, as_json: bool, keep: bool, plot: str) -> int:
    """Show pictures until the builds below a directory have ended, "" for all; with `keep`, until a signal.

    `plot` is the file for a drawing of all of it, "" for none. Returns 0, or 130 after Ctrl-C. Raises
    `SignalError` for another signal, and `ConfigError` if there can be no drawing.
    """
    if plot:
        check_plot(plot)
    gc.set_threshold(_GARBAGE)  # a picture has thousands of values without cycles: seldom look for cycles
    interrupts = Interrupts(number for number in ENDINGS if signal.getsignal(number) != signal.SIG_IGN)
    output = _output(as_json)
    history = History()
    last: Picture | None = None
    code = 0
    try:
        with Observer(directory) as observer:
            while True:
                picture = observer.look()
                if last is not None and not picture.builds and not keep:
                    break
                last = picture if picture.builds else last
                if plot:
                    history.add(picture)
                output.show(picture)
                if not output.wait(_PERIOD_S, interrupts.check):
                    break
    except SignalError as error:
        if error.exit_code != 128 + signal.SIGINT:
            raise
        code = error.exit_code
    finally:
        output.close()
    if isinstance(output, LiveView) and last is not None:
        write_lines(summary_lines(last))
    if history.builds:
        write_plot(history, plot)
    return code


def _lines(picture: Picture) -> list[str]:
    """The whole picture, in colour and as wide as the terminal if there is one."""
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        return [plain(line) for line in picture_lines(picture, Layout(_PIPE_WIDTH, _is_unicode()))]
    has_colour = console.color_system is not None and not console.no_color
    layout = Layout(console.width, _is_unicode(), home=os.environ.get("HOME", ""))
    return [coloured(line, console.width, has_colour) for line in picture_lines(picture, layout)]


def _output(as_json: bool) -> LiveView | ChangeStream | DocumentStream:
    if as_json:
        return DocumentStream()
    console = Console(highlight=False)
    if sys.stdout.isatty() and not console.is_dumb_terminal:
        return LiveView(console, _is_unicode())
    return ChangeStream()


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"

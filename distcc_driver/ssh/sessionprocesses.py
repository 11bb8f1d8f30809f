"""The processes of a session: finding them, and ending them with all that they have started.

Each process of a session has the session's directory in its command line: `ssh -S DIR/0`, `guard DIR`. So
an ssh that is still connecting is found, too, even if its plan was killed before it could write the state.
"""

from __future__ import annotations

import os
import signal
import time

from ..machine.processtable import command_lines, descendants, process_table, signal_process
from .sessionfiles import control_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_PROGRAM = "distcc_driver/__main__.py"
_GRACE_S = 2.0
_PAUSE_S = 0.005


def connections(path: str) -> dict[int, str]:
    """The ssh processes of the session `path`: pid to control socket."""
    controls = {pid: control_in(arguments) for pid, arguments in _others()}
    return {pid: control for pid, control in controls.items() if control.startswith(path + "/")}


def guards(path: str) -> set[int]:
    """The guard of the session `path`: its pid, or nothing."""
    return {
        pid
        for pid, arguments in _others()
        if {"guard", path} <= set(arguments) and any(word.endswith(_PROGRAM) for word in arguments)
    }


def _others() -> list[tuple[int, list[str]]]:
    """Pid and arguments of all other processes of this user."""
    return [(pid, arguments) for pid, arguments in command_lines() if pid != os.getpid()]


def end_connections(path: str, controls: Collection[str] | None = None) -> None:
    """End the ssh processes of the session `path`, or those of some control sockets; wait for their end.

    An ssh that has not ended after 2 s is killed.
    """

    def look() -> set[int]:
        return {pid for pid, control in connections(path).items() if controls is None or control in controls}

    _Ending(look, _GRACE_S).run()


def end_guard(path: str) -> None:
    """End the guard of the session `path`, and wait for its end; after 4 s it is killed.

    The guard may be closing the session itself, which takes it up to 2 s.
    """
    # Ask repeatedly: Python does not notice a signal that comes just before it waits.
    _Ending(lambda: guards(path), 2 * _GRACE_S, asks_repeatedly=True).run()


class _Ending:
    """Ends processes in rounds: find them, stop them, ask them to end (or kill them), continue them.

    `look` finds the processes to end. Their descendants are found here, and end with them: the ssh of
    a `ProxyJump`, for example, does not notice that the ssh that started it has gone.
    """

    def __init__(self, look: Callable[[], set[int]], grace_s: float, asks_repeatedly: bool = False) -> None:
        self._look = look
        self._asks_repeatedly = asks_repeatedly
        self._kill_at = time.monotonic() + grace_s
        self._give_up_at = self._kill_at + _GRACE_S
        self._asked: set[int] = set()
        self._helpers: dict[int, str] = {}  # pid to time of start: a pid may be used again

    def run(self) -> None:
        """Return when the processes have gone, or cannot be ended.

        A single look may miss an ssh that is going to the background, both parent and child. So the processes
        have gone when two looks in a row find none.
        """
        had_gone = False
        while True:
            found = self._find()
            is_late = time.monotonic() >= self._kill_at
            stopped: set[int] = set()
            if self._helpers and (is_late or found - self._asked):
                found = stopped = self._stop(found)
            self._ask_or_kill(found, is_late)
            for pid in stopped:
                signal_process(pid, signal.SIGCONT)
            if (had_gone and not found) or time.monotonic() >= self._give_up_at:
                return
            had_gone = not found
            self._asked |= found
            if found:
                time.sleep(_PAUSE_S)

    def _find(self) -> set[int]:
        found = self._look()
        return self._with_helpers(found) if self._helpers or found - self._asked else found

    def _with_helpers(self, found: set[int]) -> set[int]:
        """Add the helpers found in earlier rounds that still run, and all that any of these have started."""
        table = process_table()
        left = {pid for pid, start in self._helpers.items() if table.get(pid, (0, ""))[1] == start}
        started = descendants(found | left, table)
        self._helpers.update({pid: table[pid][1] for pid in started})
        return found | left | started

    def _stop(self, found: set[int]) -> set[int]:
        """Stop all first: a child forked just before its parent dies would escape the search."""
        stopped: set[int] = set()
        while found - stopped:
            for pid in found - stopped:
                signal_process(pid, signal.SIGSTOP)
            stopped |= found
            found = self._with_helpers(found)
        return found

    def _ask_or_kill(self, found: set[int], is_late: bool) -> None:
        for pid in found if is_late or self._asks_repeatedly else found - self._asked:
            signal_process(pid, signal.SIGKILL if is_late else signal.SIGTERM)

"""The process that closes a build's tunnels when its shell was killed and no trap could.

It waits in the kernel for the end of the shell: no polling, no terminal, no pipe of the build. A build may
outlive its shell; until it ends nobody else gets the ports of its tunnels, which this process holds.
"""

from __future__ import annotations

import _socket
import os
import select
import signal
import sys
import time

from ..machine.buildsignals import BLOCKED_UNTIL_EXEC, ENDINGS
from ..machine.installation import PACKAGE
from . import slotfiles
from .closing import release
from .tunnelusers import build_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_PAUSE_S = 1.0


def start(path: str, pids: Sequence[int]) -> _socket.socket:
    """Leave a guard behind that releases the session `path` when one of `pids` ends.

    When this returns, its command line is there for `session` to find. Descriptors that are sent to
    the socket are open as long as the guard lives: it keeps the other end, and never reads from it.
    """
    ours, kept = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    ours.setblocking(False)  # its queue may be full
    # Until exec, the guard is a second plan: nothing may make it act like one, or stop like one.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_UNTIL_EXEC)
    read_end, write_end = os.pipe()
    if not os.fork():
        try:
            _become_guard(path, pids, kept.fileno(), write_end, mask)
        finally:
            os._exit(96)
    kept.close()
    os.close(write_end)
    os.read(read_end, 1)  # until exec closes the other end
    os.close(read_end)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return ours


def _become_guard(
    path: str, pids: Sequence[int], kept: int, started: int, mask: set[int | signal.Signals]
) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.set_inheritable(kept, True)  # unlike `started`
    low, high = sorted((kept, started))
    for first, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(first, end)
    os.chdir(os.path.dirname(PACKAGE))  # whatever directory a person is in, it keeps none busy
    words = [sys.executable, "-ESs", f"{PACKAGE}/__main__.py", "guard", path, *map(str, pids)]
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.execv(sys.executable, words)  # noqa: S606  # the interpreter that runs this


def main(path: str, pids: Sequence[int]) -> None:
    """Wait for the end of any of `pids`, then release the session, and stay until the build has ended.

    `pids` are the sub-shell of the build and, if there is one, the shell that waits for it. The end of the
    build may close the session, too, and asks the guard to leave by SIGTERM when done; its sub-shell waits
    for that. A SIGTERM that comes while the guard is closing is kept until it has closed all.
    """
    wait_for_any(pids)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    tunnels = release(path)

    def leave(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        slotfiles.remove(tunnels)
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if tunnels:
        wait_for_any(pids[:1])  # no other process may show a build that is a function of the shell
    while left := build_processes(tunnels, path):
        for pid in left:
            wait_for_any([pid])
    leave()


def wait_for_any(pids: Sequence[int]) -> None:
    """Return when one of the processes has ended."""
    if 0 in pids:
        return  # the shell had ended before its parent's number was read
    try:
        _wait_in_kernel(pids)
    except ProcessLookupError:
        pass  # it has
    except (AttributeError, OSError):  # a kernel, a sandbox or a Python without the call
        while all(_is_alive(pid) for pid in pids):
            time.sleep(_PAUSE_S)


if sys.platform == "linux":

    def _wait_in_kernel(pids: Sequence[int]) -> None:
        poll = select.poll()
        opened: list[int] = []
        try:
            for pid in pids:
                opened.append(os.pidfd_open(pid))
                poll.register(opened[-1], select.POLLIN)
            poll.poll()
        finally:
            for descriptor in opened:
                os.close(descriptor)

else:  # the BSDs and macOS

    def _wait_in_kernel(pids: Sequence[int]) -> None:
        ends = [
            select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT) for pid in pids
        ]
        select.kqueue().control(ends, 1)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True

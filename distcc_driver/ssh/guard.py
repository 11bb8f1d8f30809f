"""The guard: a process that closes a build's tunnels when the shell was killed and ran no trap.

The guard waits in the kernel for the end of the shell. It does not poll, and it holds no terminal and no pipe
of the build. A build may outlive its shell. Until the build ends, the guard holds the ports of its tunnels,
so that no other process can listen on them.
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
    """Start a guard that releases the session `path` when one of `pids` ends.

    When this returns, the guard can be found by its command line. Returns a socket. Descriptors that are sent
    to it stay open as long as the guard lives, for the guard has the other end and never reads from it.
    """
    ours, kept = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    ours.setblocking(False)  # do not wait if the queue is full
    # Until exec, the new process has the plan's signal handlers: a signal would make it a second plan.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_UNTIL_EXEC)
    read_end, write_end = os.pipe()
    if not os.fork():
        try:
            _become_guard(path, pids, kept.fileno(), write_end, mask)
        finally:
            os._exit(96)
    kept.close()
    os.close(write_end)
    os.read(read_end, 1)  # wait until exec closes the other end
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
    os.set_inheritable(kept, True)  # exec must close `started`, but not `kept`
    low, high = sorted((kept, started))
    for first, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(first, end)
    os.chdir(os.path.dirname(PACKAGE))  # a user may unmount or remove the directory of the build
    words = [sys.executable, "-ESs", f"{PACKAGE}/__main__.py", "guard", path, *map(str, pids)]
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.execv(sys.executable, words)  # noqa: S606  # the interpreter that runs this


def main(path: str, pids: Sequence[int]) -> None:
    """Wait for the end of any of `pids`, then release the session, and stay until the build has ended.

    `pids` are the sub-shell of the build and, if there is one, the shell that waits for it. A sub-shell that
    lives releases the session, too, ends the guard by SIGTERM, and waits for its end. So a SIGTERM that comes
    while the guard releases the session is kept until that is done.
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
        wait_for_any(pids[:1])  # if the build is a shell function, the sub-shell may be its only process
    while left := build_processes(tunnels, path):
        for pid in left:
            wait_for_any([pid])
    leave()


def wait_for_any(pids: Sequence[int]) -> None:
    """Return when one of the processes has ended."""
    if 0 in pids:
        return  # the sub-shell had ended before the pid of its parent was read
    try:
        _wait_in_kernel(pids)
    except ProcessLookupError:
        pass  # one of the processes has ended already
    except (AttributeError, OSError):  # this kernel, sandbox or Python lacks the call
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
        pass  # the process is alive, and belongs to another user
    return True

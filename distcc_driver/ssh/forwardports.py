"""The local ports of a tunnel's forwards."""

from __future__ import annotations

import _socket
from array import array

from ..core.hostspec import LOOPBACK


class ForwardPorts:
    """Two free ports of the loopback address, `numbers`: ssh does not choose local ports itself.

    If `is_shared`, this process holds the ports while ssh begins to listen on them, and `keep` lets the guard
    hold them later. Otherwise another user could listen there after ssh has ended, and be sent sources.
    """

    def __init__(self, is_shared: bool) -> None:
        self._holders = [_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM) for _ in range(2)]
        for holder in self._holders:
            holder.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, is_shared)
            holder.bind((LOOPBACK, 0))
        first, second = (holder.getsockname()[1] for holder in self._holders)
        self.numbers: tuple[int, int] = (first, second)
        if not is_shared:
            self.__exit__()

    def keep(self, guard: _socket.socket) -> None:
        """Now that ssh listens, let no other process bind the ports as long as the guard lives."""
        for holder in self._holders:
            holder.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 0)
        descriptors = array("i", [holder.fileno() for holder in self._holders])
        try:
            guard.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
        except OSError:
            pass  # the guard has ended, or its queue is full: then a lost tunnel is only reported

    def __enter__(self) -> ForwardPorts:
        """Hold the ports until the context is left."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sockets of this process; ssh and the guard keep theirs."""
        for holder in self._holders:
            holder.close()
        self._holders = []

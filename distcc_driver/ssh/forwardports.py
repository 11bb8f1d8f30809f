"""The local ports of a tunnel's forwards."""

from __future__ import annotations

import _socket
from array import array

from ..core.hostspec import LOOPBACK


class ForwardPorts:
    """Two ports of the loopback address, for ssh, which refuses to choose them: `numbers`.

    If `is_shared`, they stay ours while ssh takes them, and afterwards if the guard keeps them: then
    nobody else can listen there when ssh has ended, and be sent the build's sources.
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
        """Now that ssh listens, let nobody else bind the ports as long as the guard lives."""
        for holder in self._holders:
            holder.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 0)
        descriptors = array("i", [holder.fileno() for holder in self._holders])
        try:
            guard.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
        except OSError:
            pass  # it has ended, or keeps very many: then a lost tunnel is but reported

    def __enter__(self) -> ForwardPorts:
        """Hold them until the context is left."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave them to whoever has them now."""
        for holder in self._holders:
            holder.close()
        self._holders = []

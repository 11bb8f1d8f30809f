"""Many workers in one thread. They answer stats requests at once, and compile nothing."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING

from .ports import host_spec, port_of

if TYPE_CHECKING:
    from types import TracebackType

_EVERYWHERE = "0.0.0.0"
_BACKLOG = 4096
_PAGE = (
    b"HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\nargv /distccd\n<distccstats>\n"
    b"dcc_max_kids %d\ndcc_load1 0.10\ndcc_load2 0.10\ndcc_load3 0.10\n</distccstats>\n"
)


def address_of(number: int) -> str:
    """The loopback address of a worker. On Linux all of 127.0.0.0/8 is this machine."""
    return f"127.0.{number // 250 + 1}.{number % 250 + 1}"


class Farm:
    """A job port and a stats port that listen at every loopback address, while the context is entered."""

    def __init__(self, slots: int = 1) -> None:
        self._page = _PAGE % slots
        self._selector = selectors.DefaultSelector()
        self._job, self._stats = self._listener(), self._listener()
        self._bell, self._ringer = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._connections: set[socket.socket] = set()
        self._asking: set[socket.socket] = set()
        self.most_connections = 0
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Farm:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ringer.close()
        self._thread.join()
        for opened in (self._job, self._stats, self._bell, *self._connections):
            opened.close()
        self._selector.close()

    def specs(self, count: int) -> list[str]:
        """Entries for DISTCC_AUTO_HOSTS."""
        ports = port_of(self._job), port_of(self._stats)
        return [host_spec(address_of(number), *ports) for number in range(count)]

    def _listener(self) -> socket.socket:
        listener = socket.create_server((_EVERYWHERE, 0), backlog=_BACKLOG)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        return listener

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                if ready is self._bell:
                    return
                if ready in (self._job, self._stats):
                    self._accept(ready)
                else:
                    self._answer(ready)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return
            self._connections.add(connection)
            if listener is self._stats:
                self._asking.add(connection)
            self._selector.register(connection, selectors.EVENT_READ)
            self.most_connections = max(self.most_connections, len(self._connections))

    def _answer(self, connection: socket.socket) -> None:
        """Send the page if the connection has a request for the stats port, then close the connection."""
        try:
            if connection.recv(4096) and connection in self._asking:
                connection.sendall(self._page)
        except OSError:
            pass
        self._selector.unregister(connection)
        self._connections.discard(connection)
        self._asking.discard(connection)
        connection.close()

"""Servers in threads that do things on purpose that a stats port should not do."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from typing import TYPE_CHECKING

from .ports import LOOPBACK, bound_socket, port_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Answer = Callable[[socket.socket, threading.Event], None]

_STATS_PAGE = b"HTTP/1.0 200 OK\n\nargv /distccd\n<distccstats>\ndcc_max_kids 4\n</distccstats>\n"


class Server:
    """Calls `answer` for each connection, in a thread, with an event that is set when the server closes.

    The server listens while the context is entered. When it is left, every thread has ended.
    """

    def __init__(self, answer: Answer, address: str = LOOPBACK, port: int = 0) -> None:
        self._answer = answer
        self._listener = bound_socket(address, port)
        self.address = address
        self.port = port_of(self._listener)
        self.connections = 0
        self._listening = threading.Event()
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Server:
        self._threads[0].start()
        assert self._listening.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def stop_listening(self) -> None:
        """Refuse new connections from now on; existing ones stay open."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        self._listener.listen(64)
        self._listening.set()
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._answer(connection, self._closing)


def hang(connection: socket.socket, closing: threading.Event) -> None:
    """Accepts, and never says anything."""
    del connection
    closing.wait()


def html(connection: socket.socket, closing: threading.Event) -> None:
    """A web server, not a distccd."""
    del closing
    connection.recv(4096)
    page = b"<!doctype html><title>It works</title><p>dcc_max_kids 4"
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))


def trickle(connection: socket.socket, closing: threading.Event) -> None:
    """Sends one byte after the other, so that each wait is short, but never sends the whole page."""
    for byte in _STATS_PAGE[:-4]:
        if closing.wait(0.2):
            return
        connection.sendall(bytes([byte]))
    closing.wait()


def endless(connection: socket.socket, closing: threading.Event) -> None:
    """Sends without end, until the client closes."""
    connection.sendall(_STATS_PAGE.partition(b"</distccstats>")[0])
    while not closing.is_set():
        connection.sendall(b"dcc_other 1\n" * 1000)


def reset(connection: socket.socket, closing: threading.Event) -> None:
    """Resets the connection without sending anything."""
    del closing
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def empty(connection: socket.socket, closing: threading.Event) -> None:
    """Closes without sending anything, like a distccd whose `--allow` does not name the client."""
    del closing
    connection.recv(4096)


def saying(reply: bytes) -> Answer:
    """Reads the request, then sends a reply that the test gives."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        connection.sendall(reply)

    return answer


def with_free_memory(address: str, stats_port: int, free_memory_mib: int) -> Answer:
    """Passes on the page of a real stats port, with the line about free memory that newer daemons send."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        page = _page((address, stats_port), connection.recv(4096))
        before, tag, after = page.partition(b"</distccstats>")
        connection.sendall(before + b"dcc_free_mem %d MB\n" % free_memory_mib + tag + after)

    return answer


def with_loads(address: str, stats_port: int, *loads: float) -> Answer:
    """Passes on the page of a real stats port, with three other load averages."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        page = _page((address, stats_port), connection.recv(4096))
        for number, load in enumerate(loads, 1):
            page = re.sub(rb"(?m)^dcc_load%d .*$" % number, b"dcc_load%d %.2f" % (number, load), page)
        connection.sendall(page)

    return answer


def _page(place: tuple[str, int], request: bytes) -> bytes:
    """What a real stats port answers to a request."""
    page = b""
    with socket.create_connection(place, 30) as upstream:
        upstream.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while data := upstream.recv(4096):
                page += data
    return page


def forwarding(port: int, source: str) -> Answer:
    """Passes everything on to a port of this machine, from another source address."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        with socket.create_connection((LOOPBACK, port), 30, source_address=(source, 0)) as behind:
            back = threading.Thread(target=_copy, args=(behind, connection))
            back.start()
            _copy(connection, behind)
            back.join()

    return answer


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

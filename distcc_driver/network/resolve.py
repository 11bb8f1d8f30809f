"""Host names to socket addresses; the caller never waits.

getaddrinfo(3) cannot be interrupted and may take many seconds, so each name gets a thread of its own. If a
name server never answers, the thread still waits when the process exits, and ends with it.
"""

from __future__ import annotations

import _socket
import _thread
import os

from ..core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STACK_BYTES = 256 * 1024
_NO_NAME = (_socket.EAI_NONAME, getattr(_socket, "EAI_NODATA", _socket.EAI_NONAME))  # BSD lacks the second


class Address(Record):
    """A socket address without its port: family, numeric host, IPv6 flow and zone numbers."""

    family: int
    host: str
    rest: tuple[int, ...]

    def with_port(self, port: int) -> tuple[Any, ...]:
        """The address that `connect` takes."""
        return (self.host, port, *self.rest)


class Resolver:
    """Resolves names in threads; a descriptor for poll(2) tells when a name is done."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Address] | str] = {}
        self._running: set[str] = set()
        self._finished: list[str] = []
        self._read_end, self._write_end = self._pipe = list(os.pipe())
        self._is_closed = False

    def fileno(self) -> int:
        """The descriptor, which is readable when `take_finished` has a new name."""
        return self._read_end

    def ask(self, name: str) -> bool:
        """Begin to resolve a name. True if `answers` has it now; otherwise `take_finished` will tell.

        An answer is a list of one or more addresses in the order of getaddrinfo(3), or a text that says why
        the name has no address.
        """
        if name in self.answers:
            return True
        if name in self._running:
            return False
        numeric = _look_up(name, _socket.AI_NUMERICHOST)
        if not isinstance(numeric, str):
            self.answers[name] = numeric
            return True
        self._running.add(name)
        try:
            _thread.stack_size(_STACK_BYTES)
            _thread.start_new_thread(self._resolve, (name,))
        except RuntimeError:
            self._running.discard(name)
            self.answers[name] = "name not resolved, no more threads allowed here (ulimit -u)"
            return True
        return False

    def take_finished(self) -> list[str]:
        """The names that were resolved, or have failed, since the last call."""
        os.read(self._read_end, 4096)
        names = []
        while self._finished:
            names.append(self._finished.pop())
        return names

    def close(self) -> None:
        """Close the descriptors, or let the last thread close them if threads still run."""
        self._is_closed = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        while self._is_closed and not self._running and self._pipe:
            try:
                os.close(self._pipe.pop())
            except IndexError:
                return  # another thread was faster

    def _resolve(self, name: str) -> None:
        self.answers[name] = _look_up(name, 0)
        self._finished.append(name)
        os.write(self._write_end, b"x")
        self._running.discard(name)
        self._close_if_done()


def _look_up(name: str, flags: int) -> list[Address] | str:
    """The addresses of a name, or a text that says why it has no address (gai_strerror(3))."""
    try:
        found = _socket.getaddrinfo(name.encode("ascii"), None, 0, _socket.SOCK_STREAM, 0, flags)
    except _socket.gaierror as error:
        return "name not found" if error.errno in _NO_NAME else f"name not resolved ({error.strerror})"
    except OSError as error:
        return f"name not resolved ({error.strerror})"
    return [Address(entry[0], str(entry[4][0]), entry[4][2:]) for entry in found]

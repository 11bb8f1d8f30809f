"""The lines that other processes append to a file, as they come; the file stays small."""

from __future__ import annotations

import os

_KEPT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


class LogTail:
    """Reads a log of writers that append (O_APPEND), and empties it when it has grown and all was read.

    A pipe would not do: its writers would wait while we are stopped, or write to a terminal that is.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "r+b")  # noqa: SIM115  # closed by close
        self._rest = b""
        self._last = b""

    def lines(self) -> list[str]:
        """The whole lines that came since the last call, without their ends."""
        data = self._file.read()
        self._last = (self._last + data)[-_CHUNK_BYTES:]
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_CHUNK_BYTES:]  # a line without end
        if self._file.tell() > _KEPT_BYTES and os.fstat(self._file.fileno()).st_size == self._file.tell():
            self._file.truncate(0)
            self._file.seek(0)
        return [line.decode("utf-8", "replace") for line in lines]

    def last(self, most: int) -> str:
        """The end of all that came, `most` characters of it."""
        self.lines()
        return self._last.decode("utf-8", "replace")[-most:]

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()

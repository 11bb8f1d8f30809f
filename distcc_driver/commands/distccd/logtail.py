"""Reads the lines that other processes append to a file, and keeps the file small."""

from __future__ import annotations

import os

_KEPT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


class LogTail:
    """Reads a log to which its writers append (O_APPEND). Empties it when it is large and all was read.

    A pipe would not do: while this process is stopped (Ctrl-Z), the writers would have to wait.
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
        self._rest = self._rest[-_CHUNK_BYTES:]  # so that a line without end does not fill the memory
        if self._file.tell() > _KEPT_BYTES and os.fstat(self._file.fileno()).st_size == self._file.tell():
            self._file.truncate(0)
            self._file.seek(0)
        return [line.decode("utf-8", "replace") for line in lines]

    def last(self, most: int) -> str:
        """The last `most` characters of the log."""
        self.lines()
        return self._last.decode("utf-8", "replace")[-most:]

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()

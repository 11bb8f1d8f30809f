"""The lock files of slots, `$DISTCC_DIR/lock/cpu_*`: which process holds which slot.

A client has a write lock on the file of its slot for the whole job (distcc's `src/lock.c`). F_GETLK names the
process that holds the lock. It needs no right to write, and does not disturb the client.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
from typing import TYPE_CHECKING

from ..machine.capacity import raise_descriptor_limit

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SPARE_DESCRIPTORS = 64
_JUST_CHANGED_S = 1.0

# struct flock: its fields are in another order on each kind of system.
if sys.platform == "linux":
    _FORM = struct.Struct("@hhqqi")  # type, whence, start, length, pid

    def _question() -> bytes:
        return _FORM.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

    def _holder(answer: bytes) -> int | None:
        kind, _, _, _, pid = _FORM.unpack(answer)
        return None if kind == fcntl.F_UNLCK else pid
else:  # the BSDs and macOS
    _FORM = struct.Struct("@qqihhi")  # start, length, pid, type, whence, and on FreeBSD the machine

    def _question() -> bytes:
        return _FORM.pack(0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET, 0)

    def _holder(answer: bytes) -> int | None:
        _, _, pid, kind, _, _ = _FORM.unpack(answer)
        return None if kind == fcntl.F_UNLCK else pid


_QUESTION = _question()


class SlotLocks:
    """The locks of one directory. Its files stay open between two looks: that is four times as fast."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._names: frozenset[str] = frozenset()
        self._open: dict[str, tuple[int, int]] = {}  # name to descriptor and inode
        self._not_open: list[str] = []
        self._changed_ns = -1

    def close(self) -> None:
        """Close all files."""
        for name in list(self._open):
            self._forget(name)

    def holders(self, names: Iterable[str]) -> dict[str, int]:
        """The process that holds each of these locks; without those that are free or were never made.

        A holder that this machine or namespace cannot name is 0 or less. Raises `OSError` if the directory
        cannot be read.
        """
        wanted = frozenset(names)
        changed_ns = os.stat(self._directory).st_mtime_ns
        is_settled = time.time_ns() - changed_ns > _JUST_CHANGED_S * 1e9
        if wanted != self._names or changed_ns != self._changed_ns or not is_settled:
            self._names, self._changed_ns = wanted, changed_ns
            self._reopen()
        held = {}
        for name, (descriptor, _) in self._open.items():
            pid = _holder(fcntl.fcntl(descriptor, fcntl.F_GETLK, _QUESTION))
            if pid is not None:
                held[name] = pid
        for name in self._not_open:
            pid = self._ask_once(name)
            if pid is not None:
                held[name] = pid
        return held

    def _reopen(self) -> None:
        """Open new lock files, and replaced ones again; close those that were removed."""
        with os.scandir(self._directory) as entries:
            there = {
                entry.name: entry.inode()
                for entry in entries
                if entry.name in self._names and entry.is_file(follow_symlinks=False)
            }
        for name, (_, inode) in list(self._open.items()):
            if there.get(name) != inode:
                self._forget(name)
        room = raise_descriptor_limit(len(there) + _SPARE_DESCRIPTORS) - _SPARE_DESCRIPTORS
        self._not_open = []
        for name, inode in there.items():
            if name in self._open:
                continue
            if len(self._open) >= room:
                self._not_open.append(name)
            elif (descriptor := self._descriptor(name)) is not None:
                self._open[name] = descriptor, inode

    def _descriptor(self, name: str) -> int | None:
        try:
            return os.open(os.path.join(self._directory, name), _FLAGS)
        except OSError:
            return None  # gone meanwhile, or another user's

    def _ask_once(self, name: str) -> int | None:
        descriptor = self._descriptor(name)
        if descriptor is None:
            return None
        try:
            return _holder(fcntl.fcntl(descriptor, fcntl.F_GETLK, _QUESTION))
        finally:
            os.close(descriptor)

    def _forget(self, name: str) -> None:
        os.close(self._open.pop(name)[0])

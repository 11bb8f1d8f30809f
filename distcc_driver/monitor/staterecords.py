"""distcc's state records, `$DISTCC_DIR/state/binstate_PID`: what a client does at the moment.

A client rewrites its record at each step and removes it at its end (distcc's `src/state.c`). It truncates
the file first, so a record may be empty for a moment. Every distccmon removes records older than 60 s; this
module only reads.
"""

from __future__ import annotations

import enum
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set

_MAGIC = 0x44494800
_MANY = 128
_TURNS = 4
_FORM = struct.Struct("@NLL128s128siiP")
# Neither a link nor a pipe makes us wait or read elsewhere.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Phase(enum.IntEnum):
    """The steps of a client, by distcc's own numbers."""

    STARTUP = 0
    BLOCKED = 1
    CONNECT = 2
    PREPROCESS = 3
    SEND = 4
    COMPILE = 5
    RECEIVE = 6
    DONE = 7


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One record: `file` is the base name of the source, "" if there is none; `changed` is the mtime."""

    pid: int
    file: str
    host: str
    slot: int
    phase: Phase
    changed: float


def parse_record(data: bytes, changed: float) -> StateRecord | None:
    """Read the bytes of a record; None if the distcc of this machine did not write them."""
    if len(data) != _FORM.size:
        return None
    size, magic, pid, file, host, slot, phase, _ = _FORM.unpack(data)
    if size != _FORM.size or magic != _MAGIC:
        return None
    known = Phase(phase) if 0 <= phase <= Phase.DONE else Phase.COMPILE  # as distcc's src/mon.c takes it
    return StateRecord(pid, _text(file), _text(host), slot, known, changed)


def _text(field: bytes) -> str:
    return os.fsdecode(field.partition(b"\0")[0])


class StateRecords:
    """The records in an open directory, from look to look: one that stays the same is not parsed again.

    Where there are many, those of files that compile are read at each fourth look.
    """

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self._last: dict[int, tuple[bytes, StateRecord | None]] = {}
        self._turn = 0

    def read(self, pid: int) -> StateRecord | None:
        """The record of a client; None if it has none that can be read now."""
        last = self._last.get(pid)
        is_turn = len(self._last) <= _MANY or (pid + self._turn) % _TURNS == 0
        if not is_turn and last and last[1] and last[1].phase is Phase.COMPILE:
            return last[1]
        try:
            descriptor = os.open(f"binstate_{pid}", _FLAGS, dir_fd=self._directory)
        except OSError:
            return None
        try:
            data = os.read(descriptor, _FORM.size + 1)
            if last is None or last[0] != data:
                record = parse_record(data, os.fstat(descriptor).st_mtime)
                last = data, record if record is not None and record.pid == pid else None
                self._last[pid] = last
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return last[1]

    def keep(self, pids: Set[int]) -> None:
        """A look is over: forget the records of all other clients."""
        self._turn += 1
        for gone in self._last.keys() - pids:
            del self._last[gone]

"""The directory in which distcc's client keeps locks, marks and state records; it is only read."""

from __future__ import annotations

import os
import time
from stat import S_ISLNK, S_ISREG
from typing import TYPE_CHECKING

from ..machine.backoff import client_path
from .slotlocks import SlotLocks
from .staterecords import StateRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from .staterecords import StateRecord

_SYSTEM_HOSTS = "/etc/distcc/hosts"
_MOST_BYTES = 1 << 20


def state_path(environ: Mapping[str, str]) -> str:
    """The directory of clients with this environment; "" if each of them has another one."""
    return os.path.dirname(client_path(environ, "lock"))


def host_text(environ: Mapping[str, str]) -> str:
    """The host list of clients with this environment: a list of the environment counts, even an empty one."""
    if "DISTCC_HOSTS" in environ:
        return environ["DISTCC_HOSTS"]
    own = f"{state_path(environ)}/hosts"
    text = _text_of(own)
    return text if text is not None else _text_of(_SYSTEM_HOSTS) or ""


def _text_of(path: str) -> str | None:
    """A regular file as text; None if there is none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return os.fsdecode(os.read(descriptor, _MOST_BYTES))
    except OSError:
        return None
    finally:
        os.close(descriptor)


class StateDirectory:
    """One such directory; `note` says what is wrong with it, "" if nothing is."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._locks = SlotLocks(f"{path}/lock")
        self._descriptor: int | None = None
        self._records: StateRecords | None = None
        self.note = ""

    def close(self) -> None:
        """Close its files."""
        self._locks.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = self._records = None

    def holders(self, lock_names: Iterable[str]) -> dict[str, int]:
        """The process that holds each of these locks, without those that are free."""
        self.note = self._complaint()
        if self.note and not self.note.startswith("belongs"):
            return {}
        try:
            return self._locks.holders(lock_names)
        except FileNotFoundError:
            return {}  # no client has run yet
        except OSError as error:
            self.note = f"its lock files cannot be read ({error.strerror})"
            return {}

    def record(self, pid: int) -> StateRecord | None:
        """What a client says of itself."""
        if self._records is None:
            try:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                self._descriptor = os.open(f"{self._path}/state", flags)
            except OSError:
                return None
            self._records = StateRecords(self._descriptor)
        return self._records.read(pid)

    def forget_others(self, pids: Set[int]) -> None:
        """Forget the records of all clients but these."""
        if self._records is not None:
            self._records.keep(pids)

    def mark_age_s(self, name: str) -> float | None:
        """Seconds since distcc made a mark to avoid a worker; None if there is no mark."""
        try:
            return max(0.0, time.time() - os.lstat(f"{self._path}/lock/{name}").st_mtime)
        except OSError:
            return None

    def _complaint(self) -> str:
        for path in (self._path, f"{self._path}/lock"):
            try:
                status = os.lstat(path)
            except OSError:
                return ""
            if S_ISLNK(status.st_mode) and status.st_uid not in (os.geteuid(), 0):
                return f"{path} is a link that another user has made; it is not followed"
        if os.stat(self._path).st_uid not in (os.geteuid(), 0):
            return "belongs to another user, who can change what is shown here"
        return ""

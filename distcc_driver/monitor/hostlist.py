"""distcc's host list to `HostList`: the slots that a build may use, and the names of their lock files. Pure.

The grammar is in distcc(1), "HOST SPECIFICATIONS"; the names of the lock files are in distcc's `src/lock.c`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..core.hostspec import DISTCC_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = "localhost"
_REMOTE_SLOTS = 4
_LOCAL_SLOTS = 4
_LOCALHOST_SLOTS = 2
_CPP_SLOTS = 8
# More than distccd can have; a list that says more shall not keep us busy.
_MOST_SLOTS = 1000
_MOST_HOSTS = 4096

_TCP = re.compile(
    r"(?:\[(?P<address>[^\]]+)\]|(?P<name>[^]\[:/,@+-][^]\[:/,@]*))"
    r"(?::(?P<port>\d{1,5}))?(?:/(?P<slots>\d{1,9}))?(?::(?P<old_port>\d{1,5}))?(?:,.*)?"
)
_SSH = re.compile(r"[^@]*@(?P<name>[^]\[:/,@]+)(?:/(?P<slots>\d{1,9}))?(?:[:,].*)?")
_LOCAL_OPTION = re.compile(r"--localslots(?P<cpp>_cpp)?=(?P<slots>\d{1,9})")


@dataclass(frozen=True, slots=True)
class Entry:
    """A worker of the list: its name there, how it is reached (`tcp` or `ssh`), and its slots.

    `key` is its name in the names of distcc's files, such as `tcp_worker-1_3632`; `port` is None for `ssh`.
    """

    name: str
    via: str
    address: str
    port: int | None
    slots: int
    key: str

    def lock_name(self, slot: int) -> str:
        """The lock file of a slot."""
        return f"cpu_{self.key}_{slot}"

    @property
    def mark_name(self) -> str:
        """The file that says since when distcc avoids the worker."""
        return f"backoff_{self.key}_0"


@dataclass(frozen=True, slots=True)
class HostList:
    """Workers in the order of the list, and the slots of this machine.

    `unread` are words that are no worker whose lock files are known, such as `+zeroconf`.
    """

    entries: tuple[Entry, ...] = ()
    local_slots: int = _LOCAL_SLOTS
    cpp_slots: int = _CPP_SLOTS
    localhost_slots: int = 0
    unread: tuple[str, ...] = field(default=())

    @property
    def local_lock_names(self) -> list[str]:
        """The lock files of this machine: preprocessing, compilations and links share them."""
        slots = max(self.local_slots, self.cpp_slots, self.localhost_slots)
        return [f"cpu_{LOCAL}_{slot}" for slot in range(slots)]


def parse_host_list(text: str) -> HostList:
    """Read a list as distcc does; what stands behind a `#` is a comment."""
    entries: dict[str, Entry] = {}
    found = HostList()
    for word in _words(text):
        if option := _LOCAL_OPTION.fullmatch(word):
            slots = min(int(option["slots"]), _MOST_SLOTS)
            found = replace(found, cpp_slots=slots) if option["cpp"] else replace(found, local_slots=slots)
        elif (local := _TCP.fullmatch(word)) and local["name"] == LOCAL:
            found = replace(found, localhost_slots=_slots(local["slots"], _LOCALHOST_SLOTS))
        elif entry := _entry(word):
            known = entries.get(entry.key)  # the locks of a host that is named twice are the same
            if (known is None and len(entries) < _MOST_HOSTS) or (known and known.slots < entry.slots):
                entries[entry.key] = entry
        elif word != "--randomize":
            found = replace(found, unread=(*found.unread, word)[:_MOST_HOSTS])
    return replace(found, entries=tuple(entries.values()))


def _words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from line.partition("#")[0].split()


def _entry(word: str) -> Entry | None:
    if found := _SSH.fullmatch(word):
        name = found["name"]
        return Entry(name, "ssh", name, None, _slots(found["slots"], _REMOTE_SLOTS), f"ssh_{name}")
    found = _TCP.fullmatch(word)
    if found is None:
        return None
    port = int(found["port"] or found["old_port"] or DISTCC_PORT)
    address = found["address"] or found["name"]
    shown = f"[{address}]" if found["address"] else address
    name = shown if port == DISTCC_PORT else f"{shown}:{port}"
    return Entry(name, "tcp", address, port, _slots(found["slots"], _REMOTE_SLOTS), f"tcp_{address}_{port}")


def _slots(digits: str | None, default: int) -> int:
    return default if digits is None else min(int(digits), _MOST_SLOTS)

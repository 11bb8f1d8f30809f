"""Makes entries for `DISTCC_AUTO_HOSTS` from what workers announce by mDNS. Pure.

The keys are those of distccd's `zeroconf-reg.c`. Anybody in the network may announce anything, so an entry
has nothing but a parsed address and a port. All other texts are only shown.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import HostSpecError
from ..core.hostspec import DISTCC_PORT, parse_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    _Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Announcement:
    """A service that was announced: its name, host, port, addresses and TXT record.

    A link-local IPv6 address has its zone, as in `fe80::1%eth0`.
    """

    service: str
    host: str
    port: int
    addresses: tuple[str, ...]
    properties: Mapping[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class AnnouncedWorker:
    """A worker of the network, with the names of docs/json.md. None means that it does not say."""

    entry: str
    service: str
    host: str
    addresses: list[str]
    port: int
    slots: int | None
    threads: int | None
    compiler_version: str | None
    compiler_machine: str | None
    distcc_version: str | None


def announced_workers(
    announcements: Iterable[Announcement],
) -> tuple[list[AnnouncedWorker], list[Announcement]]:
    """The workers in the order of their entries, each once; and announcements without a usable address."""
    workers: dict[str, AnnouncedWorker] = {}
    useless = []
    for announcement in sorted(announcements, key=lambda it: it.service):
        worker = _worker(announcement)
        if worker is None:
            useless.append(announcement)
        else:
            workers.setdefault(worker.entry, worker)
    return [workers[entry] for entry in sorted(workers, key=_order_of_entry)], useless


def _worker(announcement: Announcement) -> AnnouncedWorker | None:
    parsed = map(_parsed, announcement.addresses)
    addresses = sorted((address for address in parsed if address is not None), key=_preference)
    entry = _entry(addresses[0], announcement.port) if addresses else None
    if entry is None:
        return None
    texts = {key: value for key, value in announcement.properties.items() if value}
    return AnnouncedWorker(
        entry,
        announcement.service,
        announcement.host,
        list(map(str, addresses)),
        announcement.port,
        slots=_number(texts.get(b"jobs")),
        threads=_number(texts.get(b"cpus")),
        compiler_version=_text(texts.get(b"cc_version")),
        compiler_machine=_text(texts.get(b"cc_machine")),
        distcc_version=_text(texts.get(b"distcc")),
    )


def _parsed(text: str) -> _Address | None:
    """Parse an address; None if the text is not an address, or if no other machine can have the address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.is_link_local and not address.scope_id:
        return None  # without a zone, the address does not tell the link
    return address


def _preference(address: _Address) -> tuple[bool, int, int]:
    """Sort key: addresses for a whole network before link-local ones, then IPv4 before IPv6."""
    return (address.is_link_local, address.version, int(address))


def _entry(address: _Address, port: int) -> str | None:
    """The address as an entry of `DISTCC_AUTO_HOSTS`; None if the grammar of entries does not allow it."""
    name = f"[{address}]" if address.version == 6 else str(address)
    entry = name if port == DISTCC_PORT else f"{name}:{port}"
    try:
        parse_host(entry)
    except HostSpecError:
        return None
    return entry


def _order_of_entry(entry: str) -> tuple[bool, int, int]:
    host = parse_host(entry)
    address = ipaddress.ip_address(host.name)
    return (address.version == 6, int(address), host.job_port)


def _number(value: bytes | None) -> int | None:
    """A number of slots or threads, None if it is 0 or not a number."""
    if value is None or not value.isdigit() or len(value) > _MOST_DIGITS:
        return None
    return int(value) or None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")

"""`distcc-driver discover`: finds the workers that announce themselves in the local network."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..machine.log import Log, printable
from .announcement import announced_workers
from .document import VERSION
from .mdns import listen
from .output import write_lines
from .progress import status_line
from .tables import aligned_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import JustifyMethod

    from .announcement import AnnouncedWorker, Announcement

_LONGEST_CELL = 40
_COLUMNS = ("entry", "slots", "gcc", "machine", "host")
_SIDES: Sequence[JustifyMethod] = ("left", "right", "left", "left", "left")


def run_discover(duration_s: float, as_json: bool) -> int:
    """Ask for some seconds, and show the workers that answered. Returns 0, or 1 if there is no worker.

    Raises `ConfigError` if the network cannot be asked.
    """
    log = Log("info")
    with status_line(f"asking the local network for {duration_s:g} s; Ctrl-C ends it"):
        workers, useless = announced_workers(listen(duration_s))
    if as_json:
        write_lines([json.dumps(_document(workers), indent=2)])
    elif workers:
        write_lines(_lines(workers))
    if useless:
        log.warning(
            f"discover: {_named(useless)}: announced without an address and port that distcc could use; "
            "restart avahi-daemon and distccd there"
        )
    if not workers:
        log.warning(
            f"discover: no worker announced itself within {duration_s:g} s; a worker needs avahi-daemon and "
            "distccd --zeroconf (Debian's is built for it), UDP port 5353 open in both firewalls, and the "
            "same network, for mDNS does not pass routers"
        )
    return int(not workers)


def _lines(workers: Sequence[AnnouncedWorker]) -> list[str]:
    table = [_COLUMNS, *map(_cells, workers)]
    entries = " ".join(worker.entry for worker in workers)
    return [*aligned_lines(table, _SIDES), "", f'DISTCC_AUTO_HOSTS="{entries}"']


def _cells(worker: AnnouncedWorker) -> Sequence[str]:
    values = (worker.slots, worker.compiler_version, worker.compiler_machine, worker.host)
    return (worker.entry, *(_cut(str(value)) if value else "-" for value in values))


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 3]}..."


def _named(announcements: Sequence[Announcement]) -> str:
    first = _cut(announcements[0].service)
    return f"{first} and {len(announcements) - 1} more" if announcements[1:] else first


def _document(workers: Sequence[AnnouncedWorker]) -> dict[str, Any]:
    return {"version": VERSION, "command": "discover", "workers": [asdict(worker) for worker in workers]}

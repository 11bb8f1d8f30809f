"""What limits a build, from what was seen in the last seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.wording import enumerated
from .picture import HELD, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .picture import ThisMachine, Worker

_FULL = 0.95
_BUSY_PROCESSORS = 0.9


@dataclass(frozen=True, slots=True)
class Load:
    """One look at a build, in numbers that can be averaged. The slots of avoided workers do not count."""

    slots: float
    taken: float
    held: float
    jobs: float
    local: float
    links: float
    preprocessing: float
    queued: float
    waiting: float
    processors: float


def load_of(workers: Sequence[Worker], here: ThisMachine) -> Load:
    """The numbers of one look."""
    usable = [worker for worker in workers if worker.avoided_s is None]
    return Load(
        slots=sum(worker.slots for worker in usable),
        taken=sum(len(worker.jobs) + worker.others for worker in usable),
        held=sum(worker.count(HELD) for worker in usable),
        jobs=sum(len(worker.jobs) for worker in workers),
        local=len(here.jobs),
        links=here.links,
        preprocessing=here.preprocessing,
        queued=here.queued,
        waiting=here.waiting or 0,
        processors=here.processors or 0.0,
    )


def limit_of(loads: Sequence[Load], workers: Sequence[Worker], here: ThisMachine, builder: str) -> Limit:
    """What limits the build of a program such as make; `loads` are the last looks, the newest included."""
    mean = Load(*(sum(column) / len(loads) for column in zip(*map(_row, loads), strict=True)))
    avoided = [worker.name for worker in workers if worker.avoided_s is not None]
    limit = _limit(mean, bool(workers), bool(avoided), here, builder)
    if not avoided:
        return limit
    said = f"{enumerated(avoided)} {'is' if len(avoided) == 1 else 'are'} avoided"
    if len(avoided) == len(workers):
        return Limit("avoided", f"{said}: everything compiles here")
    return Limit("avoided", f"{said}; {limit.text}")


def _row(load: Load) -> list[float]:
    return [getattr(load, name) for name in Load.__slots__]


def _limit(mean: Load, has_workers: bool, has_avoided: bool, here: ThisMachine, builder: str) -> Limit:
    if not has_workers:
        return Limit("no-workers", "the host list has no worker: everything compiles here")
    if mean.jobs + mean.local + mean.waiting < 0.5:
        return Limit("no-jobs", f"nothing compiles: {builder} does other work now, or waits")
    is_full = mean.taken >= _FULL * mean.slots
    if is_full and mean.held < mean.taken / 2:
        which = "all other slots" if has_avoided else "all slots"
        return Limit("slots", f"{which} busy{_waiting(mean.waiting)}")
    if is_full or mean.queued >= 0.5 or mean.preprocessing > here.cpp_slots - 0.5:
        at_once = f"{mean.preprocessing:.0f} at once, {here.cpp_slots} at most"
        return Limit(
            "preprocessing",
            f"workers are idle: this machine preprocesses as fast as it can ({at_once})",
        )
    if mean.jobs < 0.5 and mean.local >= 0.5:
        kinds = "links" if mean.links > mean.local - 0.5 else "work that stays here"
        return Limit("local", f"workers are idle: {builder} has only {kinds} now")
    if mean.processors >= _BUSY_PROCESSORS:
        return Limit(
            "processors",
            f"workers are idle: the processors of this machine are busy ({100 * mean.processors:.0f} %)",
        )
    jobs = mean.jobs + mean.local + mean.waiting
    return Limit("few-jobs", f"little to do: {builder} has no more jobs ({_count(jobs)} at once)")


def _waiting(clients: float) -> str:
    if clients < 0.5:
        return ""
    return f"; {_count(clients)} {'waits' if round(clients) <= 1 else 'wait'} for a slot"


def _count(number: float) -> str:
    rounded = max(1, round(number))
    return "1 client" if rounded == 1 else f"{rounded} clients"

"""The numbers of all pictures over time, which `--plot` draws. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.record import Record
from .picture import HELD, MOVING

if TYPE_CHECKING:
    from .picture import Build, Picture

HERE = ("preprocessing", "compiling here", "linking here")
THERE = ("compiling", "sending or receiving", "preprocessed here first", "other builds", "avoided")


class Point(Record):
    """From `elapsed_s` on, so many slots were in each state."""

    elapsed_s: float
    counts: tuple[int, ...]


@dataclass(slots=True)
class Lane:
    """A worker, or this machine, over time; its states are those of `THERE` or of `HERE`."""

    name: str
    states: tuple[str, ...]
    slots: int = 0
    points: list[Point] = field(default_factory=list)

    def add(self, elapsed_s: float, counts: tuple[int, ...]) -> None:
        """Note the numbers of a moment, if they are others than before."""
        if not self.points or self.points[-1].counts != counts:
            self.points.append(Point(elapsed_s, counts))


@dataclass(slots=True)
class BuildHistory:
    """A build over time."""

    directory: str
    command: str
    lanes: dict[str, Lane] = field(default_factory=dict)
    end_s: float = 0.0


class History:
    """All builds over time."""

    def __init__(self) -> None:
        self.builds: dict[tuple[str, str], BuildHistory] = {}

    def add(self, picture: Picture) -> None:
        """Note a picture."""
        for build in picture.builds:
            key = build.directory, build.command
            found = self.builds.setdefault(key, BuildHistory(build.directory, build.command))
            found.end_s = picture.elapsed_s
            _note(found, build, picture.elapsed_s)


def _note(history: BuildHistory, build: Build, elapsed_s: float) -> None:
    for worker in build.workers:
        avoided = worker.idle if worker.avoided_s is not None else 0
        counts = (worker.compiling, worker.count(MOVING), worker.count(HELD), worker.others, avoided)
        lane = history.lanes.setdefault(worker.name, Lane(worker.name, THERE))
        lane.slots = max(lane.slots, worker.slots)
        lane.add(elapsed_s, counts)
    here = build.here
    lane = history.lanes.setdefault("", Lane("this machine", HERE))
    lane.slots = max(lane.slots, here.slots, here.cpp_slots)
    lane.add(elapsed_s, (here.preprocessing, len(here.jobs) - here.links, here.links))

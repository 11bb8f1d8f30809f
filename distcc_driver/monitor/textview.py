"""A picture as lines of text: for a terminal, for `--once`, and for a pipe. Pure.

What stands for a slot in the bar of a worker: a compilation, a file on its way, a slot that waits for this
machine to preprocess, a slot of another build, an idle slot.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ..core.wording import NAMED_HOSTS
from .picture import HELD, MOVING
from .spans import cut, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .picture import Build, Job, Picture, ThisMachine, Worker
    from .spans import Line

_KINDS = ("compiling", "moving", "held", "others", "idle")
_WORDS = ("compiling", "sending or receiving", "preprocessed here first", "other builds", "idle")
_UNICODE = dict(zip((*_KINDS, "avoided"), "█▒▪○·x", strict=True))
_ASCII = dict(zip((*_KINDS, "avoided"), "#>=o.x", strict=True))
_WIDEST_NAME = 32
_WIDEST_BAR = 40
_NARROW = 60
_BEFORE_FILE = 31
_SHORTEST_FILE = 10
_SHORTEST_JOB = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """How lines are made: for how many cells, with which characters, and whether files are listed."""

    width: int
    is_unicode: bool = True
    has_files: bool = False
    home: str = ""

    @property
    def marks(self) -> dict[str, str]:
        """The character for each kind of slot."""
        return _UNICODE if self.is_unicode else _ASCII


def build_lines(build: Build, layout: Layout) -> tuple[list[Line], list[Line], list[Line]]:
    """A heading, a line for each worker, and what stands below them."""
    name_width = min(
        max((len(worker.name) for worker in build.workers), default=0), _WIDEST_NAME, layout.width // 3
    )
    slots = max((worker.slots for worker in build.workers), default=0)
    bar_width = min(slots, _WIDEST_BAR, layout.width // 4)
    directory = _shortened(build.directory, layout.home)
    heading: Line = [
        (cut(directory, layout.width // 2), "bold"),
        ("  ", ""),
        (cut(build.command, 200), "dim"),
    ]
    workers = [_worker_line(worker, name_width, bar_width, layout) for worker in build.workers]
    below: list[Line] = [[("here: ", "bold"), (here_text(build.here), "")]]
    below.append([("now:  ", "bold"), (cut(build.limit.text, 1000), "limit")])
    below += [[("note: ", "bold"), (cut(note, 1000), "")] for note in build.notes]
    if layout.has_files:
        below += _file_lines(build, name_width, layout.width)
    return [heading], workers, below


def picture_lines(picture: Picture, layout: Layout) -> list[Line]:
    """The whole picture, whatever its height."""
    lines: list[Line] = []
    for build in picture.builds:
        heading, workers, below = build_lines(build, layout)
        lines += [*([[]] if lines else []), *heading, *workers, *below]
    return [*lines, *([[], legend(layout)] if lines else []), *note_lines(picture)]


def note_lines(picture: Picture) -> list[Line]:
    """What concerns all builds."""
    return [[("note: ", "bold"), (cut(note, 1000), "")] for note in picture.notes]


def legend(layout: Layout) -> Line:
    """What the characters of a bar mean."""
    line: Line = []
    for kind, word in zip(_KINDS, _WORDS, strict=True):
        line += [(layout.marks[kind], kind), (f" {word}  ", "dim")]
    return line


def change_lines(picture: Picture, before: dict[str, str], moment: str) -> Iterator[str]:
    """A line for each worker and build whose text differs from that in `before`, which gets the new one."""
    for build in picture.builds:
        place = cut(build.directory, 200)
        texts = {f"{place} {cut(worker.name, 200)}": _slots_text(worker) for worker in build.workers}
        texts |= {f"{place} here": here_text(build.here, with_load=False)}
        texts |= {f"{place} now": cut(build.limit.text, 1000)}
        for name, text in texts.items():
            if before.get(name) != text:
                before[name] = text
                yield f"{moment} {name}: {text}"


def summary_lines(picture: Picture) -> Iterator[str]:
    """What stays on a terminal when the view has ended."""
    for build in picture.builds:
        counts = [(worker.name, worker.done) for worker in build.workers if worker.done]
        said = ", ".join(f"{cut(name, 200)} {count}" for name, count in counts[:NAMED_HOSTS])
        more = f" and {len(counts) - NAMED_HOSTS} more" if len(counts) > NAMED_HOSTS else ""
        total = sum(count for _, count in counts)
        yield (
            f"{cut(build.directory, 200)}: saw {total} {'job' if total == 1 else 'jobs'} end in "
            f"{_duration(picture.elapsed_s)}"
            f"{f' ({said}{more})' if counts else ''}; it looks 4 times a second and misses short ones"
        )


def here_text(here: ThisMachine, with_load: bool = True) -> str:
    """What this machine does, in words."""
    parts = [f"preprocessing {here.preprocessing} of {here.cpp_slots}"]
    if here.queued:
        parts[0] += f" ({here.queued} {'waits' if here.queued == 1 else 'wait'})"
    if compilations := len(here.jobs) - here.links:
        parts.append(f"compiling {compilations}")
    if here.links:
        parts.append(f"linking {here.links}")
    if here.repeated:
        parts.append(f"{here.repeated} repeated after a worker failed")
    if here.waiting:
        clients = "client waits" if here.waiting == 1 else "clients wait"
        parts.append(f"{here.waiting} {clients} for a slot")
    if with_load and here.processors is not None:
        parts.append(f"processors {100 * here.processors:.0f} % busy")
    return ", ".join(parts)


def _slots_text(worker: Worker) -> str:
    """The slots of a worker in words, without what changes all the time."""
    counts = zip(_WORDS, _counts(worker).values(), strict=True)
    text = f"{len(worker.jobs)}/{worker.slots} slots"
    if said := ", ".join(f"{count} {word}" for word, count in counts if count):
        text += f": {said}"
    return f"{text}; avoided" if worker.avoided_s is not None else text


def _counts(worker: Worker) -> dict[str, int]:
    values = (
        worker.compiling,
        worker.count(MOVING),
        worker.count(HELD),
        worker.others,
        worker.idle,
    )
    return dict(zip(_KINDS, values, strict=True))


def _worker_line(worker: Worker, name_width: int, bar_width: int, layout: Layout) -> Line:
    taken = len(worker.jobs) + worker.others
    line: Line = [(fitted(worker.name, name_width), ""), (" ", "")]
    line += _bar(worker, bar_width, layout)
    line.append((f" {taken:>3}/{worker.slots:<3}", ""))
    if layout.width >= _NARROW:
        line.append((f" {worker.done:>5} done {worker.done_per_s:>5.1f}/s", ""))
        if worker.failed:
            line.append((f" {worker.failed} failed", "avoided"))
    room = layout.width - sum(len(text) for text, _ in line)
    load = _load_text(worker, layout)
    line += _activity(worker, room - len(load) if room - len(load) >= _SHORTEST_JOB else room)
    used = sum(cell_len(text) for text, _ in line)
    return [*line, (load, "")] if used + len(load) <= layout.width else line


def _load_text(worker: Worker, layout: Layout) -> str:
    return "" if worker.load is None or layout.width < _NARROW else f"  load {worker.load:.1f}"


def _activity(worker: Worker, room: int) -> Line:
    """Why distcc avoids a worker, or the job there that takes longest, in so many cells."""
    if worker.avoided_s is not None:
        why = f": {worker.avoided_why}" if worker.avoided_why else ""
        return [(f"  avoided for {worker.avoided_s:.0f} s more{cut(why, 200)}", "avoided")]
    if not worker.jobs:
        return []
    longest = max(worker.jobs, key=lambda job: job.age_s)
    return [(f"  {_job_text(longest, room - 2)}", "held" if longest.step in HELD else "")]


def _job_text(job: Job, room: int) -> str:
    age = f" {_duration(job.age_s)}"
    return f"{cut(job.file or '(no name)', max(0, room - len(age)))}{age}"


def _bar(worker: Worker, width: int, layout: Layout) -> Line:
    marks = layout.marks
    if worker.avoided_s is not None and not worker.jobs:
        return [(marks["avoided"] * min(width, worker.slots), "avoided"), _padding(worker, width)]
    counts = _scaled(_counts(worker), min(width, worker.slots))
    return [
        *((marks[kind] * count, kind) for kind, count in counts.items() if count),
        _padding(worker, width),
    ]


def _padding(worker: Worker, width: int) -> tuple[str, str]:
    return " " * max(0, width - worker.slots), ""


def _scaled(counts: dict[str, int], width: int) -> dict[str, int]:
    """So many characters for all slots: those with the largest rests get what rounding leaves."""
    total = sum(counts.values())
    if total <= width:
        return counts
    scaled = {kind: count * width // total for kind, count in counts.items()}
    by_rest = sorted(counts, key=lambda kind: -(counts[kind] * width % total))
    for kind in by_rest[: width - sum(scaled.values())]:
        scaled[kind] += 1
    return scaled


def _file_lines(build: Build, name_width: int, line_width: int) -> list[Line]:
    """All files of a build, those that take longest first."""
    rows = [(job, worker.name) for worker in build.workers for job in worker.jobs]
    rows += [(job, "here") for job in build.here.jobs]
    width = max(name_width, len("here"))
    return [
        [
            (f"{_duration(job.age_s):>7} ", ""),
            (fitted(name, width), ""),
            (f" {job.step.value:<21} ", "dim"),
            (cut(job.file or "(no name)", max(_SHORTEST_FILE, line_width - width - _BEFORE_FILE)), ""),
        ]
        for job, name in sorted(rows, key=lambda row: -row[0].age_s)
    ]


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02}" if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02} h"


def _shortened(directory: str, home: str) -> str:
    is_below = bool(home) and (directory == home or directory.startswith(home.rstrip(os.sep) + os.sep))
    return f"~{directory[len(home.rstrip(os.sep)) :]}" if is_below else directory


def fitted_lines(pictures: Picture, layout: Layout, height: int) -> list[Line]:
    """The picture in so many lines: workers are left out first, and how many is said."""
    parts = [build_lines(build, layout) for build in pictures.builds]
    fixed = sum(len(heading) + 2 + 1 for heading, _, _ in parts)
    room = max(1, (height - fixed) // max(1, len(parts)))
    lines: list[Line] = []
    for (heading, workers, below), build in zip(parts, pictures.builds, strict=True):
        lines += [*([[]] if lines else []), *heading, *_some(workers, build.workers, room), *below]
    return [*lines, *note_lines(pictures)][:height]


def _some(lines: list[Line], workers: Sequence[Worker], room: int) -> list[Line]:
    if len(lines) <= room:
        return lines
    rest = workers[room - 1 :]
    taken = sum(len(worker.jobs) + worker.others for worker in rest)
    avoided = sum(worker.avoided_s is not None for worker in rest)
    said = f"... {len(rest)} more workers: {taken} of {sum(worker.slots for worker in rest)} slots taken"
    return [*lines[: room - 1], [(f"{said}, {avoided} avoided" if avoided else said, "dim")]]

"""Pictures as lines of text: they fit, and nothing that a build chose acts on the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from distcc_driver.monitor.picture import Build, Job, Limit, Picture, Step, ThisMachine, Worker
from distcc_driver.monitor.spans import coloured, cut, fitted, plain
from distcc_driver.monitor.textview import (
    Layout,
    change_lines,
    fitted_lines,
    here_text,
    picture_lines,
    summary_lines,
)

STEPS = [Step.COMPILING, Step.COMPILING, Step.SENDING, Step.QUEUED]
JOBS = tuple(Job(slot + 1, slot, f"file{slot}.c", step, 60.0 + slot) for slot, step in enumerate(STEPS))
BUSY = Worker("worker-1", "tcp", 8, JOBS, others=1, done=41, done_per_s=2.25)
AVOIDED = Worker("ssh://build-3", "ssh", 4, avoided_s=41.2, avoided_why="main.c failed", failed=2)
HERE = ThisMachine(4, 2, jobs=(Job(9, 0, "prog", Step.LINKING, 3.0),), preprocessing=1, waiting=2)
BUILD = Build(5, "/home/me/src", "make -j 20", (BUSY, AVOIDED), HERE, Limit("slots", "all slots busy"))


def texts(build: Build = BUILD, **layout: object) -> list[str]:
    made = Layout(**{"width": 120, **layout})  # type: ignore[arg-type]
    return [plain(line) for line in picture_lines(Picture(0, 0, (build,)), made)]


def test_a_picture() -> None:
    assert texts(home="/home/me") == [
        "~/src  make -j 20",
        "worker-1      ██▒▪○···   5/8      41 done   2.2/s  file3.c 1:03",
        "ssh://build-3 xxxx       0/4       0 done   0.0/s 2 failed  avoided for 41 s more: main.c failed",
        "here: preprocessing 1 of 2, linking 1, 2 clients wait for a slot",
        "now:  all slots busy",
        "",
        "█ compiling  ▒ sending or receiving  ▪ preprocessed here first  ○ other builds  · idle",
    ]


@pytest.mark.parametrize(
    ("worker", "width", "end"),
    [
        (BUSY, 120, "  2.2/s  file3.c 1:03  load 3.2"),
        (BUSY, 68, "  2.2/s  file3.c 1:03  load 3.2"),
        (BUSY, 67, "  2.2/s  file3.c 1:03"),
        (BUSY, 40, " 5/8    file3.c 1:03"),
        (replace(BUSY, jobs=()), 120, "  2.2/s  load 3.2"),
        (AVOIDED, 120, " avoided for 41 s more: main.c failed  load 3.2"),
        (AVOIDED, 95, " avoided for 41 s more: main.c failed"),
    ],
)
def test_the_load_is_at_the_end_if_there_is_room(worker: Worker, width: int, end: str) -> None:
    line = texts(replace(BUILD, workers=(replace(worker, load=3.24),)), width=width)[1]
    assert line.endswith(end), line


def test_a_long_file_name_leaves_room_for_the_load() -> None:
    job = JOBS[0]._replace(file="long" * 50)
    line = texts(replace(BUILD, workers=(replace(BUSY, jobs=(job,), load=0.0),)), width=80)[1]
    assert len(line) == 80
    assert line.endswith("long 1:00  load 0.0")


@pytest.mark.parametrize(
    ("here", "text"),
    [
        (ThisMachine(4, 2), "preprocessing 0 of 2"),
        (
            ThisMachine(4, 2, preprocessing=2, queued=1, waiting=1, repeated=3, processors=0.974),
            "preprocessing 2 of 2 (1 waits), 3 repeated after a worker failed, 1 client waits for a slot, "
            "processors 97 % busy",
        ),
        (
            ThisMachine(4, 2, jobs=(Job(9, 0, "a.c", Step.COMPILING, 3.0),), queued=7, waiting=0),
            "preprocessing 0 of 2 (7 wait), compiling 1",
        ),
    ],
)
def test_what_this_machine_does(here: ThisMachine, text: str) -> None:
    assert here_text(here) == text


def test_without_unicode() -> None:
    lines = texts(is_unicode=False)
    assert lines[1].startswith("worker-1      ##>=o...   5/8")
    assert "".join(lines).isascii()


def test_the_list_of_files() -> None:
    lines = texts(has_files=True)[5:10]
    assert [line.split()[:2] + line.split()[-1:] for line in lines] == [
        ["1:03", "worker-1", "file3.c"],
        ["1:02", "worker-1", "file2.c"],
        ["1:01", "worker-1", "file1.c"],
        ["1:00", "worker-1", "file0.c"],
        ["3", "s", "prog"],
    ]


def test_a_bar_that_is_too_wide_shows_parts() -> None:
    big = replace(BUSY, slots=1000, jobs=JOBS * 100, others=0)
    (line,) = [line for line in texts(replace(BUILD, workers=(big,)), width=80) if "worker-1" in line]
    assert re.search(" ████▒▒▪▪·{12} ", line), line


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_terminal_of_any_width(width: int) -> None:
    for line in fitted_lines(Picture(0, 0, (BUILD,)), Layout(width), 20):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", coloured(line, width, True))
        assert cell_len(shown) <= width


@pytest.mark.parametrize("height", [3, 8, 24])
def test_workers_that_do_not_fit_are_counted(height: int) -> None:
    many = replace(BUILD, workers=(BUSY,) * 50 + (AVOIDED,) * 10)
    lines = [plain(line) for line in fitted_lines(Picture(0, 0, (many,)), Layout(80), height)]
    assert len(lines) <= height
    (said,) = [line for line in lines if "more workers" in line] or [""]
    if height > 3:
        shown = sum("worker-1 " in line for line in lines)
        taken = 5 * (50 - shown)
        assert said.startswith(
            f"... {60 - shown} more workers: {taken} of {440 - 8 * shown} slots taken, 10 avo"
        )
        assert lines[-1] == "now:  all slots busy"


def test_a_line_for_each_change_and_no_more() -> None:
    before: dict[str, str] = {}
    first = list(change_lines(Picture(0, 0, (BUILD,)), before, "12:00:00"))
    assert first == [
        "12:00:00 /home/me/src worker-1: 4/8 slots: 2 compiling, 1 sending or receiving, "
        "1 preprocessed here first, 1 other builds, 3 idle",
        "12:00:00 /home/me/src ssh://build-3: 0/4 slots: 4 idle; avoided",
        "12:00:00 /home/me/src here: preprocessing 1 of 2, linking 1, 2 clients wait for a slot",
        "12:00:00 /home/me/src now: all slots busy",
    ]
    assert list(change_lines(Picture(1, 1, (BUILD,)), before, "12:00:01")) == []
    later = replace(BUILD, workers=(replace(BUSY, jobs=JOBS[:1]), AVOIDED))
    (line,) = change_lines(Picture(2, 2, (later,)), before, "12:00:02")
    assert line == "12:00:02 /home/me/src worker-1: 1/8 slots: 1 compiling, 1 other builds, 6 idle"


def test_what_stays_at_the_end() -> None:
    (line,) = summary_lines(Picture(0, 75, (BUILD,)))
    assert line.startswith("/home/me/src: saw 41 jobs end in 1:15 (worker-1 41); ")


@given(st.text(max_size=100), st.integers(0, 50))
def test_a_text_that_is_cut_has_its_width(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width
    assert cell_len(fitted(text, width)) == width
    assert fitted(text, width).isprintable()


@given(st.text(st.characters(codec=None), max_size=60), st.integers(20, 120))
def test_names_are_never_more_than_text(text: str, width: int) -> None:
    job = JOBS[0]._replace(file=text)
    evil = replace(
        BUILD,
        directory=text,
        command=text,
        workers=(
            replace(BUSY, name=text, jobs=(job,), load=3.2),
            replace(AVOIDED, avoided_why=text, load=3.2),
        ),
        limit=Limit("slots", text),
        notes=(text,),
    )
    picture = Picture(0, 0, (evil,), (text,))
    lines = [plain(line) for line in picture_lines(picture, Layout(width, has_files=True))]
    lines += [*change_lines(picture, {}, "now"), *summary_lines(picture)]
    assert [line for line in lines if not line.isprintable()] == []

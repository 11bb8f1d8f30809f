"""Surveys as a table on a terminal and as lines."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from distcc_driver.commands.survey import Answers
from distcc_driver.commands.tables import note_lines, plain_lines, plan_lines, terminal_view
from distcc_driver.core.facts import LocalCapacity, Worker
from distcc_driver.core.settings import Settings

from ..samples import worker_of
from .surveys import rejected, survey


def counted(worker: Worker, **counters: int) -> Worker:
    return worker._replace(stats=worker.stats._replace(**counters))


def shown(settings: Settings, answers: Answers, width: int = 80, color: str | None = None) -> str:
    """The view on a terminal of this width."""
    screen = io.StringIO()
    console = Console(
        file=screen,
        width=width,
        force_terminal=True,
        color_system="standard" if color else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(terminal_view(settings, answers))
    return screen.getvalue()


def words(line: str) -> str:
    """A line without the blanks that align its cells."""
    return " ".join(line.split())


LONG = "ssh://somebody@a-very-long-name.of-a-machine.example.org:2222/3632/3633"
FULL = (
    counted(worker_of(LONG, slots=128, load=100.25, free_memory_mib=123456), compiled=1234567, running=99),
    counted(worker_of("b", slots=8, free_memory_mib=3000), compiled=12, failed=3, refused=1),
    rejected("c", "the stats port " + "said something very long " * 6),
)


def test_table_at_80_columns_loses_nothing() -> None:
    text = shown(*survey(*FULL, extra="d:0"))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    packed = re.sub(r"\s", "", text)
    heading, *lines = text.splitlines()
    column = "".join(line[: heading.index("via")].strip() for line in lines)
    assert LONG in column
    for part in ("128", "120", "100.25", "123456", "99", "12", "1234567", "said something very long " * 6):
        assert part.replace(" ", "") in packed
    assert "character 3: port 0 is not between 1 and 65535; correct the entry" in text


def test_table_of_short_names_has_a_line_for_each_host() -> None:
    lines = shown(*survey(worker_of("worker-1"), rejected("worker-2"))).splitlines()
    assert words(lines[0]) == "host via state slots jobs load free MiB run ms compiled"
    assert words(lines[1]) == "worker-1 tcp used 4 4 0.00 - - 12 -"
    assert words(lines[2]) == "worker-2 tcp left out - 0 - - - - -"


def test_state_is_not_told_by_colour_alone() -> None:
    found = survey(worker_of("a"), rejected("b"))
    coloured, plain = shown(*found, color="standard"), shown(*found)
    assert "\x1b[32mused" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("cause", ["[red]x[/red]", "[/]", "[link=http://x]y[/link]", ":smile:"])
def test_words_from_outside_are_no_markup(cause: str) -> None:
    assert cause in shown(*survey(rejected("a", cause)))


def test_control_characters_from_outside_are_escaped() -> None:
    found = survey(worker_of("a"), rejected("b", "said \x1b[2J\x07"), extra="c\x1b]0;x\x07:1")
    for text in (shown(*found), "\n".join(plain_lines(*found))):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert "\\x1b" in text


def test_plain_lines_have_one_for_each_host_with_all_there_is_to_say() -> None:
    lines = plain_lines(*survey(*FULL, extra="d:0"))
    assert lines[0].split()[:4] == ["host", "via", "state", "slots"]
    (line,) = [line for line in lines if line.startswith("b ")]
    assert words(line).startswith("b tcp used 8 2 0.00 3000 - 12 12 3 1 ")
    assert line.endswith("2 jobs for 8 slots: 3000 MiB free, 1024 for each compiler")
    (line,) = [line for line in lines if line.startswith("c ")]
    assert "said something very long said" in line
    assert line.endswith("; start it")
    (line,) = [line for line in lines if line.startswith("d:0 ")]
    assert "port 0" in line
    assert all(line == line.rstrip() for line in lines)


def test_cause_is_told_once_however_many_hosts_have_it() -> None:
    notes = note_lines(*survey(*[rejected(f"w{n}") for n in range(64)]))
    assert notes == ["w0, w1, w2, w3, w4, w5, w6, w7 and 56 more: it is down; start it"]
    notes = note_lines(*survey(*[worker_of(f"w{n}", free_memory_mib=5) for n in range(64)]))
    assert len(notes) == 1


def test_errors_that_a_worker_counted_are_told() -> None:
    notes = note_lines(
        *survey(counted(worker_of("a"), failed=3, refused=2), counted(worker_of("b"), failed=0))
    )
    assert notes == ["a: since its distccd was started, 3 failed there and 2 refused, for it was full"]


def test_plan_tells_this_machine_s_part_jobs_and_hosts() -> None:
    _, answers = survey(worker_of("a"), EARLY_LOCAL_JOBS=1)
    assert plan_lines(answers) == [
        "this machine: 1 local job, 2 preprocessing jobs, 2 slots for what cannot be distributed",
        "-j 7 = 4 remote (a: 4) + 1 local + 2 preprocessing",
        "DISTCC_HOSTS=localhost/1 --localslots=2 --localslots_cpp=2 a:3632/4,lzo",
    ]


def test_plan_tells_what_cuts_it() -> None:
    _, answers = survey(worker_of("a", slots=900), local=LocalCapacity(2, 1200))
    assert ", cut to 400: 1200 MiB of memory available here, 3 for each" in plan_lines(answers)[1]


def test_plan_without_a_worker_says_so() -> None:
    _, answers = survey(rejected("a"))
    assert plan_lines(answers)[1] == "-j 2 = 2 local: no worker is available"


def test_refusal_stands_in_the_place_of_a_plan() -> None:
    _, answers = survey(rejected("a"), FALLBACK_LOCAL_JOBS=0)
    (line,) = plan_lines(answers)
    assert line.startswith("refusing to build: no worker is available and")

"""`distcc-driver monitor` on a terminal: what it shows, its keys, and the terminal as it was afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import signal
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import driver_command
from tests.support.processes import descendants
from tests.support.terminal import Terminal

from .test_monitor import client, compile_one, held, name_of, start_held
from .test_workers_command import BETWEEN, ENTER, LEAVE, assert_as_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.heldcompilers import HeldCompilers

__all__ = ["held", "start_held"]

KEYS = "q ends, f "
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = "a_file_with_quite_a_long_name_as_generated_code_has_it.c"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    environ["TERM"] = "xterm-256color"
    return environ


@pytest.fixture
def worker(environ: dict[str, str], start_held: Callable[[int], Distccd]) -> Distccd:
    worker = start_held(4)
    environ["DISTCC_HOSTS"] = worker.distcc_host
    return worker


@pytest.fixture
def build(worker: Distccd, environ: dict[str, str], work: Path) -> Iterator[object]:
    """A file that compiles on the one worker until it is released."""
    del worker
    (work / LONG).write_text("int a;\n")
    with client(environ, work, *compile_one(LONG)) as process:
        yield process


@contextlib.contextmanager
def view(
    environ: Mapping[str, str], work: Path, columns: int = 100, rows: int = 24, *words: str
) -> Iterator[Terminal]:
    """The monitor in a terminal of a size, between two looks at its settings; the build is on the screen."""
    script = f"trap : QUIT; stty cols {columns} rows {rows}; {BETWEEN}"
    command = ["sh", "-c", script, "sh", *driver_command("monitor", str(work), *words)]
    with Terminal(command, environ, work) as terminal:
        terminal.expect("[before]")
        yield terminal


def shown_until(terminal: Terminal, text: str) -> str:
    """What the terminal shows up to a text, without its escape sequences."""
    return ESCAPE.sub("", terminal.expect(text))


@pytest.mark.usefixtures("build")
def test_a_worker_its_file_and_what_limits_the_build(
    environ: dict[str, str], work: Path, worker: Distccd
) -> None:
    with view(environ, work) as terminal:
        terminal.expect(ENTER)
        terminal.expect(name_of(worker))
        terminal.expect("\x1b[32m█\x1b[0m\x1b[2m···\x1b[0m")
        line = shown_until(terminal, "now:")
        assert re.search(rf"1/4 +0 done +0\.0/s +{LONG[:5]}.*\.\..*\.c \d s", line), line
        terminal.send("q")
        assert terminal.wait() == 0
    assert_as_before(terminal)
    assert "saw 0 jobs end in " in terminal.shown.rpartition(LEAVE)[2]


@pytest.mark.usefixtures("build")
def test_the_list_of_files(environ: dict[str, str], work: Path, worker: Distccd) -> None:
    with view(environ, work) as terminal:
        terminal.expect("shows")
        assert "compiling  " not in ESCAPE.sub("", terminal.shown).replace("compiling  ▒", "")
        terminal.send("f")
        files = shown_until(terminal, "hides")
        short = rf"{LONG[:15]}.*\.\..*code_has_it\.c"
        assert re.search(rf" s {re.escape(name_of(worker))} compiling +{short}", files), files
        terminal.send("f")
        terminal.expect("shows")
        terminal.send("q")
        assert terminal.wait() == 0
    assert_as_before(terminal)


def test_it_ends_with_the_build(
    environ: dict[str, str], work: Path, held: HeldCompilers, build: object
) -> None:
    del build
    with view(environ, work) as terminal:
        terminal.expect("1/4")
        held.release(1)
        assert terminal.wait() == 0
    assert_as_before(terminal)
    assert re.search(r"saw 1 job end in ", terminal.shown.rpartition(LEAVE)[2])


@pytest.mark.parametrize(
    ("key", "status"), [("q", 0), ("\x03", 130), ("\x1c", 131)], ids=["q", "Ctrl-C", "Ctrl-backslash"]
)
def test_keys_that_end_it_while_it_waits_for_a_build(
    key: str, status: int, environ: dict[str, str], work: Path
) -> None:
    with view(environ, work) as terminal:
        terminal.expect("no build with distcc runs; waiting for one")
        terminal.expect(KEYS)
        terminal.send(key)
        assert terminal.wait() == status
    assert_as_before(terminal)
    assert list(work.glob("core*")) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it(number: int, status: int, environ: dict[str, str], work: Path) -> None:
    with view(environ, work) as terminal:
        terminal.expect(KEYS)
        (pid,) = descendants(terminal.pid)
        os.kill(pid, number)
        assert terminal.wait() == status
    assert_as_before(terminal)


def test_ctrl_z_gives_the_terminal_back_until_fg(environ: dict[str, str], work: Path) -> None:
    environ["PS1"] = "prompt>"
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environ, work) as terminal:
        terminal.expect("prompt>")
        terminal.send("stty -a >before\n")
        terminal.expect("prompt>")
        terminal.send(shlex.join(driver_command("monitor", str(work))) + "\n")
        terminal.expect(KEYS)
        terminal.send("\x1a")
        assert terminal.expect("Stopped").endswith(f"{LEAVE}\r\n[1]+  ")
        terminal.expect("prompt>")
        terminal.send("stty -a >between\n")
        terminal.expect("prompt>")
        terminal.send("fg\n")
        terminal.expect(ENTER)
        terminal.expect(KEYS)
        terminal.send("q")
        terminal.expect("prompt>")
        terminal.send("stty -a >after\n")
        terminal.expect("prompt>")
    before, between, after = ((work / name).read_text() for name in ("before", "between", "after"))
    assert before == between == after


def resize(terminal: Terminal, columns: int, rows: int) -> None:
    with open(os.readlink(f"/proc/{terminal.pid}/fd/0"), "rb") as opened:
        fcntl.ioctl(opened, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@pytest.mark.usefixtures("build")
def test_a_terminal_that_changes_its_size(environ: dict[str, str], work: Path) -> None:
    with view(environ, work) as terminal:
        terminal.expect(KEYS)
        resize(terminal, 40, 10)
        terminal.expect("\x1b[2J")
        narrow = terminal.expect(KEYS)
        resize(terminal, 100, 24)
        terminal.expect("\x1b[2J")
        terminal.expect("done")
        terminal.send("q")
        assert terminal.wait() == 0
    rows = re.split(r"\x1b\[\d+;1H", narrow)
    assert max(len(ESCAPE.sub("", row)) for row in rows) <= 40
    assert "done" not in narrow
    assert "1/4" in narrow
    assert_as_before(terminal)


@pytest.mark.usefixtures("build")
def test_a_terminal_of_40_columns_and_5_rows(environ: dict[str, str], work: Path) -> None:
    with view(environ, work, 40, 5) as terminal:
        shown = terminal.expect(KEYS)
        terminal.send("q")
        assert terminal.wait() == 0
    rows = re.findall(r"\x1b\[(\d+);1H([^\x1b]*(?:\x1b\[[0-9;]*m[^\x1b]*)*)", shown)
    assert max(int(row) for row, _ in rows) <= 5
    assert max(len(ESCAPE.sub("", text)) for _, text in rows) <= 40


@pytest.mark.usefixtures("build")
def test_without_colour(environ: dict[str, str], work: Path) -> None:
    with view(environ | {"NO_COLOR": "1"}, work) as terminal:
        terminal.expect("1/4")
        terminal.expect(KEYS)
        terminal.send("q")
        assert terminal.wait() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.shown)
    assert_as_before(terminal)


@pytest.mark.usefixtures("build")
def test_a_dumb_terminal_has_lines(environ: dict[str, str], work: Path, worker: Distccd) -> None:
    with view(environ | {"TERM": "dumb"}, work) as terminal:
        terminal.expect(f"{name_of(worker)}: 1/4 slots: 1 compiling, 3 idle")
        terminal.send("\x03")
        assert terminal.wait() == 130
    assert "\x1b" not in terminal.shown
    before, _, rest = terminal.shown.partition("[before]")
    assert before.strip() == rest.partition("[after]")[2].strip()


@pytest.mark.usefixtures("build")
def test_a_locale_without_unicode(environ: dict[str, str], work: Path) -> None:
    environ = {**environ, "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with view(environ, work) as terminal:
        terminal.expect("#")
        terminal.expect("...")
        terminal.send("q")
        assert terminal.wait() == 0
    assert terminal.shown.isascii()


def test_control_characters_never_reach_the_terminal(
    environ: dict[str, str], work: Path, worker: Distccd
) -> None:
    del worker
    evil = "\x1b]0;owned\x07\x9b2J.c"
    (work / evil).write_text("int a;\n")
    with client(environ, work, *compile_one(evil)), view(environ, work) as terminal:
        terminal.expect("1/4")
        terminal.send("f")
        terminal.expect("hides")
        terminal.send("q")
        assert terminal.wait() == 0
    assert not re.search("\x1b\\]|\x07|\x9b", terminal.shown)
    assert r"\x1b]0;owned\x07" in terminal.shown


@pytest.mark.usefixtures("build")
def test_only_what_changes_is_written_again(environ: dict[str, str], work: Path) -> None:
    """The line of a worker has its file's age, and is written once a second."""
    with view(environ, work) as terminal:
        terminal.expect("1/4")
        terminal.expect(KEYS)
        later = "".join(terminal.expect("\x1b[K") for _ in range(3))
        terminal.send("q")
        assert terminal.wait() == 0
    assert "\x1b[2J" not in later
    assert str(work) not in later

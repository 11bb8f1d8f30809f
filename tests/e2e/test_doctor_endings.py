"""`distcc-driver doctor` on a terminal, and ended by signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import driver_command
from tests.support.doctor import doctor_output
from tests.support.ports import LOOPBACK, host_spec
from tests.support.processes import has_in_environment, is_alive, pids, wait_until
from tests.support.servers import Server, hang
from tests.support.shells import MASQUERADE
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd

_COLOUR = re.compile(r"\x1b\[[0-9;]*?3[0-7]m")
_ARGUMENTS = ("--compiler", "gcc", "nocc")


@pytest.fixture
def examined(environ: dict[str, str], shared_distccd: Distccd) -> dict[str, str]:
    """An environment with links to distcc, a worker, and a terminal with colours."""
    return environ | {
        "PATH": f"{MASQUERADE}:{environ['PATH']}",
        "DISTCC_AUTO_HOSTS": shared_distccd.spec,
        "TERM": "xterm-256color",
    }


def shown_by(environ: dict[str, str], work: Path) -> str:
    with Terminal(driver_command("doctor", *_ARGUMENTS), environ, work) as terminal:
        assert terminal.wait() == 1
        return terminal.shown


def test_terminal_has_colours_and_says_the_same_in_words(examined: dict[str, str], work: Path) -> None:
    shown = shown_by(examined, work)
    assert _COLOUR.search(shown)
    assert "\N{CHECK MARK} ok" in shown
    assert "\N{BALLOT X} problem" in shown
    assert "trial compilations" in shown
    assert "to do: install it, or correct the name" in shown


def test_progress_is_shown_and_then_erased(examined: dict[str, str], work: Path) -> None:
    shown = shown_by(examined, work)
    assert "asking 1 host" in shown
    assert "compiling on 1 worker" in shown
    assert "\x1b[?25l" in shown  # the cursor is hidden while progress is shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
    assert shown.rfind("\x1b[2K") > shown.rfind("compiling on 1 worker")


def test_no_colour_with_no_color(examined: dict[str, str], work: Path) -> None:
    shown = shown_by(examined | {"NO_COLOR": "1"}, work)
    assert not _COLOUR.search(shown)
    assert "\N{CHECK MARK} ok" in shown


def test_ascii_terminal_gets_words_without_signs(examined: dict[str, str], work: Path) -> None:
    shown = shown_by(examined | {"PYTHONIOENCODING": "ascii"}, work)
    assert shown.isascii()
    assert "\\u" not in shown
    assert re.search(r"\bok\b.* version ", shown)


def test_markup_and_control_sequences_in_names_are_shown_as_text(
    examined: dict[str, str], work: Path
) -> None:
    environ = examined | {"TERM": "xterm"}
    with Terminal(driver_command("doctor", "--compiler", "[red]x[/]\x1b[2Jé"), environ, work) as terminal:
        assert terminal.wait() == 1
    assert "[red]x[/]\\x1b[2Jé" in re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown)
    assert "\x1b[2J" not in terminal.shown


def test_each_finding_is_one_plain_line_without_a_terminal(examined: dict[str, str], work: Path) -> None:
    long_name = "n" * 300
    _, output = doctor_output(examined, work, "--compiler", long_name)
    assert "\x1b" not in output
    assert f"problem  compilers: {long_name}: not found on PATH; install it" in output


def left_of(environ: dict[str, str]) -> list[int]:
    """The processes of a run: those that have its HOME in their environment."""
    mark = os.fsencode(f"HOME={environ['HOME']}")
    return [pid for pid in pids() if has_in_environment(pid, mark) and is_alive(pid)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_in_a_trial_leaves_nothing_behind(
    number: signal.Signals, examined: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with Server(hang) as server:
        spec = host_spec(LOOPBACK, server.port, shared_distccd.stats_port)
        environ = examined | {"DISTCC_AUTO_HOSTS": spec, "DISTCC_IO_TIMEOUT": "300"}
        command = driver_command("doctor", "--compiler", "gcc")
        with subprocess.Popen(
            command, env=environ, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            # The first connection only tests the port; distcc makes the second.
            wait_until(lambda: server.connections >= 2, "distcc has connected")
            assert len(left_of(environ)) >= 2
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (128 + number, "")
        assert errors == f"distcc-driver: ended by {number.name}\n"
        assert left_of(environ) == []
        assert os.listdir(environ["TMPDIR"]) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_hosts_are_asked(number: signal.Signals, examined: dict[str, str], work: Path) -> None:
    with Server(hang) as server:
        spec = host_spec(LOOPBACK, server.port, server.port)
        environ = examined | {"DISTCC_AUTO_HOSTS": spec, "DISTCC_AUTO_CONNECT_TIMEOUT": "300"}
        with subprocess.Popen(
            driver_command("doctor", "--compiler", "gcc"),
            env=environ,
            cwd=work,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(lambda: server.connections >= 1, "the host is asked")
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)
        assert (process.returncode, output) == (128 + number, "")
        assert left_of(environ) == []


def test_ctrl_c_on_a_terminal(examined: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    with Server(hang) as server:
        spec = host_spec(LOOPBACK, server.port, shared_distccd.stats_port)
        environ = examined | {"DISTCC_AUTO_HOSTS": spec, "DISTCC_IO_TIMEOUT": "300"}
        with Terminal(driver_command("doctor", "--compiler", "gcc"), environ, work) as terminal:
            terminal.expect("compiling on 1 worker")
            wait_until(lambda: server.connections >= 2, "distcc has connected")
            terminal.send("\x03")
            assert terminal.wait() == 130
        assert terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l")
        assert left_of(environ) == []

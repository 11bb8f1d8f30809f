"""Features of all commands: version, help, wrong usage, completion by the Tab key."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from distcc_driver import __version__
from tests.support.commands import driver_command, run_driver
from tests.support.shells import PROMPT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

COMMANDS = ("workers", "doctor", "plan", "monitor", "demo", "discover", "worker", "setup", "shim")


def test_version(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"distcc-driver {__version__}\n", "")


def test_help_names_every_command_and_the_exit_codes(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "--help")
    assert result.returncode == 0
    for word in (*COMMANDS, "--version", "Exit codes: 0 fine, 1 a finding, 2 wrong usage, 96 "):
        assert word in result.stdout


@pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS)], ids=str)
def test_help_fits_80_columns_and_has_no_colour_in_a_pipe(
    environ: dict[str, str], work: Path, words: list[str]
) -> None:
    result = run_driver({**environ, "COLUMNS": "80"}, work, *words, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert "\x1b" not in result.stdout
    assert "Usage: distcc-driver" in result.stdout


@pytest.mark.parametrize("command", ["workers", "doctor", "plan"])
def test_help_of_a_command_tells_its_exit_codes(environ: dict[str, str], work: Path, command: str) -> None:
    assert "Exit codes: 0 " in run_driver(environ, work, command, "--help").stdout


def test_no_command_is_wrong_usage_with_the_help(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work)
    assert result.returncode == 2
    assert "Usage: distcc-driver" in result.stdout + result.stderr
    assert "Error" not in result.stdout + result.stderr


@pytest.mark.parametrize("word", ["bogus", "--bogus"])
def test_unknown_word_is_one_line(environ: dict[str, str], work: Path, word: str) -> None:
    result = run_driver(environ, work, word)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("distcc-driver: command line: no such ")
    assert word in result.stderr


def test_control_characters_of_the_command_line_are_escaped(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "workers", "--watch=\x1b[2J", "a")
    assert result.returncode == 2
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("command", ["workers", "doctor", "plan"])
def test_full_disk_is_one_line_for_help_too(environ: dict[str, str], work: Path, command: str) -> None:
    with open("/dev/full", "wb") as full:
        result = run_driver(environ, work, command, "--help", stdout=full.fileno())
    assert result.returncode == 96
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["workers"],
        ["plan"],
        ["plan", "--json"],
        ["monitor", "--once"],
        ["demo"],
        ["doctor"],
        ["shim", "bash"],
        ["--version"],
        [],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-", ">/dev/full"])
def test_standard_output_that_takes_nothing(
    closed: str, words: list[str], environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ = environ | {"DISTCC_AUTO_HOSTS": shared_distccd.spec, "DISTCC_AUTO_LOG_LEVEL": "warning"}
    script = f'"$@" {closed}'
    command = ["sh", "-c", script, "sh", *driver_command(*words)]
    done = subprocess.run(command, env=environ, cwd=work, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 96, done.stderr
    if "2>&-" not in closed:
        (line,) = done.stderr.splitlines()
        assert line.startswith("distcc-driver: standard output: ")


@pytest.mark.parametrize("words", [["plan", "\u00b2"], ["plan", "1", "\u00b2"], ["guard", "x", "\u00b2"]])
def test_words_that_only_look_like_numbers(words: list[str], environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, *words)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_shell_that_there_is_no_shim_for(environ: dict[str, str], work: Path) -> None:
    for name in ("ksh", "tcsh-6"):
        result = run_driver(environ, work, "shim", name)
        assert (result.returncode, result.stdout) == (2, "")
        cause = f"shim: {name}: there is none for this shell"
        assert result.stderr == f"distcc-driver: {cause}; write bash, zsh or fish\n"


def test_a_descriptor_that_is_not_open_is_no_error(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    """A user calls `plan` by hand, and descriptor 3 is not open. A shim opens it."""
    environ = environ | {"DISTCC_AUTO_HOSTS": shared_distccd.spec}
    result = run_driver(environ, work, "plan", "1", "99")
    assert result.returncode == 0
    assert shared_distccd.distcc_host in result.stdout


def test_plan_is_printed_whatever_stands_behind_its_name(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ = environ | {"DISTCC_AUTO_HOSTS": shared_distccd.spec}
    result = run_driver(environ, work, "plan", "--")
    assert result.returncode == 0
    assert shared_distccd.distcc_host in result.stdout


def test_tab_completes_commands_and_options(user_shell: UserShell, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "distcc-driver"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(driver_command())} "$@"\n')
    program.chmod(0o755)
    user_shell.environ["PATH"] += f":{tools}"
    set_up = 'eval "$(distcc-driver --show-completion)"'
    if user_shell.name == "zsh":
        set_up = f"autoload -Uz compinit; compinit -u -D\n{set_up}"
    with user_shell.interactive(set_up) as terminal:
        terminal.send("distcc-driver doc\t--he\t\r")
        terminal.expect("Usage: distcc-driver doctor")
        terminal.expect(PROMPT)
        terminal.send("exit\r")
        terminal.wait()

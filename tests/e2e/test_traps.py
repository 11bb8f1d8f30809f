"""Signals and the user's traps have the same effect with distcc_build as without it."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import Gate, finish, running
from tests.support.place import ROOT
from tests.support.processes import wait_until
from tests.support.shells import PROMPT, SHELLS, UserShell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder

# Traps and traces that print a command as often as possible. The command must never run.
CANARY = "touch 'canary has run'"
TALKATIVE = [
    ("bash", f'set -T; trap "echo \\"{CANARY};\\"" DEBUG'),
    ("bash", f'set -T; trap "echo \\"{CANARY};\\"" RETURN'),
    ("bash", f'shopt -s extdebug; trap "echo \\"{CANARY};\\"" DEBUG RETURN'),
    ("bash", f'set -E; trap "echo \\"{CANARY};\\"" ERR'),
    ("bash", f'BASH_XTRACEFD=1; PS4="{CANARY}; "; set -x'),
    ("zsh", f'TRAPDEBUG() {{ echo "{CANARY}" }}'),
    ("zsh", f'trap "echo \\"{CANARY};\\"" DEBUG'),
    ("zsh", "trap 'print -r -- \"$ZSH_DEBUG_CMD\"' DEBUG"),
    ("zsh", f'TRAPZERR() {{ echo "{CANARY}" }}'),
]


@pytest.mark.parametrize(("user_shell", "before"), TALKATIVE, indirect=["user_shell"])
def test_what_traps_and_traces_print_is_never_evaluated(
    before: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    result = ready_shell.run(f"{before}\ndistcc_build {recorder.word} a\necho end")
    assert "end" in result.stdout
    assert recorder.arguments == [b"a", b"-j", b"5"]
    assert os.listdir(ready_shell.cwd) == []


SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT]


def outcome(shell: UserShell, gate: Gate, script: str, number: signal.Signals) -> tuple[int, str]:
    """Signal a script's group while its build waits at the gate; return the script's status and output."""
    with running(shell, script) as process:
        gate.wait()
        os.killpg(process.pid, number)
        gate.open()
        status, stdout, _ = finish(process)
    return status, stdout


def assert_like_a_plain_build(shell: UserShell, gate: Gate, script: str, number: signal.Signals) -> None:
    plain = outcome(shell, gate, script.replace("distcc_build ", ""), number)
    assert outcome(shell, gate, script, number) == plain


# Not QUIT in zsh: zsh always ignores QUIT, so the build cannot know whether the user wants that.
@pytest.mark.parametrize(
    ("user_shell", "number"),
    [(name, number) for name in SHELLS for number in SIGNALS if (name, number) != ("zsh", signal.SIGQUIT)],
    indirect=["user_shell"],
    ids=str,
)
def test_a_build_ignores_the_signals_that_its_caller_ignores(
    number: signal.Signals, ready_shell: UserShell, gate: Gate
) -> None:
    script = f"trap '' {int(number)}; distcc_build {gate.word}; echo status:$?"
    assert outcome(ready_shell, gate, script, number) == (0, "status:0\n")
    assert_like_a_plain_build(ready_shell, gate, script, number)


def test_a_build_under_nohup_ignores_hup(ready_shell: UserShell, gate: Gate) -> None:
    with running(ready_shell, f"distcc_build {gate.word}; echo status:$?", "nohup") as process:
        gate.wait()
        os.killpg(process.pid, signal.SIGHUP)
        gate.open()
        assert finish(process)[:2] == (0, "status:0\n")


def test_ctrl_c_does_not_reach_a_build_in_the_background_of_a_script(
    ready_shell: UserShell, gate: Gate, tmp_path: Path
) -> None:
    """Without job control a background job ignores SIGINT; in bash only if the job is no function."""
    done = tmp_path / "done"
    with running(ready_shell, f"(distcc_build sh -c '{gate.word} && : > {done}') & wait") as process:
        gate.wait()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
        gate.open()
        wait_until(done.exists, "the build has ended by itself")


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("caller", ["", "trap 'echo caught' {}; "], ids=["plain", "trap"])
@pytest.mark.parametrize("build", ["exit 3", "exit 0", ":"])
def test_a_build_that_handles_a_signal_keeps_its_status(
    build: str, caller: str, number: signal.Signals, ready_shell: UserShell, gate: Gate
) -> None:
    own = f"sh -c 'trap \"{build}\" {int(number)}; {gate.word}; exit 4'"
    script = f"{caller.format(int(number))}distcc_build {own}; echo status:$?"
    assert_like_a_plain_build(ready_shell, gate, script, number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("caller", ["", "trap 'echo caught' {}; "], ids=["plain", "trap"])
def test_a_build_that_a_signal_ends(
    caller: str, number: signal.Signals, ready_shell: UserShell, gate: Gate
) -> None:
    script = f"{caller.format(int(number))}distcc_build {gate.word}; echo status:$?"
    assert_like_a_plain_build(ready_shell, gate, script, number)


ERROR_TRAPS = [
    ("bash", "set -E; trap 'echo error' ERR"),
    ("bash", "set -Eeuo pipefail; trap 'echo error' ERR"),
    ("zsh", "TRAPZERR() { echo error }"),
    ("zsh", "set -e; trap 'echo error' ERR"),
]


@pytest.mark.parametrize(("user_shell", "before"), ERROR_TRAPS, indirect=["user_shell"])
def test_an_error_trap_is_run_as_for_any_function(before: str, ready_shell: UserShell) -> None:
    builds = ("distcc_build sh -c 'exit 3'", "plain() { sh -c 'exit 3'; return $?; }; plain")
    ours, plain = (ready_shell.run(f"{before}\n{build}; echo status:$?") for build in builds)
    assert ours.stdout == plain.stdout
    assert ours.returncode == plain.returncode


def test_a_terminal_that_a_killed_build_has_changed_is_as_it_was(ready_shell: UserShell) -> None:
    """bash restores the terminal when a command has died of a signal, zsh whenever it edits a line."""
    with ready_shell.interactive() as terminal:
        terminal.send(
            "stty -a >before; distcc_build sh -c 'stty -echo -icanon; echo start$((1 + 1)); sleep 60'\r"
        )
        terminal.expect("start2")
        terminal.send("\x1c")
        terminal.expect(PROMPT)
        terminal.send("stty -a >after; echo done$((1 + 1))\r")
        terminal.expect("done2")
    assert (ready_shell.cwd / "after").read_text() == (ready_shell.cwd / "before").read_text()


def test_traps_name_signals_by_number() -> None:
    """zsh 5.0.8 does not know names in some places.

    No test can run that version, so this one reads the code.
    """
    text = (ROOT / "distcc_driver" / "build.sh").read_text(encoding="utf-8")
    code = re.sub(r"(?m)^\s*#.*", "", text)
    assert code.count("\\trap") + code.count("builtin trap") >= 10
    assert re.findall(r"\b(?:SIG)?(?:HUP|INT|QUIT|TERM)\b", code) == []

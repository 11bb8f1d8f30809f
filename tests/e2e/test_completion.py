"""The Tab key after distcc_build completes the wrapped command, in a real terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.shells import PROMPT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder, UserShell

BASH_COMPLETION = "source /usr/share/bash-completion/bash_completion"
COMPINIT = "autoload -Uz compinit; compinit -u -D"
SET_UPS = {
    "bash": ("bash", ""),
    "bash-completion": ("bash", BASH_COMPLETION),
    "zsh": ("zsh", COMPINIT),
}
# A shell without completion for commands, and shells with it.
ANY = pytest.mark.parametrize(
    ("user_shell", "before"), list(SET_UPS.values()), indirect=["user_shell"], ids=list(SET_UPS)
)
WITH_COMPLETIONS = pytest.mark.parametrize(
    ("user_shell", "before"), list(SET_UPS.values())[1:], indirect=["user_shell"], ids=list(SET_UPS)[1:]
)


def type_keys(shell: UserShell, before: str, keys: str) -> str:
    """Type keys, with a carriage return among them; return the text shown until the next prompt."""
    with shell.interactive(before) as terminal:
        terminal.send(keys)
        terminal.expect("-j 5 = 5 remote")
        shown = terminal.expect(PROMPT)
        terminal.send("exit\r")
        terminal.wait()
    return shown


@ANY
def test_the_name_of_a_command(
    before: str, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "zzz-unique-command").symlink_to(recorder.path)
    ready_shell.environ["PATH"] += f":{tools}"
    type_keys(ready_shell, before, "distcc_build zzz-un\tall\r")
    assert recorder.arguments == [b"all", b"-j", b"5"]


@ANY
def test_files_as_arguments(before: str, ready_shell: UserShell, recorder: Recorder) -> None:
    (ready_shell.cwd / "unique file").touch()
    type_keys(ready_shell, before, f"distcc_build {recorder.word} uniq\t\r")
    assert recorder.arguments == [b"unique file", b"-j", b"5"]


@WITH_COMPLETIONS
def test_the_targets_of_make(before: str, ready_shell: UserShell) -> None:
    (ready_shell.cwd / "Makefile").write_text("all zebra-target:\n\t@echo made $@\n")
    assert "made zebra-target" in type_keys(ready_shell, before, "distcc_build make zeb\t\r")


@WITH_COMPLETIONS
def test_the_options_of_a_command(before: str, ready_shell: UserShell) -> None:
    (ready_shell.cwd / "Makefile").write_text("all:\n\t@echo made $@ in $(CURDIR)\n")
    shown = type_keys(ready_shell, before, "distcc_build make --direc\t/dev/null --version\r")
    assert "GNU Make" in shown


def test_completions_of_the_user_stay(ready_shell: UserShell) -> None:
    script = {
        "bash": "complete -p make; complete -p distcc_build",
        "zsh": "print $_comps[make]; print $_comps[distcc_build]",
    }[ready_shell.name]
    before = {"bash": "complete -W mine make", "zsh": f"{COMPINIT}\ncompdef _mine make"}[ready_shell.name]
    result = ready_shell.run(script, before=before)
    assert result.returncode == 0, result.stderr
    make, ours = result.stdout.splitlines()
    assert "mine" in make
    assert ours

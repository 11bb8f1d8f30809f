"""Builds in scripts of every form get every signal, at random moments."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.shells import SHELLS

from .builds import LENGTHS_S, OVER, Yard, await_stage, pause, script, stages_of, words_of_a_build
from .typist import Hosts, Moment, expect_none

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .conftest import Tally

# Each form of a script, and its output without an interruption. {build} is a build command, {talk} a build
# command that writes without end, {inner} a script that runs a build itself.
FORMS = {
    "a script": ("distcc_build {build}\necho status:$?", "status:0"),
    "set -e": ("set -e\ndistcc_build {build}\necho status:$?\nset +e", "status:0"),
    "$(...)": ('x=$(distcc_build {build}; echo inner)\necho "<$x>"', "<inner>"),
    "a pipe": ("distcc_build {talk} | head -n 1", "word"),
    "a background job": ("distcc_build {build} &\nwait $!\necho status:$?", "status:0"),
    "a build in a build": ("distcc_build {inner}\necho status:$?", "status:0"),
    "ten at once": (
        "for i in 1 2 3 4 5 6 7 8 9 10; do distcc_build {build} & done\nwait\necho waited:$?",
        "waited:0",
    ),
}
SIGNALS = {
    "none": None,
    "TERM to all": ("group", signal.SIGTERM),
    "HUP to all": ("group", signal.SIGHUP),
    "INT to all": ("group", signal.SIGINT),
    "QUIT to all": ("group", signal.SIGQUIT),
    "TERM to the shell": ("shell", signal.SIGTERM),
    "HUP to the shell": ("shell", signal.SIGHUP),
    "KILL of the shell": ("shell", signal.SIGKILL),
    "KILL of a sub-shell": ("sub-shell", signal.SIGKILL),
    "KILL of ours": ("ours", signal.SIGKILL),
}


def text_of(form: str, yard: Yard, hosts: Hosts, words: str) -> str:
    inner = f"export DISTCC_AUTO_HOSTS={shlex.quote(hosts.easy)}\ndistcc_build {yard.build} 0"
    begin = f": >| {yard.begun}"
    look = yard.look("")
    return f"{look}before\n{begin}\n{FORMS[form][0]}\nunset x i; jobs >| /dev/null\n{look}after".format(
        build=f"{yard.build} {words}",
        talk=yard.talk,
        inner=shlex.join(script(yard, "inner", inner)),
    )


def victims(yard: Yard, shell_pid: int, whom: str) -> list[int]:
    if whom == "sub-shell":
        return [pid for pid in yard.traces.shells() if pid != shell_pid]
    return sorted(yard.traces.processes()) if whom == "ours" else [shell_pid]


def strike(yard: Yard, shell_pid: int, whom: str, number: signal.Signals, chance: random.Random) -> None:
    with contextlib.suppress(ProcessLookupError):
        if whom == "group":
            os.killpg(shell_pid, number)
        elif found := victims(yard, shell_pid, whom):
            os.kill(chance.choice(found), number)


@pytest.mark.parametrize("yard", SHELLS, indirect=True)
@pytest.mark.parametrize("hosts", ["tcp", "ssh"], indirect=True)
def test_builds_in_scripts(
    yard: Yard, hosts: Hosts, chance: random.Random, tally: Tally, scaled: Callable[[int], int]
) -> None:
    """After each signal in each form nothing is left. A shell that lives on has its old state."""
    stages = stages_of(hosts.kind)
    interrupted = 0
    cases = [(form, name) for form in FORMS for name in SIGNALS] * scaled(1)
    chance.shuffle(cases)
    for form, name in cases:
        stage = chance.choice(stages)
        moment = Moment(stage, chance.uniform(0, LENGTHS_S[stage]))
        words = words_of_a_build(chance)
        story = f"{name}, {form}, {moment.delay_s:.3f} s after the begin of {stage}, build {words}"
        try:
            stage, said = run_script(yard, text_of(form, yard, hosts, words), SIGNALS[name], moment, chance)
            expect_none(yard, tally)
            expect_same_shell(yard, must_live=lives_on(form, SIGNALS[name]))
            assert name != "none" or FORMS[form][1] in said.splitlines(), said
            build_again(yard, hosts)
        except AssertionError as error:
            raise AssertionError(f"{story}: {error}") from error
        tally.count_build(name, stage)
        tally.count("scripts", form)
        interrupted += stage not in ("", OVER)
    assert interrupted > len(cases) / 2


def run_script(
    yard: Yard,
    text: str,
    strike_with: tuple[str, signal.Signals] | None,
    moment: Moment,
    chance: random.Random,
) -> tuple[str, str]:
    """Run a script and send it a signal; return the stage in which the signal came, and the output."""
    yard.forget()
    with subprocess.Popen(
        script(yard, "outer", text),
        env=yard.shell.environ,
        cwd=yard.shell.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            await_stage(lambda: OVER if process.poll() is not None else yard.stage(process.pid), moment.stage)
            pause(moment.delay_s)
            stage = OVER if process.poll() is not None else yard.stage(process.pid)
            if strike_with:
                strike(yard, process.pid, *strike_with, chance)
            said, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end: {yard.left()}") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    text = said.decode(errors="replace")
    assert "Traceback" not in text, text
    return (stage if strike_with else OVER), text


def lives_on(form: str, strike_with: tuple[str, signal.Signals] | None) -> bool:
    """Whether the script goes on to its end."""
    return strike_with is None or (strike_with[0] in ("sub-shell", "ours") and form != "set -e")


def expect_same_shell(yard: Yard, must_live: bool) -> None:
    """The shell has the same state before and after the build, if the script came so far."""
    before, after = (yard.state(token) for token in ("before", "after"))
    assert not must_live or (before and after), "the shell has not looked twice"
    assert not (before and after) or before == after, "\n".join(sorted(set(before) ^ set(after)))


def build_again(yard: Yard, hosts: Hosts) -> None:
    """The next build works."""
    text = f"DISTCC_AUTO_HOSTS={shlex.quote(hosts.easy)} distcc_build echo next"
    done = subprocess.run(
        script(yard, "again", text),
        env=yard.shell.environ,
        cwd=yard.shell.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("next -j "), done.stdout

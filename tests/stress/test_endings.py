"""Builds that end in every way there is, at every stage, at moments that chance chooses."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.ssh.conftest import behind
from tests.support import servers
from tests.support.ports import LOOPBACK, host_spec
from tests.support.servers import Server
from tests.support.shells import SHELLS, UserShell
from tests.support.traces import Traces

from .builds import OVER, STAGES, Yard, await_stage, pause, script
from .typist import Hosts, Moment, Typist, endings_in_a_terminal, expect_none

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.ssh.conftest import Keys
    from tests.support.distccd import Distccd
    from tests.support.sshd import Sshd, SshUser

    from .conftest import Tally
    from .typist import Ending

# About how long each stage lasts: the moment is somewhere in it.
LENGTHS_S = {"starting": 0.05, "connecting": 0.3, "prompting": 0.3, "building": 0.25, "closing": 0.03}


@pytest.fixture
def hosts(
    request: pytest.FixtureRequest, environ: dict[str, str], shared_distccd: Distccd
) -> Iterator[Hosts]:
    """By kind: over TCP, with one that never answers; behind ssh; behind an ssh that asks a question."""
    environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "1"
    if request.param == "tcp":
        environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.2"
        with Server(servers.hang) as silent:
            text = f"{shared_distccd.spec} {host_spec(LOOPBACK, silent.port, silent.port)}"
            yield Hosts(text, shared_distccd.spec, lambda: silent.connections)
        return
    ssh: SshUser = request.getfixturevalue("ssh")
    sshd: Sshd = request.getfixturevalue("shared_sshd")
    keys: Keys = request.getfixturevalue("keys")
    ssh.default(IdentityFile=str(keys.protected.private))
    easy, second = (
        behind(ssh.worker(name, sshd, IdentityFile=str(keys.user.private)), shared_distccd)
        for name in ("one", "two")
    )
    asking = behind(ssh.worker("asking", sshd), shared_distccd)
    traces = Traces(environ)
    text = f"{easy} {asking if request.param == 'asking' else second}"
    yield Hosts(text, easy, lambda: len(traces.sessions()))


@pytest.fixture
def yard(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    work: Path,
    hosts: Hosts,
    shared_distccd: Distccd,
) -> Yard:
    """The yard of a user of one of the shells, whose host list is the one of the build."""
    environ["DISTCC_AUTO_HOSTS"] = hosts.of_the_build
    return Yard(UserShell(request.param, environ, work), shared_distccd.job_port, hosts.connections)


def stages_of(kind: str) -> tuple[str, ...]:
    if kind == "asking":
        return ("prompting",)
    return tuple(stage for stage in STAGES if stage != "prompting")


def count(tally: Tally, ending: str, stage: str) -> None:
    """A run that came too late was no interruption."""
    tally.count("runs", "ended before that" if stage == OVER else "interrupted")
    tally.count("endings", ending)
    tally.count("stages", stage or OVER)


@pytest.mark.parametrize("yard", SHELLS, indirect=True)
@pytest.mark.parametrize("hosts", ["tcp", "ssh", "asking"], indirect=True)
def test_builds_in_a_terminal(
    yard: Yard,
    hosts: Hosts,
    chance: random.Random,
    tally: Tally,
    scaled: Callable[[int], int],
    request: pytest.FixtureRequest,
) -> None:
    """Each ending at each stage: the shell is as it was, nothing is left, and the next build works."""
    kind = request.node.callspec.params["hosts"]
    cases = [
        (name, stage) for stage in stages_of(kind) for name in endings_in_a_terminal(kind, stage)
    ] * scaled(1)
    chance.shuffle(cases)
    with contextlib.closing(Typist(yard, hosts, chance, tally)) as typist:
        for name, stage in cases:
            moment = Moment(stage, chance.uniform(0, LENGTHS_S[stage]))
            end_one(typist, kind, name, endings_in_a_terminal(kind, stage)[name], moment)
        typist.session.leave()
        expect_none(yard, tally)


def words_of_a_build(chance: random.Random) -> str:
    """Its status, and now and then that it is one with make and distcc."""
    return chance.choice(("0", "0", "0 make"))


def end_one(typist: Typist, kind: str, name: str, end: Ending, moment: Moment) -> None:
    # A longer one has a report at its end, and over TCP nothing else that could be interrupted there.
    is_long = moment.stage == "closing" and kind == "tcp"
    command = "0 long" if is_long else words_of_a_build(typist.chance)
    story = f"{name} {moment.delay_s:.3f} s after the begin of {moment.stage}, build {command}"
    try:
        typist.start(command, " &" if name.startswith("background") else "")
        stage = end(typist, moment)
        typist.expect_nothing_left()
        typist.build_again()
    except AssertionError as error:
        raise AssertionError(f"{story}: {error}") from error
    count(typist.tally, name, stage)


# In a script

# {build} is a build command, {look} a look at the shell, {inner} a script that builds, too.
FORMS = {
    "a script": "{look} before\n{begin}\ndistcc_build {build}\necho status:$?\n{look} after",
    "set -e": "set -e\n{begin}\ndistcc_build {build}\n{look} after",
    "$(...)": '{begin}\nx=$(distcc_build {build}; echo inner)\necho "<$x>"',
    "a pipe": "{begin}\ndistcc_build {talk} | head -n 1",
    "a background job": "{begin}\ndistcc_build {build} &\nwait $!\necho status:$?",
    "a build in a build": "{begin}\ndistcc_build {inner}\necho status:$?",
    "ten at once": "{begin}\nfor i in 1 2 3 4 5 6 7 8 9 10; do distcc_build {build} & done\nwait",
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
    return FORMS[form].format(
        begin=f": >| {yard.begun}",
        look=yard.look("")[:-1],
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
    yard: Yard,
    hosts: Hosts,
    chance: random.Random,
    tally: Tally,
    scaled: Callable[[int], int],
    request: pytest.FixtureRequest,
) -> None:
    """Each form of a build with each signal: nothing is left, and the shell is as it was if it lives."""
    stages = stages_of(request.node.callspec.params["hosts"])
    cases = [(form, name) for form in FORMS for name in SIGNALS] * scaled(1)
    chance.shuffle(cases)
    for form, name in cases:
        stage = chance.choice(stages)
        moment = Moment(stage, chance.uniform(0, LENGTHS_S[stage]))
        words = words_of_a_build(chance)
        story = f"{name}, {form}, {moment.delay_s:.3f} s after the begin of {stage}, build {words}"
        try:
            seen = run_script(yard, text_of(form, yard, hosts, words), SIGNALS[name], moment, chance)
            expect_none(yard, tally)
            expect_same_shell(yard)
        except AssertionError as error:
            raise AssertionError(f"{story}: {error}") from error
        count(tally, name, seen)
        tally.count("scripts", form)


def run_script(
    yard: Yard,
    text: str,
    strike_with: tuple[str, signal.Signals] | None,
    moment: Moment,
    chance: random.Random,
) -> str:
    """Run a script that gets a signal; the stage that it was in then."""
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
    assert b"Traceback" not in said, said.decode(errors="replace")
    return stage if strike_with else OVER


def expect_same_shell(yard: Yard) -> None:
    """As far as the script came."""
    before, after = (yard.state(token) for token in ("before", "after"))
    assert not (before and after) or before == after, "\n".join(sorted(set(before) ^ set(after)))

"""Ends builds in a terminal in every way, and checks that the shell has its old state afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tests.support.processes import descendants, wait_until

from .builds import Session, Yard, await_stage, pause

if TYPE_CHECKING:
    import random

    from .conftest import Tally

CTRL_C, CTRL_BACKSLASH, CTRL_Z = "\x03", "\x1c", "\x1a"
BEFORE_THE_BUILD = ("connecting", "prompting")


class Moment(NamedTuple):
    """The moment of an interruption: `delay_s` after the beginning of a stage."""

    stage: str
    delay_s: float


class Hosts(NamedTuple):
    """The host list of a build, with its kind; a list without questions; and a counter of connections."""

    kind: str
    of_the_build: str
    easy: str
    connections: Callable[[], int]


def expect_none(yard: Yard, tally: Tally, *expected: int) -> None:
    """Wait until a build has left nothing but the expected processes. Count left-overs before failing."""
    try:
        wait_until(lambda: not yard.left(*expected), "nothing is left")
    except AssertionError:
        left = yard.left(*expected)
        tally.left += left
        raise AssertionError(f"left: {left}") from None


class Typist:
    """Ends builds from the keyboard or by signals, and checks the state of the shell afterwards."""

    def __init__(self, yard: Yard, hosts: Hosts, chance: random.Random, tally: Tally) -> None:
        self.yard = yard
        self.hosts = hosts
        self.chance = chance
        self.tally = tally
        self.session = Session(yard)
        self._is_closed = False

    def close(self) -> None:
        """Close the terminal, if it is open."""
        if not self._is_closed:
            self._is_closed = True
            self.session.__exit__(None, None, None)

    def start(self, arguments: str, background: str = "") -> None:
        self.yard.forget()
        self.yard.begun.touch()
        self.session.send(f"distcc_build {self.yard.build} {arguments}{background}\r")

    def reach(self, moment: Moment, background: bool = False) -> str:
        """Wait for the moment; return the stage in which the build is then."""
        await_stage(lambda: self.session.stage(background), moment.stage)
        pause(moment.delay_s)
        return self.session.stage(background)

    def hit(self, pids: list[int], number: signal.Signals) -> None:
        """Send a signal to a random one of these processes, if there are any."""
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(pids), number)

    def hit_job(self, number: signal.Signals) -> None:
        if group := self.session.job():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, number)

    def expect_status(self, *expected: int) -> None:
        """The status is one of these, or 0 if the build has ended by itself."""
        status = self.session.status()
        is_expected = status in expected or (status == 0 and self.yard.is_built())
        assert is_expected, f"status {status}: {self.session.shown[-1000:]!r}"

    def expect_nothing_left(self) -> None:
        expect_none(self.yard, self.tally, self.session.pid)
        fresh, now = self.session.fresh, self.session.look()
        assert now == fresh, "\n".join(sorted(set(now) ^ set(fresh)))

    def build_again(self) -> None:
        """Check that the next build works."""
        words = f"DISTCC_AUTO_HOSTS={self.hosts.easy!r} distcc_build echo next$((40 + 2))"
        self.session.send(f"{words}\r")
        self.session.expect("next42 -j ")
        assert self.session.status() == 0

    def restart(self) -> None:
        self.close()
        expect_none(self.yard, self.tally)
        self.session = Session(self.yard)
        self._is_closed = False

    # The endings. Each returns the stage in which it came.

    def ctrl_c(self, moment: Moment) -> str:
        return self._key(moment, CTRL_C, 130)

    def ctrl_c_twice(self, moment: Moment) -> str:
        stage = self.reach(moment)
        self.session.send(CTRL_C)
        pause(self.chance.uniform(0, 0.1))
        self.session.send(CTRL_C)
        self.expect_status(130)
        return stage

    def ctrl_backslash(self, moment: Moment) -> str:
        return self._key(moment, CTRL_BACKSLASH, 131)

    def _key(self, moment: Moment, key: str, status: int) -> str:
        stage = self.reach(moment)
        self.session.send(key)
        self.expect_status(status)
        return stage

    def term(self, moment: Moment) -> str:
        return self._job_signal(moment, signal.SIGTERM)

    def hup(self, moment: Moment) -> str:
        return self._job_signal(moment, signal.SIGHUP)

    def _job_signal(self, moment: Moment, number: signal.Signals) -> str:
        stage = self.reach(moment)
        self.hit_job(number)
        self.expect_status(128 + number)
        return stage

    def kill_of_the_shell(self, moment: Moment) -> str:
        stage = self.reach(moment)
        os.kill(self.session.pid, signal.SIGKILL)
        self.session.wait()
        self.restart()
        return stage

    def closed_terminal(self, moment: Moment) -> str:
        stage = self.reach(moment)
        self.restart()
        return stage

    def kill_of_a_sub_shell(self, moment: Moment) -> str:
        shells = lambda: [pid for pid in self.yard.traces.shells() if pid != self.session.pid]  # noqa: E731
        return self._kill(moment, shells, 96, 137)

    def kill_of_the_plan(self, moment: Moment) -> str:
        return self._kill(moment, self.yard.traces.plans, 96)

    def kill_of_the_guard(self, moment: Moment) -> str:
        return self._kill(moment, self.yard.traces.guards)

    def kill_of_an_ssh(self, moment: Moment) -> str:
        return self._kill(moment, self.yard.traces.masters)

    def _kill(self, moment: Moment, victims: Callable[[], list[int]], *statuses: int) -> str:
        stage = self.reach(moment)
        self.hit(victims(), signal.SIGKILL)
        if stage == "prompting":  # no person will answer the question
            self.session.send(CTRL_C)
        self.expect_status(130, *statuses)
        return stage

    def ctrl_z_and_fg(self, moment: Moment) -> str:
        stage = self.reach(moment)
        self.session.send(CTRL_Z)
        self.session.status()
        self.session.send("fg\r")
        if stage == "prompting":  # no person will answer the question
            wait_until(self.session.job, "the build is in the foreground again")
            self.session.send(CTRL_C)
        self.session.status()
        return stage

    def ctrl_z_and_kill(self, moment: Moment) -> str:
        stage = self.reach(moment)
        self.session.send(CTRL_Z)
        self.session.status()
        self._kill_job()
        return stage

    def ctrl_z_and_exit(self, moment: Moment) -> str:
        stage = self.reach(moment)
        self.session.send(CTRL_Z)
        self.session.status()
        self.session.leave()
        self.restart()
        return stage

    def in_the_background(self, moment: Moment) -> str:
        self.session.status()
        stage = self.reach(moment, background=True)
        self._kill_job()
        return stage

    def _kill_job(self) -> None:
        """Kill the job by its number, and wait until the shell has noticed that."""
        self.session.send("kill %1\r")
        self.session.status()
        expect_none(self.yard, self.tally, self.session.pid)
        # Before bash notices the end, it takes the job for stopped, and `wait` does not wait for stopped
        # jobs.
        wait_until(lambda: not descendants(self.session.pid), "the shell has noticed the end of its job")
        self.session.send("wait\r")
        self.session.status()


Ending = Callable[[Typist, Moment], str]
ALL_KINDS: dict[str, Ending] = {
    "Ctrl-C": Typist.ctrl_c,
    "Ctrl-C twice": Typist.ctrl_c_twice,
    "Ctrl-\\": Typist.ctrl_backslash,
    "TERM": Typist.term,
    "HUP": Typist.hup,
    "KILL of the shell": Typist.kill_of_the_shell,
    "KILL of a sub-shell": Typist.kill_of_a_sub_shell,
    "terminal closed": Typist.closed_terminal,
    "Ctrl-Z, fg": Typist.ctrl_z_and_fg,
    "Ctrl-Z, kill %1": Typist.ctrl_z_and_kill,
    "Ctrl-Z, exit": Typist.ctrl_z_and_exit,
    "background, kill %1": Typist.in_the_background,
}
PLAN_ONLY: dict[str, Ending] = {"KILL of plan": Typist.kill_of_the_plan}
SSH_ONLY: dict[str, Ending] = {
    "KILL of the guard": Typist.kill_of_the_guard,
    "KILL of an ssh": Typist.kill_of_an_ssh,
}


def endings_in_a_terminal(kind: str, stage: str) -> dict[str, Ending]:
    endings = dict(ALL_KINDS)
    if stage in BEFORE_THE_BUILD:
        endings |= PLAN_ONLY
    if kind != "tcp" and stage != "starting":
        endings |= SSH_ONLY
    if stage == "prompting":
        del endings["background, kill %1"]  # a job in the background cannot ask at the terminal
    return endings

"""A user's shell whose builds are interrupted, and its state before, during and after a build."""

from __future__ import annotations

import os
import re
import select
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.test_sourcing import STATE, stable
from tests.support.processes import arguments_of, has_in_environment, is_alive, pids
from tests.support.shells import write_c_project
from tests.support.terminal import Terminal
from tests.support.traces import Traces

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.support.shells import UserShell

STAGES = ("starting", "connecting", "prompting", "building", "closing")
OVER = "over"
# About how long each stage lasts. The interruption comes at a random moment of it.
LENGTHS_S = {"starting": 0.05, "connecting": 0.3, "prompting": 0.3, "building": 0.25, "closing": 0.03}

_PROMPT = "]READY> "
_START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
_PS1 = {"bash": r"[$?]READY> ", "zsh": "[%?]READY> "}
_SECOND_TRY_S = 5.0
_DEADLINE_S = 60.0
_PAUSE_S = 0.001
# Settings that a user may have. All of them must be the same after every build.
_BELONGINGS = (
    "trap 'echo mine' USR1\ntrap 'echo bye' EXIT\nmine() { echo yours; }\nalias ours='echo theirs'\n"
    "text='a  b'\nexport CDPATH=/ OTHER=$'two\\nlines'\numask 027\n"
)
_OPTIONS = {
    "bash": "set -o noclobber; shopt -s nullglob\n",
    "zsh": "setopt no_clobber null_glob no_bg_nice; zmodload zsh/parameter\n",
}
# Variables that a terminal, a key or the end of a job changes, even without distcc_build.
_CHANGES = re.compile(
    r"(typeset|declare)[^=]* (COLUMNS|LINES|ZLE_LINE_ABORTED|dirstack|job\w+|history\w*|OLDPWD|1|argv)(=|$)"
)


class Yard:
    """A user's directory with a build command, files that show its stage, and the shell's state."""

    def __init__(self, shell: UserShell, worker_port: int, connections: Callable[[], int]) -> None:
        """`worker_port` is the port of a worker over TCP, for which distcc may keep its lock files.

        `connections` counts how often the builds have begun to connect.
        """
        self.shell = shell
        self._connections = connections
        self._connections_before = 0
        self._worker_port = worker_port
        self.traces = Traces(shell.environ)
        self._mark = os.fsencode(f"HOME={shell.environ['HOME']}")
        self._place = shell.cwd.parent / "yard"
        (self._place / "tmp").mkdir(parents=True)
        project = write_c_project(self._place / "project", files=4)
        self.begun = self._place / "begun"
        self._building, self._built = self._place / "building", self._place / "built"
        self.talk = self._script("talk", f"{self._place}/build 0\nwhile echo word; do :; done")
        self.build = self._script(
            "build",
            f": > {self._building}\n"
            f"export TMPDIR={self._place}/tmp\n"  # for files of killed compilers, which are not ours
            f"case $2 in\n    long) sleep 2.1 ;;\n"
            f'    make) make -s -B -C {project} -j 4 CC="distcc gcc" ;;\n'
            "    *) sleep 0.2 ;;\nesac\n"
            f': > {self._built}\nexit "$1"',
        )
        (self._place / "look").write_text(
            f"{{ stty -a; {STATE[shell.name].replace('hash; ', '')} }} >| {self._place}/part 2>&1\n"
            f"command mv {self._place}/part {self._place}/state.$1\necho looked=$1\n"  # appears whole
        )
        self.belongings = self._place / "belongings"
        self.belongings.write_text(_BELONGINGS + _OPTIONS[shell.name])

    def _script(self, name: str, text: str) -> str:
        path = self._place / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return shlex.quote(str(path))

    def look(self, token: str) -> str:
        """A line for a shell: it writes the state of the shell into a file."""
        return f". {self._place}/look {token}"

    def state(self, token: str) -> list[str]:
        """The state that the line of `look` has written, without variables that change by themselves.

        Empty if that line has not run.
        """
        path = self._place / f"state.{token}"
        if not path.exists():
            return []
        text = path.read_text(errors="replace")
        path.unlink()
        return [line for line in stable(text) if not _CHANGES.match(line)]

    def forget(self) -> None:
        """Remove the files that show the stage of an earlier build."""
        for mark in (self.begun, self._building, self._built):
            mark.unlink(missing_ok=True)
        self._connections_before = self._connections()

    def is_built(self) -> bool:
        """Whether the build command has ended by itself."""
        return self._built.exists()

    def stage(self, shell_pid: int, said: str = "") -> str:
        """The stage of the build, "" before it begins. `said` is the text that it has shown so far."""
        if not self.begun.exists():
            return ""
        words = [word for arguments in self.traces.processes().values() for word in arguments]
        if self.is_built() or "release" in words or "report" in words:
            return "closing" if self.strays(shell_pid) else OVER
        if self._building.exists():
            return "building"
        if "ssh has a question" in said:
            return "prompting"
        if self.traces.plans() and self._connections() > self._connections_before:
            return "connecting"
        return "starting" if self.strays(shell_pid) else ""

    def strays(self, *expected: int) -> list[int]:
        """All processes of this user but the expected ones."""
        return [
            pid
            for pid in pids()
            if pid not in expected and is_alive(pid) and has_in_environment(pid, self._mark)
        ]

    def left(self, *expected: int) -> list[str]:
        """All processes and files that a build should not leave, as lines for people to read."""
        strays = [f"{pid}: {' '.join(arguments_of(pid))}" for pid in self.strays(*expected)]
        temporary = os.listdir(self.shell.environ["TMPDIR"])
        slots = [name for name in self.traces.slot_files() if f"_{self._worker_port}_" not in name]
        return [*strays, *temporary, *slots]


class Session(Terminal):
    """An interactive shell of a yard's user. It is at its prompt when the constructor returns."""

    def __init__(self, yard: Yard) -> None:
        name = yard.shell.name
        super().__init__(_START[name], {**yard.shell.environ, "PS1": _PS1[name]}, yard.shell.cwd)
        self._yard = yard
        self._looks = 0
        self.status()
        for line in (yard.shell.sourcing, f". {yard.belongings}"):
            self.send(f"{line}\r")
            self.status()
        self.look()  # after its first command in a terminal the shell sets variables about it
        self.fresh = self.look()

    def status(self) -> int:
        """Wait for the next prompt, which shows the status of the last command; return the status."""
        return int(self.expect(_PROMPT).rpartition("[")[2])

    def look(self) -> list[str]:
        """The state of the shell. An earlier key may still discard the typed line: then type it again."""
        for _ in range(10):
            self._looks += 1
            self.send(f"{self._yard.look(str(self._looks))}\r")
            if self.shows(f"looked={self._looks}\r\n", _SECOND_TRY_S):
                self.expect(f"looked={self._looks}\r\n")
                self.status()
                return self._yard.state(str(self._looks))
        raise AssertionError(f"the shell reads no more: {self.shown[-1000:]!r}")

    def shows(self, text: str, patience_s: float) -> bool:
        """Whether `text` appears in the unread output within some seconds."""
        deadline = time.monotonic() + patience_s
        while text not in self.unread:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([self._master], [], [], left_s)[0] or not self._receive():
                return text in self.unread
        return True

    @property
    def unread(self) -> str:
        return self.shown[self._read :]

    def stage(self, background: bool = False) -> str:
        """The stage of the build. A prompt means that it is over, unless it runs in the background."""
        while select.select([self._master], [], [], 0)[0] and self._receive():
            pass
        if _PROMPT in self.unread and not background:
            return OVER
        return self._yard.stage(self.pid, self.unread)

    def job(self) -> int:
        """The process group in the foreground, or 0 if the shell is in the foreground."""
        group = os.tcgetpgrp(self._master)
        return 0 if group == self.pid else group

    def leave(self) -> None:
        """Type exit until the shell has ended. A shell with stopped jobs warns the first time."""
        for _ in range(5):
            self.send("exit\r")
            if self._is_over():
                return
        raise AssertionError(f"the shell does not end: {self.shown[-1000:]!r}")

    def _is_over(self) -> bool:
        """True if the shell has ended, false if it shows another prompt."""
        self._read = len(self.shown)
        while _PROMPT not in self.unread:
            ready = select.select([self._master], [], [], 60)[0]
            assert ready, f"neither an end nor a prompt: {self.shown[-1000:]!r}"
            if not self._receive():
                self._process.wait(60)
                return True
        return False


def await_stage(stage: Callable[[], str], wanted: str) -> None:
    """Return when a build is in the stage `wanted` or in a later one."""
    order = ("", *STAGES, OVER)
    deadline = time.monotonic() + _DEADLINE_S
    while order.index(stage()) < order.index(wanted):
        assert time.monotonic() < deadline, f"the build is never {wanted}"
        time.sleep(_PAUSE_S)


def pause(seconds: float) -> None:
    """Sleep until a random moment. This does not wait for any condition."""
    time.sleep(seconds)


def script(yard: Yard, name: str, text: str) -> list[str]:
    """The argument list of a script that first sources the shim and sets the user's settings."""
    path = Path(yard.shell.environ["HOME"]) / name
    path.write_text(f"{yard.shell.sourcing}\n. {yard.belongings}\n{text}\n")
    return [*_START[yard.shell.name][:-1], str(path)]


def stages_of(kind: str) -> tuple[str, ...]:
    if kind == "asking":
        return ("prompting",)
    return tuple(stage for stage in STAGES if stage != "prompting")


def words_of_a_build(chance: random.Random) -> str:
    """Arguments of the build command: its status, and sometimes `make`, for a build with make and distcc."""
    return chance.choice(("0", "0", "0 make"))

"""Runs trial compilations: each worker compiles one line with each compiler, without fallback."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import deque
from typing import TYPE_CHECKING

from ...core.balance import Share
from ...machine.children import end_posix_session
from ...machine.compilers import bare_path
from .clientlog import (
    added_target,
    compile_ms,
    connect_failure,
    error_line,
    first_error,
    has_hung_up,
    missing_compiler,
    sent_compiler,
)
from .objectfile import parse_object
from .trial import Trial, TrialOutcome
from .trialenviron import inherited
from .trialrun import TrialRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...core.facts import Worker
    from ...machine.children import Interrupts
    from ...machine.compilers import Command

DEADLINE_S = 15

_AT_ONCE = 64
_SPARE_S = 5
_HOPELESS = (TrialOutcome.HUNG, TrialOutcome.UNREACHABLE)


def deadline_s(environ: Mapping[str, str]) -> int:
    """How long a worker may take for a compilation: distcc's DISTCC_IO_TIMEOUT, or 15 s if it is not set."""
    text = environ.get("DISTCC_IO_TIMEOUT", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return (int(text) if is_number else 0) or DEADLINE_S


class TrialRunner:
    """Runs trials in a temporary directory, which is removed after the last of them.

    All methods raise `SignalError`, after all processes have ended and all files are removed.
    """

    def __init__(self, environ: Mapping[str, str], interrupts: Interrupts) -> None:
        self._user_environ = environ
        self._interrupts = interrupts
        self._distcc = shutil.which("distcc", path=environ.get("PATH")) or "distcc"
        self._deadline_s = deadline_s(environ)

    def try_here(self, commands: Sequence[Command]) -> list[Trial]:
        """Compile once with each compiler on this machine, without distcc."""
        return self._run_all([[(None, command)] for command in commands], lambda: None)

    def try_workers(
        self, workers: Sequence[Worker], commands: Sequence[Command], done: Callable[[], None]
    ) -> list[Trial]:
        """Compile once with each compiler on each worker, on all workers at the same time.

        A worker has one compilation at a time. A worker that hangs or cannot be reached gets no further
        compilation. `done` is called when a worker has no compilation left. Trials come in the order of the
        workers.
        """
        return self._run_all([[(worker, command) for command in commands] for worker in workers], done)

    def pause(self, seconds: float) -> None:
        """Wait; a signal ends the wait."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._interrupts.sleep()

    def try_each(self, pairs: Sequence[tuple[Worker | None, Command]]) -> list[Trial]:
        """Compile once for each pair of worker and command; trials come in the order of the pairs."""
        return self._run_all([[pair] for pair in pairs], lambda: None)

    def _run_all(
        self, queues: Sequence[Sequence[tuple[Worker | None, Command]]], done: Callable[[], None]
    ) -> list[Trial]:
        with tempfile.TemporaryDirectory(prefix="distcc-driver-doctor.") as base:
            running: dict[int, TrialRun] = {}
            try:
                return self._drive([deque(queue) for queue in queues], running, base, done)
            finally:
                for run in running.values():
                    if run.process is not None:
                        end_posix_session(run.process)

    def _drive(
        self,
        queues: Sequence[deque[tuple[Worker | None, Command]]],
        running: dict[int, TrialRun],
        base: str,
        done: Callable[[], None],
    ) -> list[Trial]:
        """Run the first command of up to `_AT_ONCE` queues at a time, until all queues are empty."""
        trials: list[list[Trial]] = [[] for _ in queues]
        waiting = deque(index for index, queue in enumerate(queues) if queue)
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                index = waiting.popleft()
                running[index] = self._start(*queues[index].popleft(), base)
            self._interrupts.sleep()
            for index in [index for index, run in running.items() if run.has_ended(self._deadline_s)]:
                trials[index].append(_finish(running.pop(index)))
                if trials[index][-1].outcome in _HOPELESS:
                    queues[index].clear()
                if queues[index]:
                    waiting.appendleft(index)
                else:
                    done()
        return [trial for queue in trials for trial in queue]

    def _start(self, worker: Worker | None, command: Command, base: str) -> TrialRun:
        run = TrialRun(worker, command, tempfile.mkdtemp(dir=base))
        words = [*command.compiler, "-c", run.source, "-o", "trial.o"]
        if worker is not None:
            words.insert(0, self._distcc)
        else:
            words[0] = shutil.which(words[0], path=self._search_path(command)) or words[0]
        run.start(words, self._environ(run))
        return run

    def _search_path(self, command: Command) -> str:
        environ = command.changes.applied(self._user_environ)
        return bare_path(environ.get("PATH", os.defpath), command.compiler[0])

    def _environ(self, run: TrialRun) -> dict[str, str]:
        """The environment of the build, but all files are in our directory, and distcc never falls back."""
        environ = inherited(run.command.changes.applied(self._user_environ))
        environ |= {
            "PATH": self._search_path(run.command),
            "LC_ALL": "C",
            "TMPDIR": run.directory,
            "DISTCC_DIR": run.state,
            "DISTCC_FALLBACK": "0",
            "DISTCC_SKIP_LOCAL_RETRY": "1",
            "DISTCC_VERBOSE": "1",
            "DISTCC_LOG": os.path.join(run.directory, "log"),
            # Our own deadline comes first. If this process is killed, this time-out ends the client.
            "DISTCC_IO_TIMEOUT": str(self._deadline_s + _SPARE_S),
        }
        if run.worker is not None:
            environ["DISTCC_HOSTS"] = Share(run.worker, run.worker.stats.slots).entry
        return environ


def _finish(run: TrialRun) -> Trial:
    """The trial of a run that has ended; removes its files."""
    trial = _judge(run)
    shutil.rmtree(run.directory, ignore_errors=True)  # the base directory is removed later
    return trial


def _judge(run: TrialRun) -> Trial:
    """The trial of a run, from its exit code, its files and distcc's log."""
    log = run.text("log")
    output = run.text("output")
    status = run.process.returncode if run.process is not None else 1
    outcome, message = _outcome(run, status, log, output)
    is_made = outcome is TrialOutcome.COMPILED
    return Trial(
        run.worker,
        run.command,
        outcome,
        sent_compiler(log) or run.command.compiler[0],
        _elapsed_ms(run, log) if is_made else None,
        parse_object(run.data("trial.o")) if is_made else None,
        message,
        added_target(log),
    )


def _outcome(run: TrialRun, status: int, log: str, output: str) -> tuple[TrialOutcome, str]:
    if run.is_late:
        return TrialOutcome.HUNG, ""
    if status == 0:
        is_here = run.worker is not None and not sent_compiler(log)
        return (TrialOutcome.NOT_SENT, first_error(log)) if is_here else (TrialOutcome.COMPILED, "")
    if missing := missing_compiler(output):
        return TrialOutcome.MISSING, missing
    if failure := connect_failure(log):
        return TrialOutcome.UNREACHABLE, failure
    if has_hung_up(log):
        return TrialOutcome.HUNG_UP, ""
    return TrialOutcome.FAILED, error_line(output) or first_error(log) or f"exit code {status}"


def _elapsed_ms(run: TrialRun, log: str) -> float:
    """The time that distcc's client measured, else the time from start to end of the process."""
    measured_ms = compile_ms(log)
    return (run.ended_s - run.started_s) * 1000 if measured_ms is None else measured_ms

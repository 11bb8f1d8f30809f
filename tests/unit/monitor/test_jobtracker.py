"""What is made of clients from look to look: their steps, their ages, and how their jobs have ended."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from distcc_driver.monitor.hostlist import Entry, parse_host_list
from distcc_driver.monitor.jobtracker import Held, JobTracker, Sight
from distcc_driver.monitor.picture import Step
from distcc_driver.monitor.staterecords import Phase, StateRecord

A, B = parse_host_list("a b").entries
NOW = 1_000_000.0
GONE = 2**22 + 1  # more than Linux numbers processes


def sight(
    at: Entry | None = A,
    phase: Phase | None = Phase.COMPILE,
    *,
    local: bool = False,
    changed: float = NOW,
    started: float = NOW,
) -> Sight:
    """A client with a slot of a worker, or with one of this machine only."""
    record = None if phase is None else StateRecord(1, "a.c", "a", 0, phase, changed)
    return Sight(Held(at, 3, local), record, started)


def step_of(tracker: JobTracker, now: float = NOW) -> Step:
    remote, local = tracker.jobs(now)
    (job,) = [job for jobs in (*remote.values(), local) for job in jobs]
    return job.step


@pytest.fixture
def tracker() -> JobTracker:
    return JobTracker()


@contextlib.contextmanager
def process(*, with_socket: bool) -> Iterator[int]:
    """Another process, with a socket of its own or with one as its standard input."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-ISc", "import sys; sys.stdin.read()"]
    own = [theirs.fileno()] if with_socket else []
    with ours, theirs, subprocess.Popen(command, stdin=theirs.fileno(), pass_fds=own) as started:
        yield started.pid
        started.kill()


@pytest.mark.parametrize(
    ("phase", "local", "step"),
    [
        (Phase.STARTUP, False, Step.QUEUED),
        (None, True, Step.PREPROCESSING),
        (Phase.CONNECT, True, Step.PREPROCESSING),
        (Phase.CONNECT, False, Step.CONNECTING),
        (Phase.PREPROCESS, False, Step.SENDING),
        (Phase.SEND, False, Step.SENDING),
        (Phase.COMPILE, False, Step.COMPILING),
        (Phase.RECEIVE, False, Step.RECEIVING),
        (Phase.DONE, False, Step.RECEIVING),
        (None, False, Step.QUEUED),
    ],
)
def test_step_of_a_client(phase: Phase | None, local: bool, step: Step, tracker: JobTracker) -> None:
    tracker.look({os.getpid(): sight(phase=phase, local=local)}, NOW)
    assert step_of(tracker) is step


@pytest.mark.parametrize(("with_socket", "step"), [(True, Step.COMPILING), (False, Step.QUEUED)])
def test_an_old_client_without_a_record_compiles_if_it_is_connected(
    with_socket: bool, step: Step, tracker: JobTracker
) -> None:
    """A distccmon has removed the record; or the client waits for that long already."""
    with process(with_socket=with_socket) as pid:
        tracker.look({pid: sight(phase=None, started=NOW - 61)}, NOW)
    assert step_of(tracker) is step


def test_a_record_that_an_earlier_client_has_left_is_none(tracker: JobTracker) -> None:
    tracker.look({os.getpid(): sight(changed=NOW - 50, started=NOW)}, NOW)
    assert step_of(tracker) is Step.QUEUED


def test_age_counts_from_the_first_sight(tracker: JobTracker) -> None:
    tracker.look({1: sight(changed=NOW - 9, started=NOW - 20)}, NOW)
    tracker.look({1: sight(changed=NOW - 9, started=NOW - 20), 2: sight(B, changed=NOW)}, NOW + 5)
    remote, _ = tracker.jobs(NOW + 6)
    assert {job.pid: job.age_s for jobs in remote.values() for job in jobs} == {1: 15, 2: 1}


def test_a_job_that_ends_is_done(tracker: JobTracker) -> None:
    for second in range(4):
        tracker.look({GONE + second: sight()}, NOW + second)
    assert (tracker.score(A.key).done, tracker.score(A.key).failed) == (3, 0)
    assert tracker.rate_per_s(A.key, NOW + 3) == 1.0
    assert tracker.rate_per_s(B.key, NOW + 3) == 0.0
    assert tracker.rate_per_s(A.key, NOW + 60) == 0.0


@pytest.mark.parametrize("is_between", [False, True])
def test_a_client_that_goes_elsewhere_was_failed_by_the_worker(is_between: bool, tracker: JobTracker) -> None:
    """It may be without a slot for a moment, and has not ended then."""
    pid = os.getpid()
    tracker.look({pid: sight(phase=Phase.CONNECT)}, NOW)
    if is_between:
        tracker.look({}, NOW + 1)
    tracker.look({pid: sight(B)}, NOW + 2)
    score = tracker.score(A.key)
    assert (score.done, score.failed, score.why) == (0, 1, "a.c failed there, last seen connecting")
    assert tracker.repeated == 0
    tracker.look({pid: sight(None, local=True)}, NOW + 3)
    assert (tracker.score(B.key).failed, tracker.repeated) == (1, 1)
    assert step_of(tracker) is Step.COMPILING


def test_a_client_that_only_works_here_has_failed_nowhere(tracker: JobTracker) -> None:
    tracker.look({GONE: sight(None, local=True)}, NOW)
    tracker.look({}, NOW + 1)
    assert (tracker.scores, tracker.repeated) == ({}, 0)

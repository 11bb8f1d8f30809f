"""Broken or hostile workers: the build begins without them, and names them without control characters."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support import servers
from tests.support.commands import driver_command
from tests.support.hostile import (
    JOB_FAULTS,
    JOB_QUIRKS,
    SLOTS,
    STATS_FAULTS,
    STATS_QUIRKS,
    TERMINAL_TEXT,
    Behaviour,
    Worker,
    compiler_saying,
    http,
)
from tests.support.hostlist import workers_of
from tests.support.planned import Planned, planned
from tests.support.ports import LOOPBACK, host_spec
from tests.support.servers import Server, saying
from tests.support.shells import MASQUERADE, write_c_project
from tests.support.terminal import Terminal
from tests.unit.samples import REPLY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder, UserShell

PEAK_MIB = 40
CONNECT_TIMEOUT_S = 0.3
# The control sequences that rich sends for colours, and to wipe its progress display.
OF_OUR_OWN = re.compile(r"\x1b\[(\d+;)*\d*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r")
FINE = Behaviour("fine", saying(REPLY))
SILENT = Behaviour("silent", servers.hang)


def name_of(behaviour: Behaviour) -> str:
    return behaviour.name


@pytest.fixture
def hostile_environ(environ: dict[str, str], canary: Path) -> dict[str, str]:
    """A user's environment with a short timeout for workers."""
    return {
        **environ,
        "PATH": f"{canary.parent}:{environ['PATH']}",
        "DISTCC_AUTO_CONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
        "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS": "0",
        "DISTCC_AUTO_COMPILER_MEMORY": "1",
    }


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A program called `canary`. Texts of hostile workers name it, and it must never run."""
    program = tmp_path / "bin" / "canary"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n: >'{tmp_path}/canary has run'\n")
    program.chmod(0o755)
    yield program
    assert not (tmp_path / "canary has run").exists()


def plan(environ: dict[str, str], hosts: Sequence[str]) -> Planned:
    """Make a plan over `hosts`, and check that it took little memory."""
    result = planned({**environ, "DISTCC_AUTO_HOSTS": " ".join(hosts)})
    assert result.status == 0, result.shown
    assert result.peak_mib < PEAK_MIB
    return result


def hosts_of(result: Planned) -> str:
    """The workers in the DISTCC_HOSTS of the text for the shell."""
    found = re.findall(rb"DISTCC_HOSTS='([^']*)'", result.text)
    assert len(found) == 1, result.text
    return workers_of(found[0].decode())


def assert_left_out(environ: dict[str, str], worker: Worker, other: Distccd, cause: str) -> None:
    """The plan uses only the other worker, and one line names the host and the cause."""
    result = plan(environ, [worker.spec, other.spec])
    assert hosts_of(result) == other.distcc_host
    about, summary = result.lines
    assert about.startswith(f"distcc-driver: {worker.spec}: ")
    assert cause in about
    assert "; " in about
    assert len(about) < 250
    assert summary == f"distcc-driver: -j 5 = 5 remote ({other.spec}: 5)"
    if cause == "timed out after":
        assert f"timed out after {2 * CONNECT_TIMEOUT_S:g} s" in about


@pytest.mark.parametrize("fault", STATS_FAULTS, ids=name_of)
def test_a_stats_port_that_misbehaves(
    fault: Behaviour, hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with Worker(fault.answer, SILENT.answer, job_acts=False) as worker:
        assert_left_out(hostile_environ, worker, shared_distccd, fault.cause)
        assert worker.stats.connections == 1, "asked once, never in a loop"


@pytest.mark.parametrize("fault", JOB_FAULTS, ids=name_of)
def test_a_job_port_that_misbehaves(
    fault: Behaviour, hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with Worker(FINE.answer, fault.answer) as worker:
        assert_left_out(hostile_environ, worker, shared_distccd, fault.cause)


def assert_used(environ: dict[str, str], worker: Worker, other: Distccd) -> None:
    """The plan uses both workers, and says nothing else about them."""
    result = plan(environ, [worker.spec, other.spec])
    own = f"127.0.0.1:{worker.job.port}/{SLOTS},lzo"
    assert hosts_of(result) == f"{own} {other.distcc_host}"
    assert result.lines == [f"distcc-driver: -j 12 = 12 remote ({worker.spec}: 7, {other.spec}: 5)"]


@pytest.mark.parametrize("quirk", STATS_QUIRKS, ids=name_of)
def test_a_stats_port_that_is_odd_and_can_be_read(
    quirk: Behaviour, hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with Worker(quirk.answer, SILENT.answer, job_acts=False) as worker:
        assert_used(hostile_environ, worker, shared_distccd)


class BackendDown:
    """A proxy whose job port is down. It accepts a connection, and closes it a moment later.

    It closes only when the client has read the stats page, or waits for other workers.
    """

    def __init__(self) -> None:
        self.has_hung_up = threading.Event()
        self._jobs: list[socket.socket] = []
        self._has_job = threading.Event()

    def take(self, connection: socket.socket, closing: threading.Event) -> None:
        self._jobs.append(connection)
        self._has_job.set()
        closing.wait()

    def tell(self, connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        self._has_job.wait()
        connection.sendall(REPLY)
        connection.shutdown(socket.SHUT_WR)
        select.select([connection], [], [], 0.02)
        for job in self._jobs:
            job.shutdown(socket.SHUT_RDWR)
        self.has_hung_up.set()


def test_a_job_port_that_hangs_up_while_another_worker_is_asked(
    hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    proxy = BackendDown()
    page = shared_distccd.stats_page().encode()

    def tell_later(connection: socket.socket, closing: threading.Event) -> None:
        assert proxy.has_hung_up.wait(30)
        saying(page)(connection, closing)

    environ = {**hostile_environ, "DISTCC_AUTO_CONNECT_TIMEOUT": "20"}
    with Server(proxy.tell) as stats, Server(proxy.take) as job, Server(tell_later) as other:
        down = host_spec(LOOPBACK, job.port, stats.port)
        well = host_spec(LOOPBACK, shared_distccd.job_port, other.port)
        result = plan(environ, [down, well])
    assert hosts_of(result) == shared_distccd.distcc_host
    assert result.lines[0].startswith(
        f"distcc-driver: {down}: job port {job.port} closes connections at once; "
    )


@pytest.mark.parametrize("quirk", JOB_QUIRKS, ids=name_of)
def test_a_job_port_that_is_quiet_until_it_gets_a_job(
    quirk: Behaviour, hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with Worker(FINE.answer, quirk.answer, job_acts=False) as worker:
        assert_used(hostile_environ, worker, shared_distccd)


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_a_redirect_is_not_followed(
    status: bytes, hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with Server(saying(REPLY)) as target:
        location = f"Location: http://127.0.0.1:{target.port}/".encode()
        reply = http(status, location, b"Refresh: 0; url=" + location[10:], body=REPLY)
        with Worker(saying(reply), SILENT.answer, job_acts=False) as worker:
            assert_left_out(
                hostile_environ, worker, shared_distccd, f"HTTP status is '{status[:3].decode()}'"
            )
        assert target.connections == 0


def test_every_fault_at_once(
    hostile_environ: dict[str, str], user_shell: UserShell, shared_distccd: Distccd, recorder: Recorder
) -> None:
    """In a terminal: no control character of any worker reaches it."""
    with contextlib.ExitStack() as stack:
        workers = [Worker(fault.answer, SILENT.answer, job_acts=False) for fault in STATS_FAULTS]
        workers += [Worker(FINE.answer, fault.answer) for fault in JOB_FAULTS]
        specs = [stack.enter_context(worker).spec for worker in workers]
        user_shell.environ = {
            **hostile_environ,
            "DISTCC_AUTO_HOSTS": " ".join([*specs, shared_distccd.spec]),
            "DISTCC_AUTO_LOG_LEVEL": "debug",
        }
        script = f"{user_shell.sourcing}\ndistcc_build {recorder.word}\n"
        terminal = stack.enter_context(
            Terminal(user_shell.command(os.fsencode(script)), user_shell.environ, user_shell.cwd)
        )
        assert terminal.wait() == 0
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == shared_distccd.distcc_host
    assert recorder.jobs == 5
    lines = terminal.shown.split("\r\n")[:-1]
    # At debug level: the good worker, the summary, the local slots, the pause.
    assert len(lines) <= len(specs) + 4
    for line in lines:
        assert line.startswith("distcc-driver: ")
        assert line.isprintable(), ascii(line)


def test_many_that_send_without_end_take_little_memory(
    hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    """One server has many addresses: all of 127.0.0.0/8 is this machine."""
    with Server(servers.endless, "0.0.0.0") as stats, Server(servers.hang, "0.0.0.0") as job:
        specs = [f"127.0.{n // 250}.{1 + n % 250}:{job.port}:{stats.port}" for n in range(300)]
        environ = {**hostile_environ, "DISTCC_AUTO_CONNECT_TIMEOUT": "20"}
        assert hosts_of(plan(environ, [*specs, shared_distccd.spec])) == shared_distccd.distcc_host


def turning(first: servers.Answer, second: servers.Answer) -> servers.Answer:
    """Gives the first connection one answer, and all later ones another."""
    answers = iter([first])

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        next(answers, second)(connection, closing)

    return answer


def test_workers_that_turn_hostile_during_a_build_are_named_in_its_report(
    hostile_environ: dict[str, str], shared_distccd: Distccd
) -> None:
    with contextlib.ExitStack() as stack:
        faults = [*STATS_FAULTS, *STATS_QUIRKS]
        workers = [
            Worker(turning(FINE.answer, fault.answer), SILENT.answer, job_acts=False) for fault in faults
        ]
        specs = [stack.enter_context(worker).spec for worker in workers]
        # A longer timeout: a hundred servers in one process are slow to accept.
        environ = {**hostile_environ, "DISTCC_AUTO_CONNECT_TIMEOUT": "2"}
        text = plan(environ, [*specs, shared_distccd.spec]).text.decode()
        (words,) = re.findall(r"^__distcc_words=(.*) &&$", text, re.MULTILINE)
        _, report, started_s, *others = shlex.split(shlex.split(words)[0])
        result = planned(environ, [report, str(float(started_s) - 100), *others])
    assert (result.status, result.text) == (0, b"")
    assert result.peak_mib < PEAK_MIB
    *silent, summary = sorted(result.lines, key=lambda line: "compiled anything" in line)
    assert "no worker that answers compiled anything in 10" in summary
    for line in silent:
        assert ": no answer at the end of the build (" in line
    named = sum(len(re.findall(r"[\d.]+:\d+:\d+", line)) for line in silent)
    more = sum(map(int, re.findall(r" and (\d+) more", "".join(silent))))
    assert named + more == len(STATS_FAULTS)


@pytest.mark.parametrize(
    ("term", "words"),
    [("dumb", []), ("xterm-256color", []), ("dumb", ["--json"])],
    ids=["dumb", "xterm", "json"],
)
def test_people_are_shown_what_hostile_workers_say_in_clean_words(
    term: str, words: list[str], hostile_environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with contextlib.ExitStack() as stack:
        workers = [
            Worker(fault.answer, SILENT.answer, job_acts=False) for fault in [*STATS_FAULTS, *STATS_QUIRKS]
        ]
        workers += [Worker(FINE.answer, fault.answer) for fault in JOB_FAULTS]
        specs = [stack.enter_context(worker).spec for worker in workers]
        environ = {
            **hostile_environ,
            "DISTCC_AUTO_HOSTS": " ".join([*specs, shared_distccd.spec]),
            "TERM": term,
        }
        terminal = stack.enter_context(Terminal(driver_command("workers", *words), environ, work))
        assert terminal.wait() == 1
    for line in terminal.shown.split("\r\n"):
        assert OF_OUR_OWN.sub("", line).isprintable(), ascii(line)
    for text in ("]0;owned", "2J"):
        assert f"\x1b{text}" not in terminal.shown
    for spec in specs:  # its last part may be on the next line, if the answer took long
        assert spec.rstrip("0123456789") in terminal.shown


def test_the_doctor_quotes_the_compiler_of_a_hostile_worker_in_clean_words(
    hostile_environ: dict[str, str], work: Path
) -> None:
    project = write_c_project(work / "project", 1)
    with Worker(FINE.answer, compiler_saying(b"broken " + TERMINAL_TEXT[0]), job_acts=False) as worker:
        environ = {
            **hostile_environ,
            "PATH": f"{MASQUERADE}:{hostile_environ['PATH']}",
            "DISTCC_AUTO_HOSTS": worker.spec,
        }
        with Terminal(driver_command("doctor"), environ, project) as terminal:
            assert terminal.wait() == 1
    assert r"broken\x1b]0;owned" in "".join(terminal.shown.split())
    assert "\x1b]" not in terminal.shown
    assert "\x07" not in terminal.shown


@pytest.mark.parametrize(
    "answer",
    [servers.empty, servers.reset, saying(REPLY), saying(b"".join(TERMINAL_TEXT))],
    ids=["closes", "resets", "stats page", "terminal text"],
)
def test_jobs_that_a_hostile_worker_got_are_done_elsewhere(
    answer: servers.Answer, hostile_environ: dict[str, str], user_shell: UserShell, shared_distccd: Distccd
) -> None:
    """distcc compiles the file elsewhere. Only a job can show that a job port is no distccd."""
    project = write_c_project(user_shell.cwd / "project", 6)
    with Worker(FINE.answer, answer, job_acts=False) as worker:
        user_shell.environ = {
            **hostile_environ,
            "PATH": f"{MASQUERADE}:{hostile_environ['PATH']}",
            "DISTCC_AUTO_HOSTS": f"{worker.spec} {shared_distccd.spec}",
        }
        result = user_shell.run("distcc_build make -C project && project/program")
        assert worker.job.connections > 1
    assert result.returncode == 42 - 5, result.stderr
    assert "\x1b" not in result.stderr
    assert (project / "program").exists()

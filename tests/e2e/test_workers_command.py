"""`distcc-driver workers` on real workers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from distcc_driver.machine.capacity import local_capacity
from tests.support.commands import Driver, driver_command, run_driver
from tests.support.ports import LOOPBACK, free_ports, host_spec
from tests.support.processes import descendants, is_writing, wait_until
from tests.support.servers import Server, hang, with_free_memory
from tests.support.shapes import assert_shape
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.distccd import Distccd

ENTER = "\x1b[?1049h"
LEAVE = "\x1b[?1049l"
HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"
# Prints the terminal's settings before and after a command.
BETWEEN = 'trap : INT TERM HUP; stty -a; echo "[before]"; "$@"; code=$?; echo "[after]"; stty -a; exit $code'


def dead_host() -> str:
    """An entry for a port at which no program listens."""
    return host_spec(LOOPBACK, *free_ports(2))


def watched(environ: Mapping[str, str], work: Path, *words: str) -> Terminal:
    """`workers --watch` in a terminal, whose settings are printed before and after."""
    command = driver_command("workers", "--watch", *words)
    return Terminal(["sh", "-c", BETWEEN, "sh", *command], {**environ, "TERM": "xterm-256color"}, work)


def assert_as_before(terminal: Terminal) -> None:
    """The command has restored the terminal's settings, its cursor and its screen."""
    before, _, rest = terminal.shown.partition("[before]")
    within, _, after = rest.partition("[after]")
    assert before.strip() == after.strip()
    assert within.count(ENTER) == within.count(LEAVE) > 0
    assert within.rindex(SHOW_CURSOR) > within.rindex(HIDE_CURSOR)
    assert within.rindex(LEAVE) > within.rindex(ENTER)


def test_all_workers_and_what_a_build_would_get(
    environ: dict[str, str], work: Path, start_distccd: Callable[..., Distccd]
) -> None:
    first, second = start_distccd(jobs=4), start_distccd(jobs=2)
    environ |= {"DISTCC_AUTO_HOSTS": f"{second.spec} {first.spec}"}
    environ |= {"DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS": "3", "DISTCC_AUTO_EARLY_LOCAL_JOBS": "0"}
    environ |= {"DISTCC_AUTO_COMPILER_MEMORY": "0"}
    threads = local_capacity().threads
    slots = "1 slot" if threads == 1 else f"{threads} slots"
    result = run_driver(environ, work, "workers")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[:5] for line in lines[1:3]] == [
        [second.spec, "loopback", "used", "2", "2"],
        [first.spec, "loopback", "used", "4", "4"],
    ]
    assert lines[4:] == [
        f"this machine: 0 local jobs, 3 preprocessing jobs, {slots} for what cannot be distributed",
        f"-j 9 = 6 remote ({first.spec}: 4, {second.spec}: 2) + 3 preprocessing",
        f"DISTCC_HOSTS=--localslots={threads} --localslots_cpp=3 {first.distcc_host} {second.distcc_host}",
    ]


def test_hosts_of_the_command_line_replace_the_list(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ["DISTCC_AUTO_HOSTS"] = dead_host()
    result = run_driver(environ, work, "workers", shared_distccd.spec)
    assert result.returncode == 0
    assert environ["DISTCC_AUTO_HOSTS"] not in result.stdout


def test_counters_of_the_worker_are_shown(
    environ: dict[str, str], work: Path, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    source = work / "a.c"
    source.write_text("int a;\n")
    compiler = ["distcc", "gcc", "-c", str(source), "-o", str(work / "a.o")]
    subprocess.run(
        compiler, env={**environ, "DISTCC_HOSTS": worker.distcc_host, "DISTCC_FALLBACK": "0"}, check=True
    )
    wait_until(lambda: worker.compiled == 1, "the worker has counted")
    result = run_driver(environ, work, "workers", "--json", worker.spec)
    (host,) = json.loads(result.stdout)["hosts"]
    assert (host["compiled"], host["failed"], host["refused"]) == (1, 0, 0)


def unusable(name: str, worker: Distccd, server: Server) -> str:
    return {
        "down": dead_host(),
        "no host": "worker:0",
        "without memory": host_spec(LOOPBACK, worker.job_port, server.port),
    }[name]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("down", "refused the connection; is distccd running there with --stats?"),
        ("no host", "character 8: port 0 is not between 1 and 65535; correct the entry"),
        ("without memory", "10 MiB free are too little for one compiler of DISTCC_AUTO_COMPILER_MEMORY="),
    ],
)
def test_status_is_1_if_a_host_is_left_out(
    environ: dict[str, str], work: Path, shared_distccd: Distccd, what: str, why: str
) -> None:
    with Server(with_free_memory(LOOPBACK, shared_distccd.stats_port, 10)) as server:
        entry = unusable(what, shared_distccd, server)
        result = run_driver(environ, work, "workers", entry, shared_distccd.spec)
        assert (result.returncode, result.stderr) == (1, "")
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{entry} ")]
        assert " left out " in line
        assert why in line
        document = json.loads(run_driver(environ, work, "workers", "--json", entry).stdout or "null")
    if document:
        assert_shape(document, "`workers`")


def test_document_of_a_run_with_every_state_has_the_documented_shape(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with_memory = with_free_memory(LOOPBACK, shared_distccd.stats_port, 3000)
    with Server(with_memory) as server, Server(hang) as job:
        scaled = host_spec(LOOPBACK, job.port, server.port)
        entries = [shared_distccd.spec, dead_host(), scaled, "worker:0"]
        result = run_driver(environ, work, "workers", "--json", *entries)
    assert (result.returncode, result.stderr) == (1, "")
    document = json.loads(result.stdout)
    assert_shape(document, "`workers`")
    assert [host["host"] for host in document["hosts"]] == entries[:3]
    assert [host["state"] for host in document["hosts"]] == ["used", "left out", "used"]
    assert document["hosts"][2]["fewer_jobs"] == "2 jobs for 5 slots: 3000 MiB free, 1024 for each compiler"
    assert [entry["text"] for entry in document["bad_entries"]] == ["worker:0"]
    assert document["hosts"][0]["answer_ms"] > 0


def test_refused_build_is_told_in_the_document(environ: dict[str, str], work: Path) -> None:
    environ["DISTCC_AUTO_FALLBACK_LOCAL_JOBS"] = "0"
    result = run_driver(environ, work, "workers", "--json", dead_host())
    document = json.loads(result.stdout)
    assert_shape(document, "`workers`")
    assert (result.returncode, document["plan"]) == (1, None)
    assert document["refusal"].startswith("refusing to build: no worker is available")


@pytest.mark.parametrize(
    ("variables", "words", "line"),
    [
        ({}, [], "DISTCC_AUTO_HOSTS: not set or blank; name your workers"),
        ({"DISTCC_AUTO_HOSTS": "a:0"}, [], "DISTCC_AUTO_HOSTS: no valid entry; write HOST"),
        (
            {"DISTCC_AUTO_COMPILER_MEMORY": "much"},
            ["a"],
            "DISTCC_AUTO_COMPILER_MEMORY: 'much' is not a whole",
        ),
        ({"DISTCC_AUTO_LOG_LEVEL": "loud"}, ["a"], "DISTCC_AUTO_LOG_LEVEL: 'loud' is not a level"),
    ],
)
@pytest.mark.parametrize("option", [[], ["--json"], ["--watch"]])
def test_status_is_96_where_a_build_would_end_with_it(
    environ: dict[str, str],
    work: Path,
    variables: dict[str, str],
    words: list[str],
    line: str,
    option: list[str],
) -> None:
    result = run_driver({**environ, **variables}, work, "workers", *option, *words)
    assert (result.returncode, result.stdout) == (96, "")
    assert f"distcc-driver: {line}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (
            ["--watch", "1", "a"],
            "1 s is too often, polling can hang the stats port of a distccd; use 2 or more",
        ),
        (["--watch=1.99", "a"], "1.99 s is too often"),
        (["--watch=often", "a"], "'often' is not a number of seconds"),
        (["--watch", "5s", "a"], "'5s' is not a number of seconds"),
        (["--watch=", "a"], "'' is not a number of seconds"),
        (["--watch=nan", "a"], "'nan' is not a number of seconds"),
        (["--watch", "-5", "a"], "no such option: -5"),
        (["--often", "a"], "no such option: --often"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    environ: dict[str, str], work: Path, words: list[str], cause: str
) -> None:
    result = run_driver(environ, work, "workers", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("distcc-driver: workers: ")
    assert cause in result.stderr
    assert result.stderr.endswith("; see distcc-driver workers --help\n")


@pytest.mark.parametrize(
    "words",
    [["--watch", "HOST"], ["--watch", "3", "HOST"], ["--watch=2.5", "HOST"], ["HOST", "--watch"]],
    ids=" ".join,
)
def test_forms_of_watch_all_watch_the_host(
    environ: dict[str, str], work: Path, shared_distccd: Distccd, words: list[str]
) -> None:
    words = [shared_distccd.spec if word == "HOST" else word for word in words]
    with Driver(environ, work, "workers", "--json", *words) as driver:
        document = driver.document()
        assert [host["host"] for host in document["hosts"]] == [shared_distccd.spec]
        assert driver.end(signal.SIGINT) == (130, "")


def test_watch_asks_anew_each_time(
    environ: dict[str, str], work: Path, start_distccd: Callable[..., Distccd]
) -> None:
    leaving, staying = start_distccd(), start_distccd()
    with Driver(environ, work, "workers", "--watch", "--json", leaving.spec, staying.spec) as driver:
        first = driver.document()
        os.kill(leaving.pid, signal.SIGSTOP)  # the ports of a stopped distccd stay open
        try:
            second = driver.document()
        finally:
            os.kill(leaving.pid, signal.SIGCONT)
        third = driver.document()
    for document in (first, second, third):
        assert_shape(document, "`workers`")
    states = [[host["state"] for host in document["hosts"]] for document in (first, second, third)]
    assert states == [["used", "used"], ["left out", "used"], ["used", "used"]]


def test_watch_without_a_terminal_prints_a_table_after_the_other(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with Driver(environ, work, "workers", "--watch", shared_distccd.spec) as driver:
        lines = [driver.line() for _ in range(12)]
    assert [line for line in lines if line.startswith("host ")] == [lines[0], lines[6]]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("words", [["workers"], ["doctor", "--compiler", "gcc"]], ids=["workers", "doctor"])
def test_nohup_is_obeyed(words: list[str], environ: dict[str, str], work: Path) -> None:
    environ |= {"DISTCC_AUTO_CONNECT_TIMEOUT": "0.5"}
    with Server(hang) as server:
        environ["DISTCC_AUTO_HOSTS"] = host_spec(LOOPBACK, server.port, server.port)
        command = ["nohup", *driver_command(*words)]
        with subprocess.Popen(
            command, env=environ, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            wait_until(lambda: server.connections, "it asks")
            process.send_signal(signal.SIGHUP)
            said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "timed out after 1 s" in said


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_ends_watch_with_its_status(
    environ: dict[str, str], work: Path, shared_distccd: Distccd, number: int, status: int
) -> None:
    with Driver(environ, work, "workers", "--watch", "--json", shared_distccd.spec) as driver:
        driver.document()
        assert driver.end(number) == (status, "")


def test_reader_that_has_gone_ends_it_without_a_word(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        result = run_driver(environ, work, "workers", shared_distccd.spec, stdout=write_end)
    finally:
        os.close(write_end)
    assert (result.returncode, result.stderr) == (141, "")


def test_full_disk_is_one_line(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    with open("/dev/full", "wb") as full:
        result = run_driver(environ, work, "workers", shared_distccd.spec, stdout=full.fileno())
    assert result.returncode == 96
    assert result.stderr.startswith("distcc-driver: standard output: No space left on device; ")
    assert len(result.stderr.splitlines()) == 1


def test_terminal_shows_progress_then_a_table_in_colour(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ |= {"TERM": "xterm-256color", "DISTCC_AUTO_CONNECT_TIMEOUT": "0.5"}
    with Server(hang) as job, Server(hang) as stats:
        entry = host_spec(LOOPBACK, job.port, stats.port)
        command = driver_command("workers", entry, shared_distccd.spec)
        with Terminal(command, environ, work) as terminal:
            terminal.expect("asking 2 hosts, ")
            terminal.expect("1 has answered")
            terminal.expect("\x1b[2K")  # the progress line is removed
            terminal.expect("host ")
            assert terminal.wait() == 1
    table = terminal.shown[terminal.shown.rindex("\x1b[2K") :]
    assert "asking" not in table
    assert "\x1b[32mused\x1b[0m" in table
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", table)
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_without_colour(
    environ: dict[str, str], work: Path, shared_distccd: Distccd, variable: dict[str, str]
) -> None:
    environ = {**environ, "TERM": "xterm-256color", **variable}
    with Terminal(driver_command("workers", shared_distccd.spec), environ, work) as terminal:
        assert terminal.wait() == 0
    assert "used" in terminal.shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.shown)


def test_a_size_of_zero_columns_is_ignored(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    """Some shells export such a size if they have no window."""
    environ |= {"DISTCC_AUTO_HOSTS": shared_distccd.spec, "COLUMNS": "0", "LINES": "0"}
    with Terminal(driver_command("workers"), environ, work) as terminal:
        assert terminal.wait() == 0
    assert shared_distccd.spec in terminal.shown


def test_a_variable_with_a_typing_error_is_named(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ = environ | {"DISTCC_AUTO_CONECT_TIMEOUT": "1"}
    result = run_driver(environ, work, "workers", shared_distccd.spec)
    assert result.returncode == 0
    assert "DISTCC_AUTO_CONNECT_TIMEOUT" in result.stderr


def test_ctrl_c_while_hosts_are_asked(environ: dict[str, str], work: Path) -> None:
    environ |= {"TERM": "xterm-256color", "DISTCC_AUTO_CONNECT_TIMEOUT": "60"}
    with Server(hang) as job, Server(hang) as stats:
        command = driver_command("workers", host_spec(LOOPBACK, job.port, stats.port))
        with Terminal(command, environ, work) as terminal:
            terminal.expect("asking 1 host, 0 have answered")
            terminal.send("\x03")
            assert terminal.wait() == 130
    assert "Traceback" not in terminal.shown
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)


def test_ctrl_c_ends_watch_and_leaves_the_terminal_as_it_was(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with watched(environ, work, shared_distccd.spec) as terminal:
        terminal.expect(ENTER)
        terminal.expect("Ctrl-C ends it")
        terminal.send("\x03")
        assert terminal.wait() == 130
    assert_as_before(terminal)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_ends_watch_and_leaves_the_terminal_as_it_was(
    environ: dict[str, str], work: Path, shared_distccd: Distccd, number: int, status: int
) -> None:
    with watched(environ, work, shared_distccd.spec) as terminal:
        terminal.expect("Ctrl-C ends it")
        (pid,) = descendants(terminal.pid)
        os.kill(pid, number)
        assert terminal.wait() == status
    assert_as_before(terminal)


@contextlib.contextmanager
def watched_by_bash(environ: dict[str, str], work: Path, spec: str) -> Iterator[Terminal]:
    """`workers --watch`, started by bash so that Ctrl-Z stops it.

    At the end it continues, and Ctrl-C ends it.
    """
    environ = {**environ, "TERM": "xterm-256color", "PS1": "prompt>"}
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environ, work) as terminal:
        terminal.expect("prompt>")
        terminal.send(shlex.join(driver_command("workers", "--watch", spec)) + "\n")
        terminal.expect("Ctrl-C ends it")
        yield terminal
        terminal.send("fg\n")
        terminal.expect(ENTER)
        terminal.expect("Ctrl-C ends it")
        terminal.send("\x03")
        terminal.expect(LEAVE)
        terminal.send("echo status $?\n")
        terminal.expect("status 130")


def test_watch_gives_the_terminal_back_while_it_is_stopped(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    with watched_by_bash(environ, work, shared_distccd.spec) as terminal:
        terminal.send("\x1a")
        assert terminal.expect("Stopped").endswith(f"{LEAVE}\r\n[1]+  ")


def test_watch_is_stopped_while_it_draws(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    """Ctrl-S holds the terminal, so the command is in the middle of drawing when it is stopped."""
    with watched_by_bash(environ, work, shared_distccd.spec) as terminal:
        (pid,) = descendants(terminal.pid)
        terminal.send("\x13")
        wait_until(lambda: is_writing(pid), "it waits for the terminal")
        os.kill(pid, signal.SIGTSTP)
        terminal.send("\x11")
        assert "Ctrl-C ends it" in terminal.expect(LEAVE), "it was drawn to its end"
        terminal.expect("Stopped")


def test_watch_of_more_hosts_than_there_are_lines_says_so(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    dead = [f"127.0.1.{number}:1:1" for number in range(40)]
    with watched(environ, work, shared_distccd.spec, *dead) as terminal:
        first = terminal.expect(" more lines do not fit here")
        last = terminal.expect("Ctrl-C ends it")
        terminal.send("\x03")
        assert terminal.wait() == 130
    # A long load or answer time takes room, so the column of hosts may fold the end of a long entry.
    assert shared_distccd.spec.rpartition(":")[0] in first
    assert "DISTCC_HOSTS=" in last
    _, _, frame = f"{first}{last}".rpartition(ENTER)
    assert frame.count("\n") < 24
    assert_as_before(terminal)

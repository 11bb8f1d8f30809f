"""The report at the end of a build that took more than 2 s, made from the workers' own counters.

A `sleep` in a build makes it so long. No test waits for anything by sleeping.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.farm import Farm
from tests.support.gate import Gate, finish, running
from tests.support.place import ROOT, install
from tests.support.ports import LOOPBACK, host_spec
from tests.support.processes import wait_until
from tests.support.servers import Server
from tests.support.shells import MASQUERADE, PROMPT, UserShell, write_c_project
from tests.support.traces import Traces

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.distccd import Distccd

LONG = "sh -c 'sleep 2.1'"
NOTHING = "distcc-driver: no worker compiled anything in "
SILENT = "no answer at the end of the build"


def reports(shell: UserShell) -> list[int]:
    """Pids of the running processes that make reports."""
    return [pid for pid, words in Traces(shell.environ).processes().items() if "report" in words]


def after_summary(stderr: str) -> list[str]:
    """The lines of the driver after the line about `-j`."""
    ours = [line for line in stderr.splitlines() if line.startswith("distcc-driver: ")]
    first = next(index for index, line in enumerate(ours) if line.startswith("distcc-driver: -j "))
    return ours[first + 1 :]


def prepare(shell: UserShell, workers: Sequence[Distccd], files: int = 12) -> Path:
    shell.environ.update(
        PATH=f"{MASQUERADE}:{shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=" ".join(worker.spec for worker in workers),
        DISTCC_FALLBACK="0",
    )
    return write_c_project(shell.cwd / "project", files)


def build(
    shell: UserShell,
    gate: Gate,
    make: str = "make -C project",
    before_the_end: Callable[[], object] = lambda: None,
    status: int = 0,
) -> list[str]:
    """Run a build, call `before_the_end`, end it with `status`; return the lines after its summary."""
    script = f"distcc_build sh -c '{make} \"$@\"; sleep 2.1; {gate.word}' sh"
    with running(shell, script) as process:
        gate.wait()
        before_the_end()
        gate.open(status)
        ended, _, stderr = finish(process)
    assert ended == status, stderr
    return after_summary(stderr)


def counted(*workers: Distccd, files: int) -> Callable[[], None]:
    """A function that waits for counters on the workers' pages: distccd may count a file after sending it."""
    return lambda: wait_until(lambda: sum(one.compiled for one in workers) == files, "all are counted")


def test_every_worker_is_named_with_what_it_compiled(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    big, small, idle = start_distccd(jobs=4), start_distccd(jobs=2), start_distccd(jobs=1)
    prepare(user_shell, [big, small])
    user_shell.environ["DISTCC_AUTO_HOSTS"] += f" {idle.spec}"
    make = f'env "DISTCC_HOSTS={big.distcc_host} {small.distcc_host}" make -C project'
    (line,) = build(user_shell, gate, make, counted(big, small, files=12))
    ranked = sorted([big, small, idle], key=lambda worker: -worker.compiled)
    names = ", ".join(f"{worker.spec} ({worker.compiled})" for worker in ranked)
    assert re.fullmatch(rf"distcc-driver: 12 compilations on {re.escape(names)} in \d+ s", line)
    assert idle.compiled == 0


def test_only_what_was_compiled_since_the_build_began_counts(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    project = prepare(user_shell, [worker], files=5)
    assert user_shell.run("distcc_build make -C project").returncode == 0
    counted(worker, files=5)()
    (project / "part1.o").unlink()
    (line,) = build(user_shell, gate, before_the_end=counted(worker, files=6))
    assert line.startswith(f"distcc-driver: 1 compilation on {worker.spec} in ")


def test_the_line_is_true_of_a_worker_that_others_use(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd], tmp_path: Path
) -> None:
    """The counters include other users' compilations. So the line does not say whose they were."""
    worker = start_distccd()
    prepare(user_shell, [worker], files=3)
    (tmp_path / "other.c").write_text("int other;\n")

    def compile_for_another() -> None:
        environ = {**user_shell.environ, "DISTCC_HOSTS": worker.distcc_host}
        subprocess.run(["distcc", "/usr/bin/gcc", "-c", "other.c"], cwd=tmp_path, env=environ, check=True)
        counted(worker, files=4)()

    (line,) = build(user_shell, gate, before_the_end=compile_for_another)
    assert line.startswith(f"distcc-driver: 4 compilations on {worker.spec} in ")
    assert "your" not in line


def test_a_failing_build_has_its_report_and_its_status(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    project = prepare(user_shell, [worker], files=4)
    (project / "part1.c").write_text("int part1(void) { return no_such_name; }\n")
    (line,) = build(user_shell, gate, "make -k -C project", counted(worker, files=3), status=2)
    assert line.startswith(f"distcc-driver: 3 compilations on {worker.spec} in ")
    assert line.endswith(f" s; 1 failed on {worker.spec}")


def test_a_build_that_does_not_call_distcc(ready_shell: UserShell, gate: Gate) -> None:
    write_c_project(ready_shell.cwd / "project", 2)
    (line,) = build(ready_shell, gate, "make CC=/usr/bin/gcc -C project")
    assert line.startswith(NOTHING)
    assert "distcc-driver doctor" in line


def test_a_build_without_a_worker_has_no_report(user_shell: UserShell) -> None:
    user_shell.environ.update(DISTCC_AUTO_HOSTS=f"{LOOPBACK}:1:1", DISTCC_AUTO_FALLBACK_LOCAL_JOBS="1")
    result = user_shell.run(f"distcc_build {LONG}")
    assert result.returncode == 0
    assert after_summary(result.stderr) == []


def test_a_worker_that_has_died_is_named_and_the_other_counted(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker, doomed = start_distccd(jobs=1), start_distccd(jobs=6)
    prepare(user_shell, [worker, doomed])
    del user_shell.environ["DISTCC_FALLBACK"]

    def kill() -> None:
        os.killpg(doomed.pid, signal.SIGKILL)
        wait_until(lambda: refuses(doomed), "no program listens any more")

    summary, lost = build(user_shell, gate, before_the_end=kill)
    assert re.fullmatch(rf"distcc-driver: \d+ compilations? on {worker.spec} in \d+ s", summary)
    assert lost.startswith(f"distcc-driver: {doomed.spec}: {SILENT} (refused the connection); ")


def refuses(worker: Distccd) -> bool:
    try:
        worker.stats_page()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def stopped(worker: Distccd) -> Iterator[None]:
    """Stop a worker: the kernel still accepts connections for it, but it does not answer."""
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGCONT)


def test_workers_that_are_silent_have_one_line_and_nothing_is_said_about_the_rest(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    workers = [start_distccd(jobs=1), start_distccd(jobs=1)]
    prepare(user_shell, workers)
    user_shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"
    with contextlib.ExitStack() as stack:
        (line,) = build(
            user_shell,
            gate,
            before_the_end=lambda: [stack.enter_context(stopped(worker)) for worker in workers],
        )
    names = f"{workers[0].spec}, {workers[1].spec}"
    assert line.startswith(f"distcc-driver: {names}: {SILENT} (timed out); ")


def test_workers_that_answer_have_compiled_nothing(
    user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker, silent = start_distccd(), start_distccd()
    prepare(user_shell, [worker, silent])
    user_shell.environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"
    with contextlib.ExitStack() as stack:
        nothing, line = build(
            user_shell, gate, "true", before_the_end=lambda: stack.enter_context(stopped(silent))
        )
    assert nothing.startswith("distcc-driver: no worker that answers compiled anything in ")
    assert line.startswith(f"distcc-driver: {silent.spec}: {SILENT}")


@pytest.mark.parametrize("count", [64, 1000])
def test_many_workers_that_are_gone_have_one_line(count: int, user_shell: UserShell, gate: Gate) -> None:
    """Workers of a farm have no counters, so the report says nothing about those that answer."""
    user_shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    with contextlib.ExitStack() as stack:
        specs = stack.enter_context(Farm()).specs(count)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(specs)
        assert build(user_shell, gate, "true") == []
        (line,) = build(user_shell, gate, "true", before_the_end=stack.close)
    names = f"{', '.join(specs[:8])} and {count - 8} more"
    assert line.startswith(f"distcc-driver: {names}: {SILENT} (refused the connection); ")


class Counters:
    """An answer of a stats port: a page with counters that the test gives."""

    def __init__(self, **values: int) -> None:
        self.values = values

    def __call__(self, connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        lines = "".join(f"dcc_{key} {value}\n" for key, value in self.values.items())
        connection.sendall(f"<distccstats>\ndcc_max_kids 1\n{lines}</distccstats>\n".encode())


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (
            {"compile_ok": 7, "rej_overload": 1},
            {"compile_ok": 9, "rej_overload": 4},
            r"2 compilations on {spec} in \d+ s; 3 refused by {spec} \(overload\)",
        ),
        ({"compile_ok": 500}, {"compile_ok": 5}, r"5 compilations on {spec} in \d+ s"),
    ],
    ids=["overload", "restarted"],
)
def test_counters_that_a_real_worker_cannot_be_made_to_have(
    before: dict[str, int],
    after: dict[str, int],
    text: str,
    user_shell: UserShell,
    gate: Gate,
    shared_distccd: Distccd,
) -> None:
    counters = Counters(**before)
    with Server(counters) as server:
        spec = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = spec
        (line,) = build(user_shell, gate, "true", lambda: counters.values.update(after))
        assert server.connections == 2
    assert re.fullmatch("distcc-driver: " + text.format(spec=re.escape(spec)), line)


def test_the_job_port_is_left_alone(user_shell: UserShell, gate: Gate, shared_distccd: Distccd) -> None:
    """A connection to the job port would leave three lines in the worker's log."""

    def hold(connection: socket.socket, closing: threading.Event) -> None:
        del connection
        closing.wait()

    with Server(hold) as job:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = host_spec(LOOPBACK, job.port, shared_distccd.stats_port)
        (line,) = build(user_shell, gate, "true")
        assert job.connections == 1
    assert line.startswith(NOTHING)


@pytest.mark.parametrize(("level", "lines"), [("info", 2), ("warning", 1), ("error", 0)])
def test_log_levels_of_the_report(
    level: str, lines: int, user_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker, silent = start_distccd(jobs=4), start_distccd(jobs=1)
    prepare(user_shell, [worker, silent])
    user_shell.environ.update(DISTCC_AUTO_CONNECT_TIMEOUT="0.5", DISTCC_AUTO_LOG_LEVEL=level)
    with (
        contextlib.ExitStack() as stack,
        running(
            user_shell, f"distcc_build sh -c 'make -C project \"$@\" && sleep 2.1; {gate.word}' sh"
        ) as process,
    ):
        gate.wait()
        counted(worker, silent, files=12)()
        stack.enter_context(stopped(silent))
        gate.open()
        status, _, stderr = finish(process)
    assert status == 0
    said = [line for line in stderr.splitlines() if line.startswith("distcc-driver: ") and "-j" not in line]
    assert len(said) == lines, stderr
    assert [line for line in said if SILENT in line] == said[-1:]


def test_a_short_build_asks_nobody_again(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with Server(Counters(compile_ok=1)) as server:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        result = user_shell.run("distcc_build true; distcc_build sh -c 'sleep 1'")
        assert server.connections == 2
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) == 2


def test_a_short_build_starts_no_process_for_it(ready_shell: UserShell, tmp_path: Path) -> None:
    """Without the module of the report, each process that tries to report prints an error."""
    ready_shell.root = install(tmp_path / "copy")
    (ready_shell.root / "distcc_driver" / "report.py").unlink()
    result = ready_shell.run(f"SECONDS=0; distcc_build true; SECONDS=0; distcc_build {LONG}")
    assert result.returncode == 0, result.stderr
    assert ["report" in line for line in result.stderr.splitlines()] == [False, False, True]


@pytest.mark.parametrize(
    "command", ["distcc_build sh -c 'sleep 2.1; exit 7'", f"distcc_build {LONG}\nexit 7"]
)
def test_set_e(command: str, ready_shell: UserShell) -> None:
    result = ready_shell.run(f"set -eu\n{command}\necho unreached")
    assert result.returncode == 7
    assert result.stdout == ""
    (line,) = after_summary(result.stderr)
    assert line.startswith(NOTHING)


ODD_SECONDS = [
    *((shell, "unset SECONDS; set -u") for shell in ("bash", "zsh")),
    *((shell, "SECONDS=-100") for shell in ("bash", "zsh")),
    ("bash", "unset SECONDS; SECONDS=\"';touch pwned;'\""),
    ("zsh", "typeset -F SECONDS"),
    ("zsh", "typeset -E SECONDS"),
]


@pytest.mark.parametrize(("user_shell", "before"), ODD_SECONDS, indirect=["user_shell"])
def test_a_report_with_any_value_of_seconds(before: str, ready_shell: UserShell) -> None:
    result = ready_shell.run(f"distcc_build {LONG}; distcc_build true", before=before)
    assert result.returncode == 0, result.stderr
    assert [line.startswith(NOTHING) for line in result.stderr.splitlines()] == [False, True, False]
    assert os.listdir(ready_shell.cwd) == []


SET_UPS = [
    ("bash", "set -m"),
    ("bash", "set -T -E; trap 'echo error >&2' ERR; trap ': debug' DEBUG"),
    ("bash", "set -o posix"),
    ("zsh", "setopt warn_create_global warn_nested_var no_unset"),
    ("zsh", "setopt local_options local_traps posix_traps"),
    ("zsh", "setopt err_return sh_word_split ksh_arrays glob_subst octal_zeroes c_bases"),
    ("zsh", "emulate sh"),
    *((shell, "export IFS=' 0123456789_/-:.distcenruvl'") for shell in ("bash", "zsh")),
]


@pytest.mark.parametrize(("user_shell", "before"), SET_UPS, indirect=["user_shell"])
def test_a_report_in_a_shell_set_up_like_this(before: str, ready_shell: UserShell) -> None:
    result = ready_shell.run(f"distcc_build {LONG} || exit 9", before=before)
    assert result.returncode == 0, result.stderr
    assert [line.startswith(NOTHING) for line in result.stderr.splitlines()] == [False, True]


STATE = {"bash": "{ trap -p; jobs; set; declare -F; }", "zsh": "{ trap; jobs; typeset; functions; }"}
VOLATILE = re.compile(
    r"(_|BASH_\w+|LINENO|SECONDS|RANDOM|SRANDOM|EPOCH\w+|PIPESTATUS|pipestatus|status|\W.*)="
)


def test_the_report_leaves_nothing_in_the_shell(ready_shell: UserShell) -> None:
    state = STATE[ready_shell.name]
    result = ready_shell.run(
        f"trap 'echo interrupted' INT; trap 'echo the end' EXIT; trap '' HUP\n"
        f"distcc_build true; {state} > before\ndistcc_build {LONG}; {state} > after"
    )
    assert result.stdout == "the end\n"
    assert len(after_summary(result.stderr)) == 2
    before, after = (
        [line for line in (ready_shell.cwd / name).read_text().splitlines() if not VOLATILE.search(line)]
        for name in ("before", "after")
    )
    assert len(before) > 20
    assert after == before


def test_the_build_sees_nothing_of_the_report(ready_shell: UserShell) -> None:
    result = ready_shell.run("show() { set; }\ndistcc_build show | grep -a '^__distcc_[a-z]*='")
    assert [line.partition("=")[0] for line in result.stdout.splitlines()] == ["__distcc_root"]


@pytest.mark.parametrize(
    ("redirection", "before"), [("2>&-", ""), ("2>/dev/full", ""), (">&- 2>&- <&-", ""), ("", "ulimit -n 24")]
)
def test_the_status_is_the_builds_own_wherever_the_report_goes(
    redirection: str, before: str, ready_shell: UserShell
) -> None:
    script = f"{before}\ndistcc_build sh -c 'sleep 2.1; exit 7' {redirection}"
    result = ready_shell.run(script)
    assert result.returncode == 7
    assert "Traceback" not in result.stderr


def test_the_report_is_killed(
    ready_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd()
    ready_shell.environ.update(DISTCC_AUTO_HOSTS=worker.spec, DISTCC_AUTO_CONNECT_TIMEOUT="60")
    with running(ready_shell, f"distcc_build sh -c 'sleep 2.1; {gate.word}'") as process:
        gate.wait()
        with stopped(worker):
            gate.open(7)
            wait_until(lambda: reports(ready_shell), "the report has begun")
            os.kill(reports(ready_shell)[0], signal.SIGKILL)
            status, _, stderr = finish(process)
    assert status == 7
    assert after_summary(stderr) == []


@pytest.mark.parametrize("gone", ["interpreter", "installation", "report"])
def test_what_the_report_needs_is_gone(gone: str, ready_shell: UserShell, gate: Gate, tmp_path: Path) -> None:
    ready_shell.root = install(tmp_path / "copy")
    python = tmp_path / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = str(python)
    package = ready_shell.root / "distcc_driver"
    path = {"interpreter": python, "installation": ready_shell.root, "report": package / "report.py"}[gone]
    lines = build(ready_shell, gate, "true", lambda: path.rename(tmp_path / "moved"), status=7)
    assert len(lines) <= 1
    assert not [line for line in lines if "Traceback" in line]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_no_report_after_a_signal(name: str, ready_shell: UserShell, gate: Gate) -> None:
    with running(ready_shell, f"distcc_build sh -c 'sleep 2.1; {gate.word}'") as process:
        gate.wait()
        os.killpg(process.pid, signal.Signals[name])
        _, _, stderr = finish(process)
        wait_until(lambda: not Traces(ready_shell.environ).shells(), "every shell has ended")
    assert "compiled" not in stderr


def test_ctrl_c_during_the_build_means_no_report(ready_shell: UserShell) -> None:
    with ready_shell.interactive() as terminal:
        terminal.send("distcc_build sh -c 'sleep 2.1; echo start$((1 + 1)); exec sleep 300'\r")
        terminal.expect("start2")
        terminal.send("\x03")
        assert "compiled" not in terminal.expect(PROMPT)
        terminal.send("echo status=$?\r")
        terminal.expect("status=130")


def test_ctrl_c_during_the_report_ends_it_and_nothing_else(
    ready_shell: UserShell, gate: Gate, start_distccd: Callable[..., Distccd]
) -> None:
    """The loop around the build goes on: the build had already ended with its own status."""
    worker = start_distccd()
    ready_shell.environ.update(DISTCC_AUTO_HOSTS=worker.spec, DISTCC_AUTO_CONNECT_TIMEOUT="60")
    with ready_shell.interactive() as terminal:
        terminal.send(f"distcc_build sh -c 'sleep 2.1; {gate.word}'\r")
        gate.wait()
        with stopped(worker):
            gate.open(7)
            wait_until(lambda: reports(ready_shell) and is_waiting(reports(ready_shell)[0]), "it waits")
            terminal.send("\x03")
            said = terminal.expect(PROMPT)
        assert not re.search("compiled|Traceback|Interrupt|answer", said)
        assert reports(ready_shell) == []
        terminal.send("echo status=$?\r")
        terminal.expect("status=7")


def is_waiting(pid: int) -> bool:
    """Whether the process of the report catches SIGINT (proc(5)). While it starts, it ignores SIGINT."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(text.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGINT - 1) & 1)


def test_a_page_with_control_characters_reaches_no_terminal(
    user_shell: UserShell, gate: Gate, shared_distccd: Distccd
) -> None:
    replies = [b"<distccstats>\ndcc_max_kids 1\n</distccstats>\n"]

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        connection.sendall(replies[-1])

    with Server(answer) as server:
        spec = host_spec(LOOPBACK, shared_distccd.job_port, server.port)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = spec
        evil = b"<distccstats>\ndcc_max_kids \x1b[2J\x07\n</distccstats>\n"
        (line,) = build(user_shell, gate, "true", lambda: replies.append(evil))
    assert line.startswith(f"distcc-driver: {spec}: {SILENT} (the stats reply says dcc_max_kids ")
    assert line.isprintable()


def test_the_door_of_the_report_is_closed_to_other_words() -> None:
    command = [sys.executable, "-m", "distcc_driver", "report", *shlex.split("x info 1 'a b'")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1

"""The program distcc_build, for scripts, Makefiles, timeout and other shells, does as the function does."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_passing_through import ARGUMENTS
from tests.support import program, servers
from tests.support.place import PROGRAM, ROOT
from tests.support.ports import LOOPBACK
from tests.support.processes import stat_fields, wait_until
from tests.support.program import Started
from tests.support.servers import Server
from tests.support.shells import MASQUERADE, PROMPT, UserShell, write_c_project
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder

LONG = ["sh", "-c", "echo started; exec sleep 300"]
PAGE = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")
LINES = PAGE.split("\n## The program\n")[1].split("```sh\n")[1].split("```")[0].splitlines()
OURS = ("DISTCC_HOSTS", "DISTCC_PAUSE_TIME_MSEC", "CCACHE_PREFIX", "_")


@pytest.fixture
def ready(environ: dict[str, str], shared_distccd: Distccd, tmp_path: Path) -> dict[str, str]:
    """An environment with the program on PATH, whose builds find one worker with 5 slots and run `-j 5`."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "distcc_build").symlink_to(PROGRAM)  # as pipx has it in ~/.local/bin
    return environ | {
        "PATH": f"{directory}:{environ['PATH']}",
        "DISTCC_AUTO_HOSTS": shared_distccd.spec,
        "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS": "0",
    }


def sh(text: str, environ: Mapping[str, str], cwd: Path, shell: str = "sh") -> str:
    """What a script prints; it has to succeed."""
    done = subprocess.run(
        [shell, "-c", text], env=environ, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_arguments_arrive_byte_for_byte(ready: dict[str, str], work: Path, recorder: Recorder) -> None:
    done = program.run([str(recorder.path), *ARGUMENTS], ready, work)
    assert (done.returncode, done.stdout) == (0, b"")
    assert recorder.arguments == [*ARGUMENTS, b"-j", b"5"]
    assert os.listdir(work) == []


def test_an_argument_says_where_the_number_goes(
    ready: dict[str, str], work: Path, recorder: Recorder
) -> None:
    program.run([str(recorder.path), "-j{jobs}"], ready, work)
    assert recorder.arguments == [b"-j5"]


def test_the_build_reads_and_writes_bytes(ready: dict[str, str], work: Path) -> None:
    data = bytes(range(256)) * 500
    assert program.run(["sh", "-c", "cat"], ready, work, data).stdout == data


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_streams_that_are_closed_are_closed_for_the_build(
    closed: str, ready: dict[str, str], work: Path
) -> None:
    show = 'for n in 0 1 2; do test ! -e /proc/$$/fd/$n || echo "$n"; done > open'
    sh(f"distcc_build sh -c {shlex.quote(show)} {closed}", ready, work)
    inside = (work / "open").read_text()
    sh(f"sh -c {shlex.quote(show)} {closed}", ready, work)
    assert inside == (work / "open").read_text()


def test_the_environment_is_as_it_was(ready: dict[str, str], work: Path, recorder: Recorder) -> None:
    """Names that are none for a shell stay, and functions that bash has exported."""
    given = ready | {
        "my.var": "1",
        "BASH_FUNC_f%%": "() {  echo f\n}",
        "SHLVL": "3",
        "PWD": str(work),
        "x": "\n",
    }
    program.run([str(recorder.path)], given, work)
    kept = {name: value for name, value in given.items() if not name.startswith("DISTCC_AUTO_")}
    inside = {name: value for name, value in recorder.environ.items() if name not in OURS}
    assert inside == kept


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["no-such-command-anywhere"], 127),
        (["/"], 126),
        (["eval", "exit 5;"], 5),
        (["sh", "-c", "kill -s KILL $$"], 137),
        ([], 96),
    ],
)
def test_the_status_is_the_builds_own(
    words: list[str], status: int, ready: dict[str, str], work: Path
) -> None:
    assert program.run(words, ready, work).returncode == status


def test_functions_that_bash_exports_and_builtins_are_commands(ready: dict[str, str], work: Path) -> None:
    script = "f() { echo mine $*; }; export -f f; timeout 600 distcc_build f x; nice distcc_build eval echo y"
    assert sh(script, ready, work, "bash") == "mine x -j 5\ny -j 5\n"


@pytest.mark.parametrize(
    "line",
    [
        "timeout 600 distcc_build {}",
        "nice distcc_build {}",
        "env CC=gcc distcc_build {}",
        "echo all | xargs distcc_build {}",
        "bash -lc 'PATH=$1:$PATH; distcc_build {}' bash \"${{PATH%%:*}}\"",
        "zsh -fc 'distcc_build {}'",
        "fish -c 'distcc_build {}'",
        "cd / && setsid -w distcc_build {}",
        'env -i HOME="$HOME" PATH="$PATH" DISTCC_AUTO_HOSTS="$DISTCC_AUTO_HOSTS" distcc_build {}',
    ],
)
def test_what_can_only_run_programs_runs_it(
    line: str, ready: dict[str, str], work: Path, recorder: Recorder
) -> None:
    sh(line.format(recorder.word), ready, work)
    assert recorder.arguments[-2] == b"-j"
    assert recorder.environ["DISTCC_HOSTS"]


def test_a_recipe_of_a_makefile(
    ready: dict[str, str], start_distccd: Callable[..., Distccd], tmp_path: Path, work: Path
) -> None:
    worker = start_distccd()
    project = write_c_project(tmp_path / "project")
    (work / "Makefile").write_text(f"all:\n\ttimeout 600 distcc_build make -s -C {project} CC='distcc gcc'\n")
    sh("make", ready | {"DISTCC_AUTO_HOSTS": worker.spec, "DISTCC_FALLBACK": "0"}, work)
    assert worker.compiled == 6


def test_sudo_that_keeps_the_environment(ready: dict[str, str], work: Path, recorder: Recorder) -> None:
    """By its path: sudo looks for programs in directories of its own."""
    if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], check=False).returncode:
        pytest.skip("sudo asks for a password here")
    sh(f"sudo -n -E {shlex.quote(str(PROGRAM))} {recorder.word}", ready, work)
    assert recorder.jobs == 5


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"])
@pytest.mark.parametrize("to", ["process", "group"])
def test_a_signal_ends_the_build(name: str, to: str, ready: dict[str, str], work: Path) -> None:
    """`timeout --foreground` and runtimes of containers send it to the process alone, others to its group."""
    number = signal.Signals[name]
    with Started([PROGRAM, *LONG], ready, work) as build:
        assert build.line() == "started"
        (os.kill if to == "process" else os.killpg)(build.pid, number)
        assert build.status() == -number


@pytest.mark.parametrize("options", [[], ["--foreground"]])
def test_timeout_ends_the_build(options: list[str], ready: dict[str, str], work: Path) -> None:
    """The time does not matter: one that is over before the plan is made ends the same way."""
    with Started(["timeout", *options, "1", PROGRAM, *LONG], ready, work) as build:
        assert build.status() == 124


def test_a_build_that_handles_the_signal_keeps_its_status(ready: dict[str, str], work: Path) -> None:
    script = "trap 'echo handled; exit 9' TERM; echo started; while :; do sleep 0.05; done"
    with Started([PROGRAM, "sh", "-c", script], ready, work) as build:
        assert build.line() == "started"
        os.kill(build.pid, signal.SIGTERM)
        assert build.line() == "handled"
        assert build.status() == 9


def test_a_build_that_goes_on_after_a_signal(ready: dict[str, str], work: Path) -> None:
    script = "trap 'echo handled' HUP; echo started; read line < go; exit 4"
    os.mkfifo(work / "go")
    gate = os.open(work / "go", os.O_RDWR)  # so that no opening of it waits, which a signal could interrupt
    with Started([PROGRAM, "sh", "-c", script], ready, work) as build:
        assert build.line() == "started"
        for _ in range(3):
            os.kill(build.pid, signal.SIGHUP)
            # dash runs a trap when `read` returns
        os.write(gate, b"go\n")
        assert build.status() == 4
    os.close(gate)


def test_nohup(ready: dict[str, str], work: Path) -> None:
    os.mkfifo(work / "go")
    gate = os.open(work / "go", os.O_RDWR)  # so that no opening of it waits, which a signal could interrupt
    command = ["sh", "-c", 'exec nohup "$@" | cat', "sh", PROGRAM]
    with Started([*command, "sh", "-c", "echo started; read line < go; echo went on"], ready, work) as build:
        assert build.line() == "started"
        os.killpg(build.pid, signal.SIGHUP)
        os.write(gate, b"go\n")
        build.status()
    os.close(gate)


def test_a_signal_ends_a_plan_whose_worker_does_not_answer(ready: dict[str, str], work: Path) -> None:
    """At once, though the program waits for the plan."""
    with Server(servers.hang) as server:
        environ = ready | {
            "DISTCC_AUTO_HOSTS": f"{LOOPBACK}:{server.port}:{server.port}",
            "DISTCC_AUTO_CONNECT_TIMEOUT": "1000",
        }
        with Started([PROGRAM, *LONG], environ, work) as build:
            wait_until(lambda: server.connections, "the plan asks the worker")
            os.kill(build.pid, signal.SIGTERM)
            assert build.status() == -signal.SIGTERM


def test_ctrl_c_reaches_the_build_once(ready: dict[str, str], work: Path) -> None:
    script = "trap 'echo int$((1 + 1))' INT; echo start$((1 + 1)); read a; read b; echo end$((1 + 1))"
    with Terminal([str(PROGRAM), "bash", "-c", script], ready, work) as terminal:
        terminal.expect("start2")
        terminal.send("\x03")
        terminal.expect("int2")
        terminal.send("a\rb\r")
        assert "int2" not in terminal.expect("end2")


def test_ctrl_c_ends_the_script_around_the_build(ready: dict[str, str], work: Path) -> None:
    script = "while :; do distcc_build sh -c 'echo start$((1 + 1)); exec sleep 300'; done"
    with Terminal(["bash", "-c", script], ready, work) as terminal:
        terminal.expect("start2")
        terminal.send("\x03")
        terminal.wait()
        assert terminal.shown.count("start2") == 1


def test_a_build_that_asks_and_is_stopped(ready: dict[str, str], work: Path) -> None:
    user_shell = UserShell("bash", ready, work)
    with user_shell.interactive() as terminal:
        terminal.send("command distcc_build sh -c 'echo pid $$ end; read a; echo got $a $((2 + 2))'\r")
        terminal.expect("\npid ")
        pid = int(terminal.expect(" end"))
        terminal.send("\x1a")
        terminal.expect(PROMPT)
        wait_until(lambda: stat_fields(pid)[0] == "T", "the build has stopped")
        terminal.send("fg\r")
        terminal.expect("distcc_build")
        terminal.send("it\r")
        terminal.expect("got it 4")
        terminal.expect(PROMPT)


def test_in_a_shell_that_has_it_the_function_goes_first(user_shell: UserShell, ready: dict[str, str]) -> None:
    user_shell.environ.update(ready)
    result = user_shell.run("f() { echo mine $*; }; distcc_build f")
    assert result.stdout == "mine -j 5\n"


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_a_function_that_is_exported_runs_the_program(user_shell: UserShell, ready: dict[str, str]) -> None:
    user_shell.environ.update(ready)
    result = user_shell.run("export -f distcc_build; bash -c 'distcc_build echo all'")
    assert result.stdout == "all -j 5\n", result.stderr


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_a_function_that_is_exported_says_what_it_lacks(ready_shell: UserShell) -> None:
    result = ready_shell.run("export -f distcc_build; bash -c 'distcc_build echo all'")
    assert (result.returncode, result.stdout) == (96, "")
    assert "source distcc.sh in this shell, or have the program distcc_build on PATH" in result.stderr


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_documents(
    line: str, ready: dict[str, str], start_distccd: Callable[..., Distccd], tmp_path: Path
) -> None:
    worker = start_distccd()
    project = write_c_project(tmp_path / "project")
    environ = ready | {
        "DISTCC_AUTO_HOSTS": worker.spec,
        "DISTCC_FALLBACK": "0",
        "PATH": f"{MASQUERADE}:{ready['PATH']}",
    }
    sh(line, environ, project)
    assert worker.compiled == 6

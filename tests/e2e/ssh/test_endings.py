"""However a build ends, no process and no file of its tunnels is left."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import servers
from tests.support.gate import finish, running
from tests.support.namespaces import may_unshare, with_processes_and_proc
from tests.support.ports import LOOPBACK
from tests.support.preload import library
from tests.support.processes import is_alive, stat_fields, wait_until
from tests.support.servers import Server
from tests.support.shells import PROMPT
from tests.support.traces import Traces

from .conftest import behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.shells import UserShell
    from tests.support.sshd import Sshd, SshUser

CTRL_C, CTRL_BACKSLASH, CTRL_Z = "\x03", "\x1c", "\x1a"
# Some versions of Python call link(), others linkat().
STOPPING_LINK = """
int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    if (strstr(from, "/state.part"))
        kill(getpid(), SIGSTOP);
    return syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
"""


@pytest.fixture
def silent(
    ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, environ: dict[str, str]
) -> Iterator[Server]:
    """A server that never answers ssh; the host list has this server and a worker that answers."""
    with Server(servers.hang) as server:
        stuck = behind(f"{LOOPBACK}:{server.port}", shared_distccd)
        ready = behind(ssh.worker("worker", shared_sshd), shared_distccd)
        environ["DISTCC_AUTO_HOSTS"] = f"{stuck} {ready}"
        yield server


def wait_for_both(silent: Server, traces: Traces) -> None:
    """Wait until the plan has connected to the worker, and waits for the silent server."""
    wait_until(lambda: silent.connections, "ssh connects to the silent server")
    wait_until(lambda: list(traces.sessions()[0].glob("1")), "the other connection is made")


# The build ends


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("sh -c 'exit 3'", 3),
        ("no-such-command-anywhere", 127),
        ("/", 126),
        ("eval 'exit 5;'", 5),
        ("sh -c 'kill -s KILL $$'", 137),
    ],
    ids=["success", "failure", "not-found", "not-executable", "exit", "killed"],
)
def test_status_is_that_of_the_build(
    command: str, status: int, user_shell: UserShell, traces: Traces
) -> None:
    result = user_shell.run(f"distcc_build {command}; exit $?")
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    assert not [line for line in result.stderr.splitlines() if "worker lost" in line]
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_script_with_set_e_ends_at_the_first_failed_build(user_shell: UserShell, traces: Traces) -> None:
    result = user_shell.run(
        "set -eu\ndistcc_build echo first\ndistcc_build sh -c 'exit 4'\necho never", options=["-eu"]
    )
    assert result.returncode == 4
    assert result.stdout == "first -j 5\n"
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_build_in_a_substitution_and_in_pipes(user_shell: UserShell, traces: Traces) -> None:
    result = user_shell.run(
        "count() { wc -c; }\n"
        'x=$(distcc_build true); echo "<$x>"\n'
        "distcc_build echo piped | cat\n"
        "echo 12345 | distcc_build count | tr -d ' '\n"
    )
    assert result.stdout == "<>\npiped -j 5\n6\n"
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_build_as_a_background_job(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with running(user_shell, f"distcc_build {gate.word} & wait $!; echo $?") as process:
        hosts = gate.wait().distcc_hosts
        gate.open(6)
        assert finish(process)[1] == "6\n"
        traces.assert_none(hosts)


@pytest.mark.usefixtures("worker")
def test_exit_in_nested_functions_ends_the_build(user_shell: UserShell, traces: Traces) -> None:
    """In zsh 5.9 such an exit also ends the functions that a trap calls."""
    result = user_shell.run(
        "inner() { exit 7; }; middle() { inner; echo no; }; outer() { middle; echo no; }\n"
        "distcc_build outer; echo $?; distcc_build middle; echo $?; distcc_build inner; exit $?"
    )
    assert (result.returncode, result.stdout) == (7, "7\n7\n")
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_variables_of_the_environment_do_not_keep_tunnels_open(user_shell: UserShell, traces: Traces) -> None:
    names = ("closed", "caught", "ignored", "words", "end", "jobs", "program")
    user_shell.environ.update({f"__distcc_{name}": "2" for name in names})
    assert user_shell.run("distcc_build eval 'true #'").returncode == 0
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_build_by_exec_replaces_its_sub_shell(user_shell: UserShell, traces: Traces) -> None:
    assert user_shell.run("distcc_build exec echo replaced").stdout == "replaced -j 5\n"
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_build_sets_an_exit_trap_of_its_own(user_shell: UserShell, traces: Traces) -> None:
    result = user_shell.run("b() { trap 'echo trapped' EXIT; }; distcc_build b")
    assert result.stdout == "trapped\n"
    traces.assert_none()


# The keyboard


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("key", "status"), [(CTRL_C, 130), (CTRL_BACKSLASH, 131)], ids=["INT", "QUIT"])
def test_ctrl_c_or_ctrl_backslash_ends_the_build(
    key: str, status: int, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word}\r")
        held = gate.wait()
        assert len(traces.masters()) == 1
        terminal.send(key)
        terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)
        terminal.send('echo "status:$?"\r')
        terminal.expect(f"status:{status}")
        assert not is_alive(held.pid)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("user_shell", ["zsh"], indirect=True)
@pytest.mark.parametrize(("key", "status"), [(CTRL_C, 130), (CTRL_BACKSLASH, 131)], ids=["INT", "QUIT"])
def test_ctrl_c_or_ctrl_backslash_ends_a_build_in_a_function_with_local_traps(
    key: str, status: int, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """`emulate -L` sets LOCAL_TRAPS: when a function returns, zsh undoes the traps that it has set."""
    with user_shell.interactive('b() { emulate -L zsh; distcc_build "$@" }') as terminal:
        terminal.send(f"b {gate.word}\r")
        held = gate.wait()
        terminal.send(key)
        terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)
        terminal.send('echo "status:$?"\r')
        terminal.expect(f"status:{status}")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("trap", ["trap 'b; exit' USR1; kill -USR1 $$; :", "trap b EXIT; exit"])
def test_build_in_a_trap(trap: str, user_shell: UserShell, traces: Traces) -> None:
    """zsh runs no EXIT trap in another trap."""
    result = user_shell.run(f'b() {{ distcc_build sh -c "exit 3"; echo $? "$TMPDIR"/*; }}; {trap}')
    assert result.stdout == f"3 {user_shell.environ['TMPDIR']}/*\n" or "no matches found" in result.stderr
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_second_ctrl_c_while_the_tunnels_close_does_not_stop_the_closing(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """Closing takes long here, because the connection does not answer. People press the key again then."""
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word}\r")
        held = gate.wait()
        (master,) = traces.masters()
        os.kill(master, signal.SIGSTOP)
        terminal.send(CTRL_C)
        wait_until(lambda: any("release" in words for words in traces.processes().values()), "it ends")
        wait_until(lambda: not traces.guards(), "the guard has gone, and cannot close anything")
        terminal.send(CTRL_C)
        assert "Traceback" not in terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)


@pytest.mark.usefixtures("worker")
def test_tunnels_stay_open_if_the_build_goes_on_after_ctrl_c(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """Ctrl-C ends the first command of the build; the second stands for the build's own clean-up."""
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build sh -c 'trap : INT; {gate.word}; {gate.word}'\r")
        first = gate.wait()
        masters = traces.masters()
        terminal.send(CTRL_C)
        second = gate.wait()
        assert second.pid != first.pid
        assert traces.masters() == masters
        gate.open()
        terminal.expect(PROMPT)
        traces.assert_none(second.distcc_hosts)


def test_ctrl_c_ends_a_plan_that_is_connecting(silent: Server, user_shell: UserShell, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_for_both(silent, traces)
        terminal.send(CTRL_C)
        terminal.expect(PROMPT)
        traces.assert_none()
        terminal.send('echo "status:$?"\r')
        terminal.expect("status:130")
        assert "built -j" not in terminal.shown


def test_prompt_comes_back_after_an_interrupted_plan_has_ended(
    silent: Server, user_shell: UserShell, traces: Traces
) -> None:
    """The plan takes long here. bash waits for an interrupted substitution, zsh does not."""
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_for_both(silent, traces)
        plan = min(traces.plans())  # an ssh that is being started looks like a second plan for a moment
        os.kill(plan, signal.SIGSTOP)
        terminal.send(CTRL_C)
        if user_shell.name == "zsh":
            wait_until(lambda: traces.sessions() == [], "the shell has closed all that was open")
        os.kill(plan, signal.SIGCONT)
        terminal.expect(PROMPT)
        traces.assert_none()


def test_only_the_build_may_leave_a_core_file(silent: Server, user_shell: UserShell, traces: Traces) -> None:
    """Ctrl-\\ during a plan would leave a core file in the directory of the installation."""
    script = (
        "ulimit -S -c hard; ulimit -S -c; distcc_build true; ulimit -S -c\n"
        "DISTCC_AUTO_HOSTS=127.0.0.1:1:1; distcc_build sh -c 'ulimit -S -c'"
    )
    with running(user_shell, script) as process:
        wait_for_both(silent, traces)
        limits = {core_limit(pid) for pid in traces.processes()}
        assert limits - {None} == {"0"}
        os.kill(traces.plans()[0], signal.SIGTERM)
        before, after, of_the_build = finish(process)[1].split()
    assert before == after == of_the_build


def core_limit(pid: int) -> str | None:
    """The limit of a process's core file (proc(5), /proc/PID/limits); None if the process has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
            if line.startswith("Max core file size"):
                return line.split()[4]
    return None


def test_ctrl_c_ends_a_plan_that_waits_for_a_silent_jump_host(
    silent: Server, ssh: SshUser, user_shell: UserShell, shared_distccd: Distccd, traces: Traces
) -> None:
    """The ssh that our ssh starts for a jump host has nothing of the session in its command line."""
    ssh.host("jump", HostName=LOOPBACK, Port=str(silent.port))
    ssh.host("beyond", ProxyJump="jump")
    user_shell.environ["DISTCC_AUTO_HOSTS"] = behind("beyond", shared_distccd)
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_until(lambda: silent.connections, "ssh connects to the silent server")
        terminal.send(CTRL_C)
        terminal.expect(PROMPT)
        traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_ctrl_c_ends_a_loop_of_builds(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"for i in 1 2 3; do echo turn:$i; distcc_build {gate.word}; done; echo after\r")
        terminal.expect("turn:1\r\n")
        gate.wait()
        terminal.send(CTRL_C)
        terminal.expect(PROMPT)
        assert "turn:2" not in terminal.shown
        traces.assert_none()
        terminal.send("echo end\r")
        terminal.expect("\nend")
        assert "turn:2" not in terminal.shown


@pytest.mark.usefixtures("worker")
def test_ctrl_z_and_fg_during_a_build(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word}\r")
        held = gate.wait()
        masters = traces.masters()
        terminal.send(CTRL_Z)
        terminal.expect(PROMPT)
        wait_until(lambda: stat_fields(held.pid)[0] == "T", "the build has stopped")
        assert traces.masters() == masters
        wait_until(lambda: all(stat_fields(pid)[0] == "S" for pid in masters), "they wait")
        terminal.send("fg\r")
        wait_until(lambda: stat_fields(held.pid)[0] == "S", "the build goes on")
        assert traces.masters() == masters
        gate.open(4)
        terminal.expect(PROMPT)
        traces.assert_none(held.distcc_hosts)
        if user_shell.name == "bash":  # zsh reports a wrong status for a function that was stopped
            terminal.send('echo "status:$?"\r')
            terminal.expect("status:4")


def test_ctrl_z_and_fg_while_a_plan_is_connecting(
    silent: Server, ssh: SshUser, user_shell: UserShell, traces: Traces
) -> None:
    ssh.default(ConnectTimeout="3")
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_for_both(silent, traces)
        terminal.send(CTRL_Z)
        terminal.expect(PROMPT)
        terminal.send("fg\r")
        terminal.expect("built -j 5")
        terminal.expect(PROMPT)
        traces.assert_none()


def test_ssh_that_is_stopped_before_exec_does_not_stay_stopped(
    ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, user_shell: UserShell, traces: Traces
) -> None:
    """Linux may not deliver SIGCONT to a process that was forked during the stop. So send only SIGTSTP."""
    entries = [behind(ssh.worker(f"worker-{i}", shared_sshd), shared_distccd) for i in range(30)]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(entries)
    ssh.default(ConnectTimeout="60")  # enough on a busy machine
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_until(traces.plans, "the plan has begun")
        plan = min(traces.plans())
        rounds = iter(range(10_000))  # ends the loop if the plan stays stopped
        hits = 0
        while is_alive(plan) and next(rounds, None) is not None:
            for child in children(plan):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTSTP)
                    hits += 1
        assert hits > 0
        terminal.expect("built -j 150")
        terminal.expect(PROMPT)
        traces.assert_none()


def children(pid: int) -> list[int]:
    """The present children of a process (proc(5), /proc/PID/task/TID/children)."""
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    return list(map(int, found))


# The terminal is closed


@pytest.mark.usefixtures("worker")
def test_terminal_is_closed_during_the_build(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word}\r")
        held = gate.wait()
    traces.wait_for_shells()
    traces.wait_for_none(held.distcc_hosts)
    assert not is_alive(held.pid)


def test_terminal_is_closed_while_a_plan_is_connecting(
    silent: Server, user_shell: UserShell, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build echo built\r")
        wait_for_both(silent, traces)
    traces.wait_for_shells()
    traces.wait_for_none()


# Signals


@contextlib.contextmanager
def held_build(user_shell: UserShell, gate: Gate) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """A running build in a script with another command: (shell, pid of the sub-shell, DISTCC_HOSTS)."""
    with running(user_shell, f"distcc_build {gate.word}\necho after") as process:
        held = gate.wait()
        owner = Traces(user_shell.environ).owner()
        assert owner != process.pid
        yield process, owner, held.distcc_hosts


GROUP_SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("number", GROUP_SIGNALS, ids=lambda number: number.name)
def test_signal_to_the_whole_job(
    number: signal.Signals, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """timeout(1), a job scheduler or a terminal sends such a signal."""
    with held_build(user_shell, gate) as (process, _, hosts):
        os.killpg(process.pid, number)
        status, stdout, _ = finish(process)
        assert status == (1 if (user_shell.name, number) == ("zsh", signal.SIGHUP) else -number)
        assert stdout == ""
        traces.wait_for_shells()
        traces.wait_for_none(hosts)


@pytest.mark.parametrize("number", GROUP_SIGNALS, ids=lambda number: number.name)
def test_signal_to_the_whole_job_while_a_plan_is_connecting(
    number: signal.Signals, silent: Server, user_shell: UserShell, traces: Traces
) -> None:
    with running(user_shell, "distcc_build echo built") as process:
        wait_for_both(silent, traces)
        os.killpg(process.pid, number)
        assert finish(process)[1] == ""
        traces.wait_for_shells()
        traces.wait_for_none()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
def test_signal_to_the_shell_alone(
    number: signal.Signals, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with held_build(user_shell, gate) as (process, _, hosts):
        os.kill(process.pid, number)
        assert process.wait(60) != 0
        traces.wait_for_closed_tunnels()
        gate.open()
        traces.wait_for_shells()
        traces.wait_for_none(hosts)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_to_the_sub_shell_closes_the_tunnels_after_the_build(
    number: signal.Signals, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """A shell acts on a signal when its command has ended."""
    with held_build(user_shell, gate) as (process, sub_shell, hosts):
        os.kill(sub_shell, number)
        gate.open()
        status, stdout, _ = finish(process)
        assert (status, stdout) == (0, "after\n")
        traces.assert_none(hosts)


@pytest.mark.usefixtures("worker")
def test_sub_shell_is_killed(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with held_build(user_shell, gate) as (process, sub_shell, hosts):
        os.kill(sub_shell, signal.SIGKILL)
        traces.wait_for_closed_tunnels()
        gate.open()
        assert finish(process)[1] == "after\n"
        traces.wait_for_none(hosts)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("which", ["shell", "sub-shell"])
def test_build_that_outlives_its_shell_leaves_no_lock_files(
    which: str, user_shell: UserShell, gate: Gate, traces: Traces, work: Path
) -> None:
    """distcc makes lock files at each compilation, even if it cannot reach the worker."""
    (work / "file.c").write_text("int number;\n")
    compile_between = f"{gate.word}; for i in 1 2; do distcc gcc -c file.c; {gate.word}; done"
    with running(user_shell, f"distcc_build sh -c {shlex.quote(compile_between)}") as process:
        gate.wait()
        gate.open()
        gate.wait()
        assert traces.slot_files()
        os.kill(process.pid if which == "shell" else traces.owner(), signal.SIGKILL)
        traces.wait_for_closed_tunnels()
        assert len(traces.guards()) == 1
        gate.open()
        last = gate.wait()
        gate.open()
        if which == "shell":
            traces.wait_for_shells()  # the sub-shell closes the session once more
        traces.wait_for_none(last.distcc_hosts)
    assert (work / "file.o").exists()


@pytest.mark.usefixtures("worker")
def test_shell_is_killed_while_a_substitution_builds(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """The shell that waits for a build in a substitution is not `$$`."""
    script = f'x=$(distcc_build {gate.word}; echo inner); echo "<$x>"'
    with running(user_shell, script) as process:
        held = gate.wait()
        assert len(traces.masters()) == 1
        os.kill(process.pid, signal.SIGKILL)
        gate.open()
        traces.wait_for_shells()
        traces.wait_for_none(held.distcc_hosts)


@pytest.mark.parametrize("which", ["shell", "plan", "guard"])
def test_process_is_killed_while_a_plan_is_connecting(
    which: str, silent: Server, ssh: SshUser, user_shell: UserShell, traces: Traces
) -> None:
    ssh.default(ConnectTimeout="5")
    with running(user_shell, "distcc_build echo built; echo $?") as process:
        wait_for_both(silent, traces)
        victim = {"shell": lambda: process.pid, "plan": lambda: traces.plans()[0], "guard": traces.guard}
        os.kill(victim[which](), signal.SIGKILL)
        if which == "shell":
            traces.wait_for_shells()  # the sub-shell goes on
            traces.wait_for_none()
            return
        status, stdout, stderr = finish(process)
        assert status == 0
        if which == "plan":
            assert stdout == "96\n"
            assert "signal 9 (SIGKILL) ended the plan; was this machine or container out of memory?" in stderr
        else:
            assert stdout == "built -j 5\n0\n"
        traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_sub_shell_is_killed_before_its_plan_has_begun(
    user_shell: UserShell, traces: Traces, tmp_path: Path
) -> None:
    """The plan's parent is then the process that has adopted it, and must not count as the shell."""
    may_begin = tmp_path / "may_begin"
    os.mkfifo(may_begin)
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nread -r line < {may_begin}\nexec {shlex.quote(sys.executable)} "$@"\n')
    slow.chmod(0o755)
    user_shell.environ["DISTCC_DRIVER_PYTHON"] = str(slow)
    with running(user_shell, "distcc_build true; echo $?") as process:
        wait_until(lambda: len(traces.plans()) == 1, "the interpreter is started")
        (waiting,) = traces.plans()
        os.kill(int(stat_fields(waiting)[1]), signal.SIGKILL)
        may_begin.write_text("now\n")
        _, stdout, stderr = finish(process)
        assert stdout == "137\n"
        assert "distcc-driver: " not in stderr
        traces.wait_for_none()


@pytest.mark.skipif(
    not may_unshare("--pid", "--fork", "--mount-proc"), reason="this user may not make a process namespace"
)
@pytest.mark.usefixtures("worker")
def test_shell_is_the_first_process_of_a_container(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    """Its pid is 1. Elsewhere, a parent with pid 1 means that the real parent has died."""
    script = user_shell.command(f"{user_shell.sourcing}\ndistcc_build {gate.word}\n:".encode())
    with (
        subprocess.Popen(
            [*with_processes_and_proc(), *script], env=user_shell.environ, cwd=user_shell.cwd
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)
        gate.wait()
        guard = traces.guard()
        wait_until(lambda: "[pidfd]" in descriptors_of(guard) or not is_alive(guard), "the guard watches")
        assert is_alive(guard)
        assert len(traces.masters()) == 1
        gate.open()
        assert process.wait(60) == 0
        traces.assert_none()


def descriptors_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return " ".join(os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd"))
    return ""


@pytest.mark.usefixtures("worker")
def test_guard_is_killed(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with held_build(user_shell, gate) as (process, _, hosts):
        os.kill(traces.guard(), signal.SIGKILL)
        gate.open()
        assert finish(process)[0] == 0
        traces.assert_none(hosts)


@pytest.mark.usefixtures("worker")
def test_shell_is_killed_just_before_its_plan_hands_the_tunnels_over(
    user_shell: UserShell, gate: Gate, traces: Traces, tmp_path: Path
) -> None:
    """The guard closes the tunnels then. If the build began, distcc's files for the tunnels would be left."""
    user_shell.environ["LD_PRELOAD"] = library(tmp_path / "link.so", STOPPING_LINK)
    with running(user_shell, f"distcc_build {gate.word}") as process:
        wait_until(
            lambda: [pid for pid in traces.plans() if stat_fields(pid)[0] == "T"],
            "the plan is about to write its state",
        )
        (plan,) = traces.plans()
        (session,) = traces.sessions()
        (master,) = traces.masters()
        os.kill(master, signal.SIGSTOP)  # so the guard needs 2 s
        os.kill(process.pid, signal.SIGKILL)
        wait_until((session / "state.taken").exists, "the guard has begun")
        os.kill(plan, signal.SIGCONT)
        traces.wait_for_shells()
        traces.wait_for_none()
    assert not gate.has_run()


@pytest.mark.usefixtures("worker")
def test_end_of_the_build_is_killed(user_shell: UserShell, gate: Gate, traces: Traces, work: Path) -> None:
    """The end has taken the state, and has not removed any file: the guard does the rest."""
    (work / "file.c").write_text("int number;\n")
    build = f"distcc gcc -c file.c; {gate.word}"
    with running(user_shell, f"distcc_build sh -c {shlex.quote(build)}; echo $?") as process:
        held = gate.wait()
        assert traces.slot_files()
        (session,) = traces.sessions()
        (master,) = traces.masters()
        os.kill(master, signal.SIGSTOP)  # so ending it takes 2 s
        gate.open(3)
        wait_until((session / "state.taken").exists, "the end has begun")
        (ending,) = [pid for pid, words in traces.processes().items() if "release" in words]
        os.kill(ending, signal.SIGKILL)
        assert finish(process)[1] == "3\n"
        traces.wait_for_none(held.distcc_hosts)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("ending", ["build", "shell"])
def test_connection_that_does_not_answer_is_killed(
    ending: str, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with held_build(user_shell, gate) as (process, _, hosts):
        (master,) = traces.masters()
        os.kill(master, signal.SIGSTOP)
        if ending == "build":
            gate.open()
            assert finish(process)[0] == 0
            traces.assert_none(hosts)
        else:
            os.kill(process.pid, signal.SIGKILL)
            traces.wait_for_closed_tunnels()
            gate.open()
            traces.wait_for_shells()
            traces.wait_for_none(hosts)
        assert not is_alive(master)


def test_ssh_that_does_not_answer_is_killed_while_it_is_connecting(
    silent: Server, user_shell: UserShell, traces: Traces
) -> None:
    with running(user_shell, "distcc_build echo built") as process:
        wait_for_both(silent, traces)
        for pid in traces.masters():
            os.kill(pid, signal.SIGSTOP)
        os.killpg(process.pid, signal.SIGTERM)
        finish(process)
        traces.wait_for_shells()
        traces.wait_for_none()


@pytest.mark.usefixtures("worker")
def test_process_with_similar_arguments_is_left_alone(
    user_shell: UserShell, gate: Gate, traces: Traces, start_bystander: Callable[[str], int]
) -> None:
    with held_build(user_shell, gate) as (process, _, hosts):
        (session,) = traces.sessions()
        bystander = start_bystander(f"{session}x/0")
        gate.open()
        assert finish(process)[0] == 0
        assert is_alive(bystander)
    assert hosts


@pytest.fixture
def start_bystander() -> Iterator[Callable[[str], int]]:
    with contextlib.ExitStack() as stack:

        def start(control: str) -> int:
            command = ["sh", "-c", "read -r line", "ssh", "-S", control, "-N"]
            process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE))
            stack.callback(process.terminate)
            return process.pid

        yield start

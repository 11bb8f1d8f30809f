"""`distcc-driver workers` with workers behind ssh: its end closes all tunnels, whatever ends it."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import Driver, driver_command, run_driver
from tests.support.ports import refusing_port
from tests.support.preload import library
from tests.support.processes import wait_until
from tests.support.shapes import assert_shape
from tests.support.terminal import Terminal

from .conftest import PASSPHRASE, behind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

SIGNALLING_MKDIR = """
int mkdir(const char *path, mode_t mode) {
    int made = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    const char *number = getenv("SIGNAL_AT_MKDIR");
    if (made == 0 && number && strstr(path, "/distcc-driver."))
        kill(getpid(), atoi(number));
    return made;
}
"""


def test_worker_behind_ssh_is_asked_and_its_tunnel_closed(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    result = run_driver(environ, work, "workers", "--json")
    document = json.loads(result.stdout)
    assert_shape(document, "`workers`")
    assert (result.returncode, result.stderr) == (0, "")
    (host,) = document["hosts"]
    assert (host["host"], host["via"], host["state"], host["slots"]) == (worker, "ssh", "used", 5)
    traces.assert_none(document["plan"]["set"]["DISTCC_HOSTS"])


def test_modules_in_the_users_directory_are_not_imported(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    for name in ("select.py", "sh.py", "distcc_driver.py"):
        (work / name).write_text(f"raise SystemExit('imported {name}')\n")
    assert run_driver(environ, work, "workers", worker).returncode == 0
    traces.assert_none()


def test_ssh_asks_on_the_terminal_if_the_messages_go_to_a_file(
    environ: dict[str, str],
    work: Path,
    ssh: SshUser,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    traces: Traces,
) -> None:
    entry = behind(ssh.host("worker", shared_sshd), shared_distccd)
    command = ["sh", "-c", 'exec "$@" 2>messages', "sh", *driver_command("workers", entry)]
    with Terminal(command, environ, work) as terminal:
        terminal.expect("continue connecting")
        terminal.send("yes\r")
        assert terminal.wait() == 0
    assert "ssh has a question" in (work / "messages").read_text()
    traces.assert_none()


def test_host_that_ssh_cannot_reach_is_left_out(
    environ: dict[str, str], work: Path, worker: str, ssh: SshUser, traces: Traces
) -> None:
    ssh.host("gone", HostName="127.0.0.1", Port="1")
    result = run_driver(environ, work, "workers", "ssh://gone", worker)
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("ssh://gone ")]
    assert "ssh failed (ssh: connect to host 127.0.0.1 port 1: Connection refused)" in line
    assert "try it by hand: ssh gone" in line
    traces.assert_none()


def test_question_without_a_terminal_leaves_the_host_out(
    environ: dict[str, str],
    work: Path,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    ssh: SshUser,
    traces: Traces,
) -> None:
    ssh.host("unknown", shared_sshd)
    result = run_driver(environ, work, "workers", behind("unknown", shared_distccd))
    assert result.returncode == 1
    assert "its host key is not known" in result.stdout
    traces.assert_none()


def test_tunnels_stay_open_between_rounds(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    with Driver(environ, work, "workers", "--watch", "--json", worker) as driver:
        first = driver.document()
        masters, guard = traces.masters(), traces.guard()
        second = driver.document()
        assert len(masters) == 1
        assert os.readlink(f"/proc/{guard}/cwd") != str(work)
        assert (traces.masters(), traces.guard()) == (masters, guard)
        assert driver.end(signal.SIGINT) == (130, "")
    hosts = [document["plan"]["set"]["DISTCC_HOSTS"] for document in (first, second)]
    assert hosts[0] == hosts[1]
    traces.assert_none(hosts[0])


def test_worker_behind_a_tunnel_is_used_again_when_it_is_back(
    environ: dict[str, str],
    work: Path,
    start_distccd: Callable[..., Distccd],
    ssh: SshUser,
    shared_sshd: Sshd,
    traces: Traces,
) -> None:
    distccd = start_distccd()
    ssh.worker("far", shared_sshd)
    environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"
    with Driver(environ, work, "workers", "--watch", "--json", behind("far", distccd)) as driver:
        states = [driver.document()["hosts"][0]["state"]]
        os.kill(distccd.pid, signal.SIGSTOP)
        try:
            document = driver.document()
        finally:
            os.kill(distccd.pid, signal.SIGCONT)
        states.append(document["hosts"][0]["state"])
        states.append(driver.document()["hosts"][0]["state"])
        driver.end(signal.SIGTERM)
    assert states == ["used", "left out", "used"]
    assert document["hosts"][0]["cause"].startswith("behind ssh, stats port ")
    traces.assert_none()


def test_tunnel_that_ends_between_rounds_is_reported(
    environ: dict[str, str],
    work: Path,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    ssh: SshUser,
    traces: Traces,
) -> None:
    sshd = start_sshd()
    ssh.worker("far", sshd)
    with Driver(environ, work, "workers", "--watch", "--json", behind("far", shared_distccd)) as driver:
        assert driver.document()["hosts"][0]["state"] == "used"
        sshd.cut_connections()
        (host,) = driver.document()["hosts"]
        assert (host["state"], host["cause"]) == ("left out", "its tunnel has ended")
        driver.end(signal.SIGINT)
    traces.assert_none()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
)
def test_signal_closes_the_tunnels_first(
    environ: dict[str, str], work: Path, worker: str, traces: Traces, number: int, status: int
) -> None:
    with Driver(environ, work, "workers", "--watch", "--json", worker) as driver:
        hosts = driver.document()["plan"]["set"]["DISTCC_HOSTS"]
        assert driver.end(number) == (status, "")
    traces.assert_none(hosts)


def test_guard_closes_the_tunnels_if_the_command_is_killed(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    with Driver(environ, work, "workers", "--watch", "--json", worker) as driver:
        hosts = driver.document()["plan"]["set"]["DISTCC_HOSTS"]
        driver.end(signal.SIGKILL)
    traces.wait_for_none(hosts)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_ssh_connects(
    environ: dict[str, str], work: Path, worker: str, ssh: SshUser, traces: Traces, number: int, status: int
) -> None:
    ssh.write_wrapper("case $* in *-M*|*-N*) sleep 600 & wait ;; esac")
    with Driver(environ, work, "workers", worker) as driver:
        wait_until(lambda: len(traces.guards()) == 1 and traces.masters(), "ssh is connecting")
        assert driver.end(number)[0] == status
    traces.assert_none()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_as_the_session_directory_is_made(
    environ: dict[str, str],
    work: Path,
    worker: str,
    signalling_mkdir: Callable[[int], None],
    traces: Traces,
    number: int,
    status: int,
) -> None:
    """At this moment, only the process that has made the directory knows its name."""
    signalling_mkdir(number)
    result = run_driver(environ, work, "workers", worker)
    assert (result.returncode, result.stdout) == (status, "")
    traces.assert_none()


@pytest.fixture
def signalling_mkdir(environ: dict[str, str], tmp_path: Path) -> Callable[[int], None]:
    """Makes a process send itself a signal as soon as it has made a session directory."""
    path = library(tmp_path / "mkdir.so", SIGNALLING_MKDIR)

    def arm(number: int) -> None:
        environ.update(LD_PRELOAD=path, SIGNAL_AT_MKDIR=str(int(number)))

    return arm


def in_terminal(environ: dict[str, str], work: Path, *words: str) -> Terminal:
    return Terminal(driver_command("workers", *words), {**environ, "TERM": "xterm-256color"}, work)


def test_status_line_stops_while_ssh_asks_for_a_passphrase(
    environ: dict[str, str],
    work: Path,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    ssh: SshUser,
    keys: Keys,
    traces: Traces,
) -> None:
    ssh.worker("asks", shared_sshd)
    ssh.default(IdentityFile=str(keys.protected.private))
    with in_terminal(environ, work, behind("asks", shared_distccd)) as terminal:
        before = terminal.expect("ssh has a question")
        assert "asking 1 host" in before
        question = terminal.expect("Enter passphrase for key")
        assert "asking" not in question
        terminal.expect(": ")
        terminal.send(f"{PASSPHRASE}\n")
        terminal.expect("used")
        assert terminal.wait() == 0
    assert PASSPHRASE not in terminal.shown
    traces.assert_none()


def test_ssh_asks_about_an_unknown_host_key(
    environ: dict[str, str],
    work: Path,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    ssh: SshUser,
    traces: Traces,
) -> None:
    ssh.host("unknown", shared_sshd)
    with in_terminal(environ, work, behind("unknown", shared_distccd)) as terminal:
        terminal.expect("(yes/no/[fingerprint])? ")
        terminal.send("yes\n")
        terminal.expect("used")
        assert terminal.wait() == 0
    traces.assert_none()


def test_ctrl_c_at_a_question_restores_the_terminal(
    environ: dict[str, str],
    work: Path,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    ssh: SshUser,
    keys: Keys,
    traces: Traces,
) -> None:
    ssh.worker("asks", shared_sshd)
    ssh.default(IdentityFile=str(keys.protected.private))
    script = 'trap : INT; stty -a; echo "[before]"; "$@"; code=$?; echo "[after]"; stty -a; exit $code'
    command = driver_command("workers", behind("asks", shared_distccd))
    with Terminal(
        ["sh", "-c", script, "sh", *command], {**environ, "TERM": "xterm-256color"}, work
    ) as terminal:
        terminal.expect("Enter passphrase for key")
        terminal.send("\x03")
        assert terminal.wait() == 130
    before, _, rest = terminal.shown.partition("[before]")
    assert before.strip() == rest.partition("[after]")[2].strip()
    traces.assert_none()


def test_distccd_without_stats_is_reported(
    environ: dict[str, str],
    work: Path,
    shared_distccd: Distccd,
    ssh: SshUser,
    shared_sshd: Sshd,
    traces: Traces,
) -> None:
    ssh.worker("far", shared_sshd)
    job_port = shared_distccd.job_port
    with refusing_port() as down:
        hosts = [f"ssh://far/{job_port}/{down}", f"ssh://far/{down}/{down}"]
        done = run_driver(environ, work, "workers", *hosts)
    lines = [line for line in done.stdout.splitlines() if line.startswith("ssh://")]
    told = f"behind ssh, job port {job_port} answers and stats port {down} refuses: distccd runs there"
    assert told in lines[0]
    assert f"behind ssh, stats port {down} closed without a reply (ssh: " in lines[1]
    traces.assert_none()

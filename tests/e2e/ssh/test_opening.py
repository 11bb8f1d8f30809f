"""Opening tunnels: which hosts are used, and why others are left out."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support import servers
from tests.support.gate import finish, running
from tests.support.hostlist import workers_of
from tests.support.isolated import IsolatedWorker
from tests.support.namespaces import may_unshare
from tests.support.ports import LOOPBACK, bound_socket, host_spec, port_of, refusing_port
from tests.support.processes import listening_ports, of_program, wait_until
from tests.support.servers import Server
from tests.support.shells import MASQUERADE, write_c_project
from tests.support.sshd import USER
from tests.support.traces import LOOPBACK_HEX, tunnel_ports

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.shells import Recorder, UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys


def test_host_of_the_configuration_with_a_key_is_used(
    user_shell: UserShell, worker: str, recorder: Recorder, traces: Traces
) -> None:
    result = user_shell.run(f"distcc_build {recorder.word} all")
    assert result.returncode == 0
    assert result.stdout == ""
    assert result.stderr == f"distcc-driver: -j 5 = 5 remote ({worker}: 5)\n"
    assert recorder.arguments == [b"all", b"-j", b"5"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+/5,lzo", workers_of(recorder.environ["DISTCC_HOSTS"]))
    traces.assert_none(recorder.environ["DISTCC_HOSTS"])


def test_user_and_port_of_the_list_override_the_configuration(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    ssh.trust(shared_sshd)
    with refusing_port() as closed:
        ssh.host("worker", HostName=LOOPBACK, Port=str(closed), User="nobody-of-this-name")
        entry = behind(f"{USER}@worker:{shared_sshd.port}", shared_distccd)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
        result = user_shell.run("distcc_build true")
    assert result.stderr == f"distcc-driver: -j 5 = 5 remote ({entry}: 5)\n"


def test_without_a_user_in_the_list_that_of_the_configuration_is_taken(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.worker("worker", shared_sshd, User="nobody-of-this-name"), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, f"nobody-of-this-name@{LOOPBACK}: Permission denied")


def test_ssh_hosts_and_others_share_a_list(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_distccd: Callable[..., Distccd],
    recorder: Recorder,
    traces: Traces,
) -> None:
    small, direct, big = start_distccd(jobs=2), start_distccd(jobs=3), start_distccd(jobs=7)
    first, second = (ssh.worker(name, start_sshd()) for name in ("first", "second"))
    entries = [behind(first, small), direct.spec, behind(second, big)]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(entries)
    result = user_shell.run(f"distcc_build {recorder.word}")
    assert result.stderr == (
        f"distcc-driver: -j 12 = 12 remote ({entries[2]}: 7, {entries[1]}: 3, {entries[0]}: 2)\n"
    )
    slots = re.findall(r"127\.0\.0\.1:\d+/(\d+),lzo", recorder.environ["DISTCC_HOSTS"])
    assert slots == ["7", "3", "2"]
    traces.assert_none()


def test_eight_ssh_hosts_are_reached(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, recorder: Recorder
) -> None:
    hosts = [ssh.worker(f"worker-{number}", shared_sshd) for number in range(8)]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(behind(host, shared_distccd) for host in hosts)
    user_shell.run(f"distcc_build {recorder.word}")
    assert recorder.jobs == 40
    assert len(set(tunnel_ports(recorder.environ["DISTCC_HOSTS"]))) == 8


def test_build_compiles_through_two_tunnels(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    start_distccd: Callable[..., Distccd],
    traces: Traces,
) -> None:
    workers = [start_distccd(jobs=2), start_distccd(jobs=2)]
    entries = [
        behind(ssh.worker(f"worker-{number}", start_sshd()), worker) for number, worker in enumerate(workers)
    ]
    write_c_project(user_shell.cwd / "project", 12)
    user_shell.environ.update(
        PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=" ".join(entries),
        DISTCC_FALLBACK="0",
    )
    result = user_shell.run("distcc_build make -C project")
    assert result.returncode == 0, result.stderr
    assert (user_shell.cwd / "project" / "program").exists()
    assert sum(worker.compiled for worker in workers) == 12
    assert all(worker.compiled for worker in workers)
    traces.assert_none()


@pytest.mark.skipif(not may_unshare("--net"), reason="this user may not make network namespaces")
def test_distccd_in_a_network_that_only_its_sshd_reaches(
    user_shell: UserShell, ssh: SshUser, keys: Keys, traces: Traces
) -> None:
    with ExitStack() as stack:
        worker = IsolatedWorker(keys.host, [keys.user])
        stack.callback(worker.stop)
        assert worker.network != os.readlink("/proc/self/ns/net")
        ssh.known_hosts.write_text(f"isolated {keys.host.text}\n")
        ssh.host("isolated", ProxyCommand=worker.login_command, HostKeyAlias="isolated")
        write_c_project(user_shell.cwd / "project", 6)
        user_shell.environ.update(
            PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}",
            DISTCC_AUTO_HOSTS="ssh://isolated",
            DISTCC_FALLBACK="0",
        )
        result = user_shell.run("distcc_build make -C project")
        assert result.returncode == 0, result.stderr
        assert result.stderr.startswith("distcc-driver: -j 4 = 4 remote (ssh://isolated: 4)\n")
        assert worker.compiled == 6
        traces.assert_none()


# Host keys


def test_changed_host_key_is_refused(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    ssh.trust(shared_sshd, keys.other_host)
    entry = behind(ssh.host("worker", shared_sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    known = ssh.known_hosts.read_text()
    assert_built_without(user_shell, entry, "host key has changed", "ssh-keygen -R")
    assert ssh.known_hosts.read_text() == known


def test_unknown_host_key_is_not_accepted_without_a_terminal(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.host("worker", shared_sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "host key is not known", "connect once by hand: ssh worker")
    assert ssh.known_hosts.read_text() == ""


@pytest.mark.parametrize("level", ["QUIET", "DEBUG3"])
def test_cause_does_not_depend_on_the_log_level_of_the_configuration(
    level: str, user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.host("worker", shared_sshd, LogLevel=level), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "host key is not known (Host key verification failed.)")


def test_configuration_may_accept_new_host_keys(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.host("worker", shared_sshd, StrictHostKeyChecking="accept-new"), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
    assert f"5 remote ({entry}: 5)" in user_shell.run("distcc_build true").stderr
    assert shared_sshd.host_key.text in ssh.known_hosts.read_text()


# Hosts that fail


def test_key_that_the_worker_does_not_accept(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.worker("worker", shared_sshd, IdentityFile=str(keys.stranger.private)), shared_distccd)
    ssh.default(IdentityFile=str(keys.stranger.private))
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "Permission denied", "ssh-agent", "ssh-copy-id")


def test_more_keys_than_the_worker_allows(
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
) -> None:
    wrong = [str(key.private) for key in (keys.stranger, keys.other_host)]
    entry = behind(ssh.worker("worker", start_sshd("MaxAuthTries 1"), IdentityFile=wrong), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "ssh failed (Received disconnect", "Too many authentication")


def test_worker_that_forbids_forwarding(
    user_shell: UserShell, ssh: SshUser, start_sshd: Callable[..., Sshd], shared_distccd: Distccd
) -> None:
    entry = behind(ssh.worker("worker", start_sshd("AllowTcpForwarding no")), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "administratively prohibited", "AllowTcpForwarding")


@pytest.mark.usefixtures("worker")
def test_no_distccd_behind_the_sshd(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with refusing_port() as closed, refusing_port() as closed_too:
        entry = f"ssh://worker/{closed}/{closed_too}"
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, "behind ssh", "Connection refused", "distccd")


@pytest.mark.usefixtures("worker")
def test_distccd_without_stats(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with refusing_port() as closed:
        entry = f"ssh://worker/{shared_distccd.job_port}/{closed}"
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, "behind ssh", "stats port", "--stats")


@pytest.mark.usefixtures("worker")
def test_job_port_that_refuses(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with refusing_port() as closed:
        entry = f"ssh://worker/{closed}/{shared_distccd.stats_port}"
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, "behind ssh", "job port", "Connection refused")


@pytest.mark.usefixtures("worker")
def test_web_server_at_the_stats_port(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with Server(servers.html) as server:
        entry = f"ssh://worker/{shared_distccd.job_port}/{server.port}"
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, "behind ssh", "not a distccd stats page")


def test_banner_of_a_server_is_not_quoted_as_the_cause(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    tmp_path: Path,
) -> None:
    (tmp_path / "banner").write_text("Welcome!\n*** no trespassing ***\n")
    host = ssh.worker("worker", start_sshd(f"Banner {tmp_path / 'banner'}"))
    with Server(servers.html) as server:
        entry = f"ssh://{host}/{shared_distccd.job_port}/{server.port}"
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        line = assert_built_without(user_shell, entry, "not a distccd stats page")
    assert "trespassing" not in line


@pytest.mark.usefixtures("ssh")
def test_host_without_an_sshd(user_shell: UserShell, shared_distccd: Distccd) -> None:
    with refusing_port() as closed:
        entry = behind(f"{LOOPBACK}:{closed}", shared_distccd)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, "ssh failed", "Connection refused")


@pytest.mark.usefixtures("ssh")
def test_host_that_does_not_exist(user_shell: UserShell, shared_distccd: Distccd) -> None:
    entry = "ssh://no-such-host.invalid"
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "ssh failed", "Could not resolve hostname")


@pytest.mark.parametrize(
    ("user_shell", "timeout_s", "expected"),
    [("bash", "1", "timed out"), ("zsh", "1", "timed out"), ("bash", None, "timed out after 10 s")],
    ids=["bash-1", "zsh-1", "bash-default"],
    indirect=["user_shell"],
)
def test_sshd_that_accepts_connections_and_stays_silent(
    timeout_s: str | None, expected: str, user_shell: UserShell, ssh: SshUser, shared_distccd: Distccd
) -> None:
    if timeout_s is not None:
        ssh.default(ConnectTimeout=timeout_s)
    with Server(servers.hang) as silent:
        entry = behind(f"{LOOPBACK}:{silent.port}", shared_distccd)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
        assert_built_without(user_shell, entry, expected)
        assert silent.connections == 1


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("what", ["configuration", "program"])
def test_ssh_that_hangs_before_it_connects(
    what: str, user_shell: UserShell, ssh: SshUser, shared_distccd: Distccd
) -> None:
    """`ssh -G`, which is asked for the time-out, hangs, too."""
    if what == "program":
        ssh.write_wrapper("exec sleep 300")
    else:
        ssh.match('originalhost stuck exec "sleep 300"')
    entry = behind("stuck", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "timed out after 10 s")
    assert of_program("sleep", user_shell.environ) == []


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_configuration_that_is_not_utf_8(
    user_shell: UserShell, ssh: SshUser, shared_distccd: Distccd
) -> None:
    ssh.host("late", ProxyCommand="sleep 300", IdentityFile="/tmp/cl\udce9")
    entry = behind("late", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "timed out after 10 s")


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_proxies_that_ignore_signals_are_killed(
    user_shell: UserShell, ssh: SshUser, shared_distccd: Distccd
) -> None:
    ssh.default(ProxyCommand="sh -c 'trap : TERM HUP; while :; do sleep 300; done'")
    entries = [behind(f"stubborn-{number}", shared_distccd) for number in range(3)]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{' '.join(entries)} {shared_distccd.spec}"
    result = user_shell.run("distcc_build true")
    assert result.returncode == 0
    connecting, late, _ = result.stderr.splitlines()
    assert connecting == f"distcc-driver: {', '.join(entries)}: ssh is still connecting"
    assert late.startswith(f"distcc-driver: {', '.join(entries)}: ssh timed out after 10 s; ")
    assert of_program("sleep", user_shell.environ) == []


@pytest.mark.usefixtures("ssh")
def test_connections_that_the_plan_does_not_use_are_closed_before_the_build(
    user_shell: UserShell, worker: str, gate: Gate, traces: Traces
) -> None:
    with refusing_port() as closed, ExitStack() as stack:
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"ssh://worker/{closed} {worker}"
        process = stack.enter_context(running(user_shell, f"distcc_build {gate.word}"))
        gate.wait()
        assert len(traces.masters()) == 1
        gate.open()
        assert finish(process)[0] == 0
    traces.assert_none()


@pytest.mark.usefixtures("worker")
def test_build_that_is_refused_leaves_no_processes_and_files(user_shell: UserShell, traces: Traces) -> None:
    """There is no worker, and no local job is allowed."""
    with refusing_port() as closed:
        user_shell.environ.update(
            DISTCC_AUTO_HOSTS=f"ssh://worker/{closed}", DISTCC_AUTO_FALLBACK_LOCAL_JOBS="0"
        )
        result = user_shell.run("distcc_build true")
    assert result.returncode == 97
    assert result.stdout == ""
    traces.assert_none()


# Programs that are not installed


def tools_without_ssh(directory: Path) -> Path:
    """A directory with the programs that a build needs, but without ssh."""
    directory.mkdir()
    for name in ("distcc", "env", "python3", "readlink", "sh", "true"):
        (directory / name).symlink_to(f"/usr/bin/{name}")
    return directory


@pytest.mark.usefixtures("ssh")
def test_ssh_is_not_installed(user_shell: UserShell, shared_distccd: Distccd, tmp_path: Path) -> None:
    entries = ["ssh://first", "ssh://second"]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{' '.join(entries)} {shared_distccd.spec}"
    result = user_shell.run("distcc_build true", before=f"PATH={tools_without_ssh(tmp_path / 'tools')}")
    assert result.returncode == 0
    line, *others = result.stderr.splitlines()
    assert line.startswith(f"distcc-driver: {', '.join(entries)}: ssh: not found on PATH; install")
    assert others == [f"distcc-driver: -j 5 = 5 remote ({shared_distccd.spec}: 5)"]


def test_ssh_that_cannot_be_run(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind(ssh.worker("worker", shared_sshd), shared_distccd)
    ssh.wrapper.write_bytes(b"\x7fELF of another machine")
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "ssh cannot be started (")


@pytest.mark.usefixtures("worker")
def test_package_sh_is_not_installed(
    user_shell: UserShell, recorder: Recorder, tmp_path: Path, traces: Traces
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    user_shell.environ["DISTCC_DRIVER_PYTHON"] = str(bare / "bin" / "python")
    result = user_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == 96
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "No module named 'sh', which SSH hosts need; run make -C" in result.stderr
    assert not recorder.has_run
    traces.assert_none()


# Ports


@pytest.mark.parametrize("stolen", [[0], [1], [0, 1]], ids=["job", "stats", "both"])
def test_other_port_is_used_if_another_process_takes_the_chosen_one(
    stolen: list[int],
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    recorder: Recorder,
    gate: Gate,
    tmp_path: Path,
    traces: Traces,
) -> None:
    """The `ssh` on PATH first tells the test the ports, and waits until the test has taken them."""
    sshd = start_sshd()
    user_shell.environ["DISTCC_AUTO_HOSTS"] = behind(ssh.worker("worker", sshd), shared_distccd)
    ssh.write_wrapper(
        f'case " $* " in *" -O forward "*)\n'
        f'mkdir {tmp_path}/asked 2> /dev/null && DISTCC_HOSTS="$*" {gate.word} ;;\nesac'
    )
    with ExitStack() as stack:
        process = stack.enter_context(running(user_shell, f"distcc_build {recorder.word}"))
        chosen = re.findall(r"-L 127\.0\.0\.1:(\d+):", gate.wait().distcc_hosts)
        assert len(chosen) == 2
        for index in stolen:
            thief = stack.enter_context(socket.socket())
            # Without the option, the thief cannot bind a port that the plan holds.
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind((LOOPBACK, int(chosen[index])))
            thief.listen()
        gate.open()
        status, stdout, stderr = finish(process)
        (port,) = tunnel_ports(recorder.environ["DISTCC_HOSTS"])
        assert str(port) not in chosen
    assert (status, stdout) == (0, "")
    assert len(stderr.splitlines()) == 1
    assert sshd.log().count("Accepted publickey") == 1, "on the same connection"
    traces.assert_none()


def test_ssh_that_never_forwards_a_port(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, tmp_path: Path
) -> None:
    """The port may have been taken each time, so ssh is asked five times; then the worker is left out."""
    entry = behind(ssh.worker("worker", shared_sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    asked = tmp_path / "asked"
    ssh.write_wrapper(
        f'case " $* " in *" -O forward "*)\necho x >>{asked}\necho "forward: no room" >&2\nexit 255 ;;\nesac'
    )
    assert_built_without(
        user_shell, entry, "ssh cannot forward a port", "no room", "check the ports of this machine"
    )
    assert asked.read_text() == "x\n" * 5


@pytest.mark.usefixtures("worker")
def test_tunnels_listen_on_loopback_only(user_shell: UserShell, ssh: SshUser, gate: Gate) -> None:
    ssh.default(GatewayPorts="yes")
    before = set(listening_ports())
    with running(user_shell, f"distcc_build {gate.word}") as process:
        (port,) = tunnel_ports(gate.wait().distcc_hosts)
        listening = listening_ports()
        assert listening[port] == {LOOPBACK_HEX}
        assert port not in before
        gate.open()
        assert finish(process)[0] == 0


@pytest.mark.parametrize("in_use", [True, False], ids=["in-use", "free"])
def test_forwards_of_the_configuration_are_not_made(
    in_use: bool, user_shell: UserShell, worker: str, ssh: SshUser, gate: Gate, traces: Traces
) -> None:
    with ExitStack() as stack:
        holder = stack.enter_context(bound_socket())
        port = port_of(holder)
        if in_use:
            holder.listen()
        else:
            holder.close()
        ssh.default(
            LocalForward=f"{LOOPBACK}:{port} localhost:1",
            RemoteForward=f"{LOOPBACK}:{port} localhost:1",
            DynamicForward=f"{LOOPBACK}:{port}",
            ExitOnForwardFailure="yes",
        )
        process = stack.enter_context(running(user_shell, f"distcc_build {gate.word}"))
        gate.wait()
        assert (port in listening_ports()) == in_use
        gate.open()
        status, _, stderr = finish(process)
    assert status == 0
    assert stderr == f"distcc-driver: -j 5 = 5 remote ({worker}: 5)\n"
    traces.assert_none()


# Other options of a configuration


def test_own_master_connection_of_the_user_is_neither_used_nor_closed(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    traces: Traces,
) -> None:
    sshd = start_sshd()
    ssh.worker(
        "worker", sshd, ControlMaster="auto", ControlPath=str(ssh.directory / "mux"), ControlPersist="600"
    )
    user_shell.environ["DISTCC_AUTO_HOSTS"] = behind("worker", shared_distccd)
    assert user_shell.run("distcc_build true").returncode == 0
    assert not (ssh.directory / "mux").exists(), "the tunnel is no master for the user"
    assert ssh.run("-f", "-N", "worker") == 0
    try:
        assert ssh.run("-O", "check", "worker") == 0
        logins = sshd.log().count("Accepted publickey")
        result = user_shell.run("distcc_build true")
        assert result.returncode == 0
        assert len(result.stderr.splitlines()) == 1
        traces.assert_none()
        assert sshd.log().count("Accepted publickey") == logins + 1
        assert ssh.run("-O", "check", "worker") == 0
    finally:
        assert ssh.run("-O", "exit", "worker") == 0


def test_a_tunnel_does_nothing_else_that_the_configuration_asks_for(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    tmp_path: Path,
) -> None:
    sshd = start_sshd()
    local, remote, agent = (tmp_path / name for name in ("local", "remote", "agent"))
    asked_for = ["pty-req", "auth-agent-req", "Starting session: command", "compression: zlib"]
    ssh.worker(
        "worker",
        sshd,
        RequestTTY="force",
        RemoteCommand=f"touch {remote}",
        PermitLocalCommand="yes",
        LocalCommand=f"touch {local}",
        IdentityAgent=str(agent),
        ForwardAgent="yes",
        Compression="yes",
    )
    user_shell.environ["DISTCC_AUTO_HOSTS"] = behind("worker", shared_distccd)
    with ExitStack() as stack:
        command = ["ssh-agent", "-D", "-a", str(agent)]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        stack.callback(process.terminate)
        wait_until(agent.exists, "the agent is there")
        result = user_shell.run("distcc_build true")
        assert result.returncode == 0
        assert len(result.stderr.splitlines()) == 1
        assert not local.exists()
        assert not remote.exists()
        assert [text for text in asked_for if text in sshd.log()] == []
        ssh.run("worker")  # by hand, ssh does all of it; sshd gives a terminal only if it runs as root
        assert ssh.run("-T", "worker") == 0
    assert local.exists()
    assert remote.exists()
    assert [text for text in asked_for if text in sshd.log()] == asked_for


def test_worker_behind_a_jump_host(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    traces: Traces,
) -> None:
    jump, target = start_sshd(), start_sshd()
    ssh.worker("jump", jump)
    entry = behind(ssh.worker("worker", target, ProxyJump="jump"), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
    result = user_shell.run("distcc_build true")
    assert result.stderr == f"distcc-driver: -j 5 = 5 remote ({entry}: 5)\n"
    assert "Accepted publickey" in jump.log()
    traces.assert_none()


@pytest.mark.usefixtures("ssh")
def test_option_of_ssh_is_refused_as_a_host(user_shell: UserShell, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    entries = [f"ssh://-oProxyCommand=touch%20{canary}", f"ssh://-F{canary}", "ssh://-oX@worker"]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(entries)
    result = user_shell.run("distcc_build true")
    assert result.returncode == 96
    assert len(result.stderr.splitlines()) == 4
    assert not canary.exists()


@pytest.mark.usefixtures("ssh")
def test_host_list_without_ssh_hosts_starts_no_process(
    user_shell: UserShell, shared_distccd: Distccd, gate: Gate, traces: Traces
) -> None:
    user_shell.environ["DISTCC_AUTO_HOSTS"] = host_spec(
        LOOPBACK, shared_distccd.job_port, shared_distccd.stats_port
    )
    with running(user_shell, f"distcc_build {gate.word}") as process:
        gate.wait()
        assert traces.processes() == {}
        assert traces.sessions() == []
        gate.open()
        assert finish(process)[0] == 0

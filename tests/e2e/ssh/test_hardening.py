"""What other users, other machines and a changed host list cannot do to a build over ssh."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from distcc_driver.core.errors import HostSpecError
from distcc_driver.core.hostspec import SshHost, parse_host
from distcc_driver.ssh.sshcommand import target_arguments
from tests.support.gate import finish, running
from tests.support.ports import LOOPBACK
from tests.support.processes import is_alive, wait_until
from tests.support.sshd import SSH, Key
from tests.support.traces import LOOPBACK_HEX, tunnel_ports

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.shells import Recorder, UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

NOBODY = 65534


def as_another_user(code: str, *arguments: str) -> list[str]:
    """The command that runs Python code as user `nobody`, or as this user if it is not root."""
    become = f"if os.geteuid() == 0:\n    os.setgroups([])\n    os.setuid({NOBODY})\n"
    imports = "import os, socket, sys\n"  # first: `nobody` may be unable to read the modules
    return [os.path.realpath(sys.executable), "-ISs", "-c", imports + become + code, *arguments]


def try_as_another_user(code: str, *arguments: str) -> list[str]:
    """The words that Python code prints when another user runs it."""
    done = subprocess.run(
        as_another_user(code, *arguments),
        check=True,
        capture_output=True,
        cwd="/",
        text=True,
        timeout=60,
    )
    return done.stdout.split()


# Host keys


def test_changed_host_key_excludes_that_worker_only(
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    recorder: Recorder,
    traces: Traces,
) -> None:
    first, changed, last = start_sshd(), start_sshd(), start_sshd()
    ssh.worker("first", first)
    ssh.trust(changed, keys.other_host)
    ssh.host("changed", changed)
    ssh.worker("last", last)
    entries = [behind(name, shared_distccd) for name in ("first", "changed", "last")]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(entries)
    result = user_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == 0
    refusal, summary = result.stderr.splitlines()
    assert refusal.startswith(f"distcc-driver: {entries[1]}: its host key has changed")
    assert f"10 remote ({entries[0]}: 5, {entries[2]}: 5)" in summary
    assert len(tunnel_ports(recorder.environ["DISTCC_HOSTS"])) == 2
    assert "Accepted publickey" not in changed.log()
    traces.assert_none(recorder.environ["DISTCC_HOSTS"])


@pytest.mark.parametrize("checking", ["no", "accept-new", "ask", "yes"])
def test_changed_host_key_is_refused_whatever_the_configuration_says(
    checking: str,
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
) -> None:
    """With `StrictHostKeyChecking no`, ssh itself connects, but forwards nothing."""
    sshd = start_sshd()
    ssh.trust(sshd, keys.other_host)
    entry = behind(ssh.host("worker", sshd, StrictHostKeyChecking=checking), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    known = ssh.known_hosts.read_text()
    assert_built_without(user_shell, entry, "host key has changed", "ssh-keygen -R")
    assert ssh.known_hosts.read_text() == known
    assert "direct-tcpip" not in sshd.log()


def test_no_further_key_of_a_known_host_is_written_down(
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    tmp_path: Path,
) -> None:
    """By default, ssh writes down the other keys of a server whose key it knows."""
    ssh.default(UpdateHostKeys="yes")
    further = Key(tmp_path, "further", kind="ecdsa")
    entry = behind(ssh.worker("worker", start_sshd(f"HostKey {further.private}")), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
    known = ssh.known_hosts.read_text()
    assert f"5 remote ({entry}: 5)" in user_shell.run("distcc_build true").stderr
    assert ssh.known_hosts.read_text() == known


@pytest.mark.parametrize("checking", ["no", "yes"])
def test_a_revoked_host_key_is_refused(
    checking: str,
    user_shell: UserShell,
    ssh: SshUser,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
) -> None:
    sshd = start_sshd()
    ssh.known_hosts.write_text(f"@revoked * {sshd.host_key.text}\n")
    entry = behind(ssh.host("worker", sshd, StrictHostKeyChecking=checking), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "its host key is revoked")
    assert "direct-tcpip" not in sshd.log()


# Ports

STEAL = """
places = [("127.0.0.1", 0), ("127.0.0.1", 1), ("0.0.0.0", 1), ("::", 1), ("::ffff:127.0.0.1", 1)]
for address, reuse in places:
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        thief = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        thief.setsockopt(socket.SOL_SOCKET, option, reuse)
        try:
            thief.bind((address, int(sys.argv[1])))
            thief.listen()
            print("taken")
        except OSError:
            print("refused")
        thief.close()
"""


def listeners_of(pid: int) -> dict[int, str]:
    """The TCP ports on which a process listens, each with its address in hexadecimal."""
    inodes = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].partition(":")
                found[int(port, 16)] = address
    return found


@pytest.mark.usefixtures("worker")
def test_our_ssh_listens_on_both_ports_and_on_loopback_only(
    user_shell: UserShell, ssh: SshUser, gate: Gate, traces: Traces
) -> None:
    ssh.default(GatewayPorts="yes")
    with running(user_shell, f"distcc_build {gate.word}") as process:
        (port,) = tunnel_ports(gate.wait().distcc_hosts)
        (master,) = traces.masters()
        listeners = listeners_of(master)
        assert port in listeners
        assert list(listeners.values()) == [LOOPBACK_HEX, LOOPBACK_HEX]
        gate.open()
        assert finish(process)[0] == 0


@pytest.mark.usefixtures("worker")
def test_no_other_process_gets_a_port_of_a_tunnel_after_its_ssh_was_killed(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """Another process would be sent sources, and could answer with objects of its own."""
    with running(user_shell, f"distcc_build {gate.word}") as process:
        held = gate.wait()
        (master,) = traces.masters()
        ports = [str(port) for port in listeners_of(master)]
        assert len(ports) == 2
        for port in ports:
            assert set(try_as_another_user(STEAL, port)) == {"refused"}, "while ssh listens"
        os.kill(master, 9)
        wait_until(lambda: not is_alive(master), "the connection is gone")
        for port in ports:
            assert set(try_as_another_user(STEAL, port)) == {"refused"}, "after its end"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((LOOPBACK, int(port)))
        gate.open()
        status, _, stderr = finish(process)
    assert status == 0
    assert "worker lost" in stderr
    traces.assert_none(held.distcc_hosts)
    assert "taken" in try_as_another_user(STEAL, ports[0]), "the thief can take a free port"


@pytest.mark.usefixtures("worker")
def test_no_other_process_gets_a_port_of_a_tunnel_after_its_shell_was_killed(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """The build goes on without its shell, and has the ports in its DISTCC_HOSTS."""
    with running(user_shell, f"distcc_build {gate.word}") as process:
        held = gate.wait()
        ports = [str(port) for port in listeners_of(*traces.masters())]
        process.kill()
        traces.wait_for_closed_tunnels()
        assert is_alive(held.pid)
        for port in ports:
            assert set(try_as_another_user(STEAL, port)) == {"refused"}
        gate.open()
        traces.wait_for_shells()
        traces.wait_for_none(held.distcc_hosts)
    assert "taken" in try_as_another_user(STEAL, ports[0]), "the thief can take a free port"


@pytest.mark.usefixtures("worker")
def test_no_other_process_gets_a_port_of_a_tunnel_between_two_commands_of_a_build(
    user_shell: UserShell, gate: Gate, traces: Traces, tmp_path: Path
) -> None:
    """The build is a shell function, and its shell was killed: no process has DISTCC_HOSTS then."""
    between = tmp_path / "between"
    os.mkfifo(between)
    with running(user_shell, f"b() {{ {gate.word}; read x < {between}; }}; distcc_build b") as process:
        held = gate.wait()
        ports = [str(port) for port in listeners_of(*traces.masters())]
        gate.open()
        wait_until(lambda: not is_alive(held.pid), "the first command has ended")
        process.kill()
        traces.wait_for_closed_tunnels()
        for port in ports:
            assert set(try_as_another_user(STEAL, port)) == {"refused"}
        between.write_text("go on\n")
        traces.wait_for_shells()
        traces.wait_for_none(held.distcc_hosts)


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])
def test_a_port_that_another_user_takes_between_choice_and_use_is_not_used(
    address: str,
    user_shell: UserShell,
    ssh: SshUser,
    worker: str,
    recorder: Recorder,
    gate: Gate,
    tmp_path: Path,
    traces: Traces,
) -> None:
    """The `ssh` on PATH first tells the test the ports, and waits until a thief has taken one."""
    ssh.write_wrapper(
        f'case " $* " in *" -O forward "*)\n'
        f'mkdir {tmp_path}/asked 2> /dev/null && DISTCC_HOSTS="$*" {gate.word} ;;\nesac'
    )
    take = (
        "thief = socket.socket()\n"
        "thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "thief.bind((sys.argv[1], int(sys.argv[2])))\nthief.listen()\n"
        "print('taken', flush=True)\nsys.stdin.read()\n"
    )
    with running(user_shell, f"distcc_build {recorder.word}") as process:
        stolen, _ = re.findall(r"-L 127\.0\.0\.1:(\d+):", gate.wait().distcc_hosts)
        with subprocess.Popen(
            as_another_user(take, address, stolen),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            text=True,
        ) as thief:
            assert thief.stdout is not None
            assert thief.stdout.readline() == "taken\n"
            gate.open()
            status, _, stderr = finish(process)
            thief.communicate("")
    (port,) = tunnel_ports(recorder.environ["DISTCC_HOSTS"])
    assert (status, stderr) == (0, f"distcc-driver: -j 5 = 5 remote ({worker}: 5)\n")
    assert str(port) != stolen
    traces.assert_none()


# The session directory

INTRUDE = """
session = sys.argv[1]
control = socket.socket(socket.AF_UNIX)
for attempt in (
    lambda: os.listdir(session),
    lambda: os.stat(session + "/0"),
    lambda: control.connect(session + "/0"),
    lambda: open(session + "/0.log"),
    lambda: open(session + "/new", "w"),
    lambda: os.chmod(session, 0o777),
    lambda: os.rename(session, session + ".moved"),
    lambda: os.rmdir(session),
):
    try:
        attempt()
        print("done")
    except PermissionError:
        print("refused")
"""


def session_of(traces: Traces) -> Path:
    (session,) = traces.sessions()
    return session


@pytest.mark.usefixtures("worker")
def test_another_user_can_do_nothing_with_the_session(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    Path(user_shell.environ["TMPDIR"]).chmod(0o1777)  # as /tmp is
    with running(user_shell, f"distcc_build {gate.word}") as process:
        gate.wait()
        session = session_of(traces)
        assert session.stat().st_mode & 0o7777 == 0o700
        if os.geteuid() == 0:
            assert set(try_as_another_user(INTRUDE, str(session))) == {"refused"}
        gate.open()
        assert finish(process)[0] == 0
    traces.assert_none()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("mode", [0o777, 0o770])
@pytest.mark.parametrize("below", ["", "mine", "mine/tmp"])
def test_a_directory_in_which_others_may_rename_is_no_place_for_a_session(
    mode: int, below: str, user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    """Nor is a directory below it: another user could replace that directory."""
    shared = Path(user_shell.environ["TMPDIR"], "shared")
    (shared / below).mkdir(parents=True)
    shared.chmod(mode)
    user_shell.environ["TMPDIR"] = str(shared / below)
    with running(user_shell, f"distcc_build {gate.word}") as process:
        gate.wait()
        words = traces.processes()[traces.guard()]
        session = Path(words[words.index("guard") + 1])
        assert session.parent == Path("/tmp")
        gate.open()
        assert finish(process)[0] == 0
    traces.assert_none()
    assert not session.exists()
    shutil.rmtree(shared)


@pytest.mark.usefixtures("worker")
def test_link_on_the_way_to_the_session_is_followed_once(
    user_shell: UserShell, gate: Gate, traces: Traces, tmp_path: Path
) -> None:
    """A later change of the link has no effect."""
    link = tmp_path / "link"
    link.symlink_to(user_shell.environ["TMPDIR"])
    user_shell.environ["XDG_RUNTIME_DIR"] = str(link)
    with running(user_shell, f"distcc_build {gate.word}") as process:
        gate.wait()
        words = traces.processes()[traces.guard()]
        session = Path(words[words.index("guard") + 1])
        assert session.parent == Path(user_shell.environ["TMPDIR"])
        link.unlink()
        gate.open()
        assert finish(process)[0] == 0
    assert not session.exists()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", ["link", "directory of another"])
def test_link_or_directory_in_the_place_of_the_session_is_left_alone(
    kind: str, user_shell: UserShell, gate: Gate, traces: Traces, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "state").write_text("info\n0 1 ssh://elsewhere")
    (precious / "letter").touch()
    if kind != "link" and os.geteuid() != 0:
        kind = "link"  # only root can give a directory away
    with running(user_shell, f"distcc_build {gate.word}") as process:
        held = gate.wait()
        session = session_of(traces)
        moved = session.rename(tmp_path / "moved")
        if kind == "link":
            session.symlink_to(precious)
        else:
            os.chown(precious, NOBODY, NOBODY)
            precious.rename(session)
        gate.open()
        status, _, stderr = finish(process)
    left = session.resolve()
    assert sorted(os.listdir(left)) == ["letter", "state"]
    assert status == 0
    assert f"distcc-driver: {session}: cannot be removed" in stderr
    assert "elsewhere" not in stderr
    if kind == "link":
        session.unlink()
    else:
        session.rename(tmp_path / "given")
    assert (moved / "0.log").exists()
    traces.assert_none(held.distcc_hosts)


# The list is data

WORDS = st.text(alphabet="ab-_.@:/[]%$`'\"\\ \n;|&=oFJ0123456789", max_size=24)


def accepted(text: str) -> bool:
    try:
        return isinstance(parse_host(f"ssh://{text}"), SshHost)
    except HostSpecError:
        return False


# Few random texts are hosts, so try words of the grammar, too.
WORDS_OF_HOSTS = st.lists(
    st.sampled_from([*"ab-_.@:/[]%$1F", "-oF", "-J", "ProxyCommand", "::1", "[::1]", ":22", "/3632"]),
    min_size=1,
    max_size=8,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given((WORDS | WORDS_OF_HOSTS).filter(accepted))
@example("[0::]")
@example("1")
@example("[::1%lo]")
@example("[::ffff:1.2.3.4]")
def test_ssh_takes_no_word_of_the_list_for_an_option(text: str) -> None:
    """`ssh -G` prints the same settings as for a plain host, but for host, port and user."""
    host = parse_host(f"ssh://{text}")
    assert isinstance(host, SshHost)
    seen = understood(target_arguments(host))
    plain = understood(["--", "plain"])
    given_words = {"host", "originalhost", "hostname", "port", "user"}
    assert {key for key in seen if seen[key] != plain.get(key)} <= given_words
    assert seen["hostname"] in ([host.name.lower()], [as_number(host.name)])
    assert host.ssh_port is None or seen["port"] == [str(host.ssh_port)]
    assert host.user is None or seen["user"] == [host.user]


def as_number(name: str) -> str | None:
    """The address that ssh writes for a name that is a number: 0.0.0.1 for 1, :: for 0::."""
    try:
        return str(socket.getaddrinfo(name.encode(), None, flags=socket.AI_NUMERICHOST)[0][4][0])
    except OSError:
        return None


def understood(arguments: list[str]) -> dict[str, list[str]]:
    """The settings that ssh would use, each with its values."""
    done = subprocess.run(
        [SSH, "-F", "none", "-G", *arguments],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found

"""SSH servers that are broken or hostile: the build leaves them out with one printable line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hostilesshd import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    ENDLESS_BANNER,
    INTRUDER,
    HostileSshd,
    Malice,
)
from tests.support.hostlist import workers_of
from tests.support.planned import planned
from tests.support.ports import LOOPBACK
from tests.support.processes import wait_until
from tests.support.servers import Server
from tests.support.terminal import Terminal
from tests.support.traces import Traces

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.distccd import Distccd
    from tests.support.hostile import Behaviour
    from tests.support.shells import Recorder, UserShell
    from tests.support.sshd import SshUser

    from .conftest import Keys

TIMEOUT_S = 2
PEAK_MIB = 40


def name_of(fault: Behaviour | Malice) -> str:
    return fault.name


@pytest.fixture(autouse=True)
def _little_patience(ssh: SshUser, environ: dict[str, str]) -> None:
    ssh.default(ConnectTimeout=str(TIMEOUT_S))
    environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"


def assert_left_out(shell: UserShell, entry: str, other: Distccd, cause: str) -> None:
    """Check that the build uses only the other worker, and prints one short line with the cause."""
    shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {other.spec}"
    line = assert_built_without(shell, entry, cause)
    assert line.isprintable(), ascii(line)
    assert len(line) < 500


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("fault", BEFORE_LOGIN, ids=name_of)
def test_server_that_fails_before_the_login_is_left_out(
    fault: Behaviour, user_shell: UserShell, shared_distccd: Distccd
) -> None:
    with Server(fault.answer) as server:
        entry = behind(f"{LOOPBACK}:{server.port}", shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, fault.cause)
        assert server.connections in (1, 2), "a second one after a close before the login"


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("malice", AFTER_LOGIN, ids=name_of)
def test_server_that_misbehaves_after_the_login_is_left_out(
    malice: Malice, user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd
) -> None:
    with HostileSshd(keys.host, malice) as server:
        entry = behind(ssh.worker("worker", server), shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, malice.cause)
        assert server.logins == 1


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an ssh-agent."""
    path = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL) as process:
        wait_until(path.exists, "the agent listens")
        yield path
        process.terminate()


@pytest.mark.parametrize("user_shell", ["zsh"], indirect=True)
def test_server_reaches_neither_ports_nor_agent_of_its_client(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd, agent: Path
) -> None:
    """The configuration would forward the agent to every server."""
    ssh.default(ForwardAgent="yes", IdentityAgent=str(agent))
    with HostileSshd(keys.host, INTRUDER) as server:
        entry = behind(ssh.worker("worker", server), shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, INTRUDER.cause)
        assert server.refused == {"to_port", "to_agent"}
        assert server.opened == 0


def test_endless_banner_takes_neither_memory_nor_disk_space(
    environ: dict[str, str], ssh: SshUser, keys: Keys, shared_distccd: Distccd
) -> None:
    """No more than a pipe holds is kept of the banner. The next test shows the limit of ssh's own file."""
    sizes = [0]
    with HostileSshd(keys.host, ENDLESS_BANNER) as server:
        entry = behind(ssh.worker("worker", server), shared_distccd)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.1):
                with contextlib.suppress(FileNotFoundError):  # the session is being closed
                    sizes.append(sum(path.stat().st_size for path in Path(environ["TMPDIR"]).glob("*/*")))

        watcher = threading.Thread(target=watch)
        watcher.start()
        result = planned({**environ, "DISTCC_AUTO_HOSTS": f"{entry} {shared_distccd.spec}"})
        over.set()
        watcher.join()
    assert ENDLESS_BANNER.cause in result.lines[-2]
    assert len(sizes) > 20
    assert max(sizes) < 64 * 1024
    assert result.peak_mib < PEAK_MIB


@pytest.mark.usefixtures("worker")
def test_files_that_ssh_writes_have_a_size_limit(user_shell: UserShell, ssh: SshUser, tmp_path: Path) -> None:
    ssh.write_wrapper(f"ulimit -f >{tmp_path}/limit")
    assert user_shell.run("distcc_build true").returncode == 0
    assert int((tmp_path / "limit").read_text()) * 512 == 64 * 1024 * 1024


def test_all_faults_in_one_build_print_only_printable_lines(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd, recorder: Recorder
) -> None:
    """The build runs in a terminal, which would act on control characters."""
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(Server(fault.answer)).port for fault in BEFORE_LOGIN]
        hosts = [f"{LOOPBACK}:{port}" for port in ports]
        for number, malice in enumerate(AFTER_LOGIN):
            sshd = stack.enter_context(HostileSshd(keys.host, malice))
            hosts.append(ssh.worker(f"worker-{number}", sshd))
        entries = [behind(host, shared_distccd) for host in hosts]
        user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join([*entries, shared_distccd.spec])
        script = f"{user_shell.sourcing}\ndistcc_build {recorder.word}\n"
        terminal = stack.enter_context(
            Terminal(user_shell.command(os.fsencode(script)), user_shell.environ, user_shell.cwd)
        )
        assert terminal.wait() == 0
    assert workers_of(recorder.environ["DISTCC_HOSTS"]) == shared_distccd.distcc_host
    for cause in ("ssh failed", "ssh timed out", "not a distccd stats page", "open failed"):
        assert cause in terminal.shown
    lines = terminal.shown.split("\r\n")[:-1]
    for line in lines:
        assert line.startswith("distcc-driver: ")
        assert line.isprintable(), ascii(line)
    Traces(user_shell.environ).assert_none()

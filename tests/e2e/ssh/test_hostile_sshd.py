"""SSH servers that are broken or hostile: the build begins without them, and says so in clean words."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.hostilesshd import AFTER_LOGIN, BEFORE_LOGIN, ENDLESS_BANNER, HostileSshd, Malice
from tests.support.ports import LOOPBACK
from tests.support.servers import Server
from tests.support.terminal import Terminal
from tests.support.traces import Traces

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from tests.support.distccd import Distccd
    from tests.support.hostile import Behaviour
    from tests.support.shells import Recorder, UserShell
    from tests.support.sshd import SshUser

    from .conftest import Keys

TIMEOUT_S = 2


def name_of(fault: Behaviour | Malice) -> str:
    return fault.name


@pytest.fixture(autouse=True)
def _little_patience(ssh: SshUser, environ: dict[str, str]) -> None:
    ssh.default(ConnectTimeout=str(TIMEOUT_S))
    environ["DISTCC_AUTO_CONNECT_TIMEOUT"] = "0.5"


def assert_left_out(shell: UserShell, entry: str, other: Distccd, cause: str) -> None:
    """The build has the other worker alone, and there is one short line with the cause."""
    shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {other.spec}"
    line = assert_built_without(shell, entry, cause)
    assert line.isprintable(), ascii(line)
    assert len(line) < 500


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("fault", BEFORE_LOGIN, ids=name_of)
def test_a_server_that_nobody_can_log_in_to(
    fault: Behaviour, user_shell: UserShell, shared_distccd: Distccd
) -> None:
    with Server(fault.answer) as server:
        entry = behind(f"{LOOPBACK}:{server.port}", shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, fault.cause)
        assert server.connections == 1


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("malice", AFTER_LOGIN, ids=name_of)
def test_a_server_that_lets_everybody_in(
    malice: Malice, user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd
) -> None:
    with HostileSshd(keys.host, malice) as server:
        entry = behind(ssh.worker("worker", server), shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, malice.cause)
        assert server.logins == 1
        assert server.opened == 0, "a client of a tunnel lets nobody in"


@pytest.mark.parametrize("user_shell", ["zsh"], indirect=True)
def test_a_banner_without_end_takes_neither_memory_nor_room(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd
) -> None:
    """What it says is dropped: no file could tell, for the whole is gone when the time is up."""
    with HostileSshd(keys.host, ENDLESS_BANNER) as server:
        entry = behind(ssh.worker("worker", server), shared_distccd)
        assert_left_out(user_shell, entry, shared_distccd, "ssh timed out after 10 s")


def test_every_fault_at_once(
    user_shell: UserShell, ssh: SshUser, keys: Keys, shared_distccd: Distccd, recorder: Recorder
) -> None:
    """In a terminal: not a byte of what they say reaches it that it would act on."""
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
    assert recorder.environ["DISTCC_HOSTS"] == shared_distccd.distcc_host
    lines = terminal.shown.split("\r\n")[:-1]
    for line in lines:
        assert line.startswith("distcc-driver: ")
        assert line.isprintable(), ascii(line)
    Traces(user_shell.environ).assert_none()

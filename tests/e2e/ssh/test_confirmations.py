"""The agent asks a person to confirm a key, and the person takes some time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.agent import Agent
from tests.support.shells import PROMPT

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.shells import UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

LIMIT_S = 10  # how long a login may take
WAITING = "ssh waits for the agent or a token to sign; confirm it there, or press Ctrl-C"


@pytest.fixture
def agent(ssh: SshUser, keys: Keys, tmp_path: Path, gate: Gate) -> Iterator[Agent]:
    """The user's agent; each time it has to sign, it runs the gate to ask for a confirmation."""
    agent = Agent(tmp_path / "agent", gate.program)
    agent.add(keys.user, options=["-c"])
    ssh.default(IdentityAgent=str(agent.socket))
    yield agent
    agent.stop()


@pytest.mark.usefixtures("agent")
def test_time_that_a_person_needs_to_confirm_does_not_count(
    user_shell: UserShell, worker: str, gate: Gate, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build true\r")
        gate.wait()
        terminal.expect(f"distcc-driver: {worker}: {WAITING}")
        time.sleep(LIMIT_S + 1)  # the person thinks
        gate.open()
        terminal.expect(f"-j 5 = 5 remote ({worker}: 5)")
        terminal.expect(PROMPT)
        assert terminal.shown.count("ssh waits") == 1
        traces.assert_none()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_build_waits_for_a_confirmation_for_a_jump_host(
    user_shell: UserShell, ssh: SshUser, worker: str, shared_sshd: Sshd, shared_distccd: Distccd, gate: Gate
) -> None:
    far = behind(ssh.host("far", shared_sshd, ProxyJump="worker"), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = far
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build true\r")
        gate.wait()
        terminal.expect(f"distcc-driver: {far}: {WAITING}")
        gate.open()
        gate.wait()
        gate.open()
        terminal.expect(f"-j 5 = 5 remote ({far}: 5)")
        terminal.expect(PROMPT)
    assert worker not in terminal.shown


@pytest.mark.usefixtures("agent", "worker")
def test_ctrl_c_while_the_agent_waits_ends_the_build(
    user_shell: UserShell, gate: Gate, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build true\r")
        gate.wait()
        terminal.expect(WAITING)
        terminal.send("\x03")
        terminal.expect(PROMPT)
        traces.assert_none()
        terminal.send('echo "status:$?"\r')
        terminal.expect("status:130")
        gate.open()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_without_a_terminal_the_login_times_out_and_the_line_names_the_agent(
    user_shell: UserShell, worker: str, shared_distccd: Distccd, gate: Gate
) -> None:
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{worker} {shared_distccd.spec}"
    assert_built_without(user_shell, worker, "ssh timed out after 10 s, waiting for the agent")
    gate.wait()
    gate.open()


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_refusal_by_the_agent_does_not_advise_to_install_a_key(
    user_shell: UserShell, ssh: SshUser, keys: Keys, tmp_path: Path, worker: str, shared_distccd: Distccd
) -> None:
    no = tmp_path / "no"
    no.write_text("#!/bin/sh\nexit 1\n")
    no.chmod(0o755)
    agent = Agent(tmp_path / "agent", no)
    try:
        agent.add(keys.user, options=["-c"])
        # Only the public half: ssh must not try the key file after the agent.
        ssh.default(IdentityAgent=str(agent.socket), IdentityFile=str(keys.user.public))
        user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{worker} {shared_distccd.spec}"
        line = assert_built_without(user_shell, worker, "the agent refused to sign")
        assert "ssh-copy-id" not in line
    finally:
        agent.stop()


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_missing_second_factor_does_not_advise_to_install_a_key(
    user_shell: UserShell, ssh: SshUser, start_sshd: Callable[..., Sshd], shared_distccd: Distccd
) -> None:
    sshd = start_sshd("PasswordAuthentication yes", "AuthenticationMethods publickey,password")
    entry = behind(ssh.worker("worker", sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    line = assert_built_without(user_shell, entry, "Permission denied (password)", "AuthenticationMethods")
    assert "ssh-copy-id" not in line

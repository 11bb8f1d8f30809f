"""Keys with a passphrase: a login that is certain to fail without the passphrase is not tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.agent import Agent
from tests.support.shells import PROMPT

from .conftest import PASSPHRASE, assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

OFFERED = "method publickey"  # the log of an sshd has this after a client has offered a key


@pytest.fixture
def sshd(ssh: SshUser, keys: Keys, start_sshd: Callable[..., Sshd]) -> Sshd:
    """The sshd of the host `worker`; the user's only key for it has a passphrase."""
    sshd = start_sshd()
    ssh.default(IdentityFile=str(keys.protected.private))
    ssh.worker("worker", sshd)
    return sshd


@pytest.fixture
def agent(ssh: SshUser, tmp_path: Path) -> Iterator[Agent]:
    """The user's agent, without keys."""
    agent = Agent(tmp_path / "agent")
    ssh.default(IdentityAgent=str(agent.socket))
    yield agent
    agent.stop()


def test_without_a_terminal_the_line_names_the_key_which_is_not_offered(
    user_shell: UserShell, keys: Keys, sshd: Sshd, shared_distccd: Distccd
) -> None:
    entry = behind("worker", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, str(keys.protected.private), "ssh-add")
    assert OFFERED not in sshd.log()


def test_at_a_terminal_ssh_asks_at_the_first_login(
    user_shell: UserShell, sshd: Sshd, shared_distccd: Distccd, traces: Traces
) -> None:
    user_shell.environ["DISTCC_AUTO_HOSTS"] = behind("worker", shared_distccd)
    with user_shell.interactive() as terminal:
        terminal.send("distcc_build true\r")
        terminal.expect("ssh has a question")
        terminal.expect("Enter passphrase for key ")
        assert sshd.log().count("Connection from ") == 1
        terminal.send(f"{PASSPHRASE}\r")
        terminal.expect("-j 5 = 5 remote")
        terminal.expect(PROMPT)
        traces.assert_none()


@pytest.mark.parametrize("only", ["yes", "no"])
@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_key_in_the_agent_needs_no_question(
    only: str,
    agent: Agent,
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    sshd: Sshd,
    shared_distccd: Distccd,
) -> None:
    ssh.default(IdentitiesOnly=only)
    agent.add(keys.protected, PASSPHRASE)
    entry = behind("worker", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = entry
    result = user_shell.run("distcc_build true")
    assert result.stderr == f"distcc-driver: -j 5 = 5 remote ({entry}: 5)\n"
    assert OFFERED in sshd.log()


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_other_key_in_the_agent_is_offered_only_without_identitiesonly(
    agent: Agent, user_shell: UserShell, ssh: SshUser, keys: Keys, sshd: Sshd, shared_distccd: Distccd
) -> None:
    agent.add(keys.stranger)
    entry = behind("worker", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, str(keys.protected.private))
    assert OFFERED not in sshd.log()
    ssh.default(IdentitiesOnly="no")
    assert_built_without(user_shell, entry, "Permission denied")
    assert OFFERED in sshd.log()


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_locked_key_is_not_offered_to_a_jump_host(
    user_shell: UserShell, ssh: SshUser, keys: Keys, sshd: Sshd, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    ssh.trust(shared_sshd)
    ssh.host("far", shared_sshd, ProxyJump="worker", IdentityFile=str(keys.user.private))
    entry = behind("far", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, str(keys.protected.private), "ssh-add")
    assert "Connection from " not in sshd.log()

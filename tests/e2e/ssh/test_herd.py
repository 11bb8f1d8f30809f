"""Many logins at once, and servers that accept only some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import of_program
from tests.support.sshd import USER

from .conftest import assert_built_without, behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder, UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

# sshd's default drops connections at random. Here, all are dropped while ten have not logged in.
LIMIT = "MaxStartups 10:100:100"
WORKERS = 16
ROUNDS = 2


def test_all_of_sixteen_workers_behind_a_jump_host_are_reached(
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    start_sshd: Callable[..., Sshd],
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    recorder: Recorder,
    traces: Traces,
) -> None:
    # This sshd is slow, so that many logins are under way at the same time.
    slowly = f"AuthorizedKeysCommand /bin/sh -c 'sleep 0.5; cat {keys.user.public}'"
    jump = start_sshd(LIMIT, "AuthorizedKeysFile none", slowly, f"AuthorizedKeysCommandUser {USER}")
    ssh.worker("jump", jump)
    ssh.trust(shared_sshd)
    hosts = [ssh.host(f"worker-{number}", shared_sshd, ProxyJump="jump") for number in range(WORKERS)]
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(behind(host, shared_distccd) for host in hosts)
    for _ in range(ROUNDS):
        result = user_shell.run(f"distcc_build {recorder.word}")
        assert f"-j {5 * WORKERS} = {5 * WORKERS} remote" in result.stderr
    traces.assert_none()


@pytest.fixture
def proxied(ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, environ: dict[str, str]) -> str:
    """The entry of a worker; it is the whole host list. Each run of its proxy adds a line to `runs`."""
    ssh.worker("jump", shared_sshd)
    proxy = ssh.directory / "proxy"
    runs = ssh.directory / "runs"
    proxy.write_text(
        f'#!/bin/sh\necho run >>{runs}\n[ "$(wc -l <{runs})" -gt "$1" ] && exec {ssh.wrapper} -W "$2" jump\n'
    )
    proxy.chmod(0o755)
    ssh.host("worker", shared_sshd, ProxyCommand=f"{proxy} 1 %h:%p")
    ssh.host("never", shared_sshd, ProxyCommand=f"{proxy} 9 %h:%p")
    environ["DISTCC_AUTO_HOSTS"] = behind("worker", shared_distccd)
    return environ["DISTCC_AUTO_HOSTS"]


def runs(ssh: SshUser) -> int:
    return len((ssh.directory / "runs").read_text().splitlines())


def test_connection_that_is_closed_before_the_login_is_tried_again(
    user_shell: UserShell, proxied: str, ssh: SshUser
) -> None:
    """sshd closes connections at random if many clients log in at the same time."""
    result = user_shell.run("distcc_build true")
    # Two logins and the pause between them may take more than 3 s: then a line says that ssh is connecting.
    assert result.stderr.endswith(f"distcc-driver: -j 5 = 5 remote ({proxied}: 5)\n")
    assert runs(ssh) == 2


@pytest.mark.usefixtures("proxied")
def test_connection_that_is_closed_twice_is_given_up(
    user_shell: UserShell, ssh: SshUser, shared_distccd: Distccd
) -> None:
    entry = behind("never", shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "Connection closed by UNKNOWN port 65535", "PerSourcePenalties")
    assert runs(ssh) == 2


def test_refused_login_is_not_tried_again(
    user_shell: UserShell, ssh: SshUser, keys: Keys, start_sshd: Callable[..., Sshd], shared_distccd: Distccd
) -> None:
    ssh.default(IdentityFile=str(keys.stranger.private))
    sshd = start_sshd()
    entry = behind(ssh.worker("worker", sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{entry} {shared_distccd.spec}"
    assert_built_without(user_shell, entry, "Permission denied")
    assert sshd.log().count("Connection from ") == 1


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
def test_silent_workers_do_not_hold_up_one_that_answers(
    user_shell: UserShell, ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd
) -> None:
    """There are more silent workers than may log in at once, and all connect through one jump host."""
    ssh.worker("jump", shared_sshd, ProxyCommand="none")
    proxy = ssh.directory / "proxy"
    proxy.write_text(
        f'#!/bin/sh\ncase $1 in dead*) exec sleep 300 ;; esac\nexec {ssh.wrapper} -W "$2" jump\n'
    )
    proxy.chmod(0o755)
    ssh.default(ProxyCommand=f"{proxy} %n %h:%p")
    dead = [behind(ssh.host(f"dead-{number}"), shared_distccd) for number in range(11)]
    alive = behind(ssh.host("alive", shared_sshd), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join([*dead, alive])
    result = user_shell.run("distcc_build true")
    assert f"{', '.join(dead[:2])}" in result.stderr
    assert "ssh timed out after 10 s" in result.stderr
    assert f"-j 5 = 5 remote ({alive}: 5)" in result.stderr
    assert of_program("sleep", user_shell.environ) == []

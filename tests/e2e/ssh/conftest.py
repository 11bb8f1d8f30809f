"""Fixtures of the tests with workers behind ssh."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_libiberty import configured
from tests.support.sshd import Key, Sshd, SshUser
from tests.support.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

__all__ = ["configured"]

PASSPHRASE = "open sesame"


class Keys:
    """Keys of the user: `user`, `protected` (by PASSPHRASE), `stranger`. Host keys: `host`, `other_host`."""

    def __init__(self, directory: Path) -> None:
        self.user = Key(directory, "user")
        self.protected = Key(directory, "protected", PASSPHRASE)
        self.stranger = Key(directory, "stranger")
        self.host = Key(directory, "host")
        self.other_host = Key(directory, "other_host")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def start_sshd(keys: Keys) -> Iterator[Callable[..., Sshd]]:
    """Starts an sshd that ends with the test: `start_sshd("AllowTcpForwarding no")`."""
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> Sshd:
            sshd = Sshd(keys.host, [keys.user, keys.protected], options)
            stack.callback(sshd.stop)
            return sshd

        yield start


@pytest.fixture(scope="session")
def shared_sshd(keys: Keys) -> Iterator[Sshd]:
    """An sshd that allows all, for all tests that change nothing of it."""
    sshd = Sshd(keys.host, [keys.user, keys.protected])
    yield sshd
    sshd.stop()


@pytest.fixture
def traces(environ: dict[str, str]) -> Traces:
    return Traces(environ)


@pytest.fixture
def ssh(environ: dict[str, str], tmp_path: Path, keys: Keys) -> SshUser:
    """The user's ssh, with a key that every sshd of these tests accepts."""
    user = SshUser(tmp_path / "ssh", keys.user)
    environ["PATH"] = f"{user.bin}:{environ['PATH']}"
    environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    return user


@pytest.fixture
def worker(ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, environ: dict[str, str]) -> str:
    """The entry of a worker with 5 slots; it is the whole host list."""
    ssh.worker("worker", shared_sshd)
    entry = behind("worker", shared_distccd)
    environ["DISTCC_AUTO_HOSTS"] = entry
    return entry


def behind(host: str, distccd: Distccd) -> str:
    """The entry of a distccd on the machine that ssh calls `host`."""
    return f"ssh://{host}/{distccd.job_port}/{distccd.stats_port}"


def said_of(entry: str, stderr: str) -> str:
    """The one line about a host that is left out."""
    lines = [line for line in stderr.splitlines() if line.startswith(f"distcc-driver: {entry}: ")]
    lines = [line for line in lines if not line.endswith("ssh is still connecting")]
    assert len(lines) == 1, stderr
    return lines[0]


def assert_built_without(shell: UserShell, entry: str, *parts: str) -> str:
    """Build, and check: one line with `parts` says that `entry` is left out, and the build uses the others.

    Returns the line. The build must leave neither processes nor files.
    """
    result = shell.run("distcc_build true")
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    line = said_of(entry, result.stderr)
    for part in parts:
        assert part in line
    others = [text for text in result.stderr.splitlines() if text != line and "still connecting" not in text]
    assert len(others) == 1, result.stderr
    assert " remote (" in others[0]
    Traces(shell.environ).assert_none()
    return line

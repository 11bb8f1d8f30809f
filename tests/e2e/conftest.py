"""Fixtures of the end-to-end tests: daemons, and shells in directories of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.distccd import Distccd
from tests.support.gate import Gate
from tests.support.place import ROOT
from tests.support.ports import LOOPBACK
from tests.support.shells import MASQUERADE, SHELLS, Recorder, UserShell
from tests.support.wheels import Installed, build, install_in_venv, pythons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's environment from scratch. The build must leave nothing in its TMPDIR."""
    home = tmp_path / "home"
    state = home / "distcc"  # distcc makes no parent directories
    state.mkdir(parents=True)
    # A short path: the path of a socket may have only about 100 bytes.
    temporary = Path(tempfile.mkdtemp(prefix="dd-"))
    venv = ROOT / ".venv"
    # The real python3 comes first: the wrapper of a version manager can take longer than a build.
    directories = [os.path.dirname(os.path.realpath(sys.executable))]
    directories += [
        directory
        for directory in os.environ["PATH"].split(os.pathsep)
        if directory != MASQUERADE and not Path(directory).is_relative_to(venv)
    ]
    yield {
        "PATH": os.pathsep.join(directories),
        "HOME": str(home),
        "LOGNAME": "developer",
        "TMPDIR": str(temporary),
        "DISTCC_DIR": str(state),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
    left = sorted(os.listdir(temporary))
    shutil.rmtree(temporary)
    assert left == []


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The directory in which the user's shell starts."""
    directory = tmp_path / "work"
    directory.mkdir()
    return directory


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that the unprivileged user of a worker may enter, unlike those of pytest."""
    directory = Path(tempfile.mkdtemp(prefix="public-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=SHELLS)
def user_shell(request: pytest.FixtureRequest, environ: dict[str, str], work: Path) -> UserShell:
    """A shell of the user. Each test that takes it runs once in bash and once in zsh."""
    return UserShell(request.param, environ, work)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A build command that waits until the test lets it end."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


@pytest.fixture
def start_distccd() -> Iterator[Callable[..., Distccd]]:
    """A function that starts workers: `start_distccd(jobs=4, address="127.0.0.1")`.

    They end with the test.
    """
    with contextlib.ExitStack() as stack:

        def start(
            jobs: int = 4, address: str = LOOPBACK, environ: Mapping[str, str] | None = None
        ) -> Distccd:
            worker = Distccd(jobs, address, environ)
            stack.callback(worker.stop)
            return worker

        yield start


@pytest.fixture(scope="session")
def shared_distccd() -> Iterator[Distccd]:
    """One worker with 5 slots, for all tests that need any worker."""
    worker = Distccd(jobs=5)
    yield worker
    worker.stop()


@pytest.fixture
def ready_shell(user_shell: UserShell, shared_distccd: Distccd) -> UserShell:
    """A shell whose builds find one worker with 5 slots and run `-j 5`."""
    user_shell.environ.update(
        DISTCC_AUTO_HOSTS=shared_distccd.spec, DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS="0"
    )
    return user_shell


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (wheel,) = build(tmp_path_factory.mktemp("wheel"), ROOT, "--wheel")
    return wheel


@pytest.fixture(scope="session", params=pythons().items(), ids=lambda python: python[0])
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The wheel in a virtual environment, once for each Python of this machine.

    The path of the environment has a blank and quotes.
    """
    version, python = request.param
    return install_in_venv(
        wheel, python, version, tmp_path_factory.mktemp("it's") / f"an 'environment' {version}"
    )

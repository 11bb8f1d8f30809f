"""Where the session directory is, and that only this user may enter it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import finish, running
from tests.support.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gate import Gate
    from tests.support.shells import UserShell

pytestmark = pytest.mark.usefixtures("worker")


def session_of_a_build(shell: UserShell, gate: Gate, before: str = "") -> Path:
    """Run a build, check its session directory while it runs, and that it is removed; returns its path."""
    traces = Traces(shell.environ)
    with running(shell, f"{before}\ndistcc_build {gate.word}") as process:
        held = gate.wait()
        words = traces.processes()[traces.guard()]
        session = Path(words[words.index("guard") + 1])
        status = session.stat()
        assert status.st_mode & 0o7777 == 0o700
        assert status.st_uid == os.geteuid()
        assert (session / "0").is_socket()
        gate.open()
        code, stdout, stderr = finish(process)
    assert (code, stdout) == (0, "")
    assert len(stderr.splitlines()) == 1, stderr
    assert not session.exists()
    traces.assert_none(held.distcc_hosts)
    return session


@pytest.fixture
def runtime(environ: dict[str, str]) -> Iterator[Path]:
    """A runtime directory as a login manager makes it, with a name that is short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="dr-"))
    environ["XDG_RUNTIME_DIR"] = str(directory)
    yield directory
    directory.chmod(0o700)
    assert os.listdir(directory) == []
    directory.rmdir()


def test_runtime_directory_comes_first(user_shell: UserShell, runtime: Path, gate: Gate) -> None:
    assert session_of_a_build(user_shell, gate).parent == runtime


def test_tmpdir_comes_second(user_shell: UserShell, gate: Gate) -> None:
    user_shell.environ["XDG_RUNTIME_DIR"] = ""
    assert session_of_a_build(user_shell, gate).parent == Path(user_shell.environ["TMPDIR"])


@pytest.mark.parametrize("tmpdir", [None, "", "relative", "/no/such/directory"])
def test_tmp_comes_third(tmpdir: str | None, user_shell: UserShell, gate: Gate) -> None:
    if tmpdir is None:
        del user_shell.environ["TMPDIR"]
    else:
        user_shell.environ["TMPDIR"] = tmpdir
    assert session_of_a_build(user_shell, gate).parent == Path("/tmp")


@pytest.mark.parametrize("bad", ["missing", "a file", "relative"])
def test_runtime_directory_that_is_missing_or_no_directory_is_not_used(
    bad: str, user_shell: UserShell, gate: Gate, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    user_shell.environ["XDG_RUNTIME_DIR"] = "work" if bad == "relative" else str(tmp_path / bad)
    assert session_of_a_build(user_shell, gate).parent == Path(user_shell.environ["TMPDIR"])


def test_runtime_directory_of_another_user_is_not_used(
    user_shell: UserShell, runtime: Path, gate: Gate
) -> None:
    """`su` keeps the variable: root could write to the directory of the user, and must not."""
    if os.geteuid() == 0:
        os.chown(runtime, 65534, 65534)
    else:
        runtime.chmod(0o500)
    assert session_of_a_build(user_shell, gate).parent == Path(user_shell.environ["TMPDIR"])


def test_runtime_directory_whose_name_is_too_long_for_a_socket_is_not_used(
    user_shell: UserShell, runtime: Path, gate: Gate
) -> None:
    long = runtime / ("x" * 60)
    long.mkdir()
    user_shell.environ["XDG_RUNTIME_DIR"] = str(long)
    assert session_of_a_build(user_shell, gate).parent == Path(user_shell.environ["TMPDIR"])
    long.rmdir()


@pytest.mark.parametrize(
    "name", ["a b", "100%h", "%", "%%", "it's", "$HOME", '"', "-x", "~", "ä", "*", "#", "a\tb"]
)
def test_runtime_directory_with_special_characters_in_its_name_is_used(
    name: str, user_shell: UserShell, runtime: Path, gate: Gate
) -> None:
    strange = runtime / name
    strange.mkdir()
    user_shell.environ["XDG_RUNTIME_DIR"] = str(strange)
    assert session_of_a_build(user_shell, gate).parent == strange
    strange.rmdir()


@pytest.mark.parametrize("name", ["${HOME}", os.fsdecode(b"\xff")], ids=ascii)
def test_runtime_directory_whose_name_ssh_cannot_take_is_not_used(
    name: str, user_shell: UserShell, runtime: Path, gate: Gate
) -> None:
    """ssh expands `${NAME}` in the path of a control socket, and has no way to quote it."""
    strange = runtime / name
    strange.mkdir()
    user_shell.environ["XDG_RUNTIME_DIR"] = str(strange)
    assert session_of_a_build(user_shell, gate).parent == Path(user_shell.environ["TMPDIR"])
    strange.rmdir()


@pytest.mark.parametrize("umask", ["000", "777"])
def test_umask_of_the_user_does_not_change_the_mode(umask: str, user_shell: UserShell, gate: Gate) -> None:
    session_of_a_build(user_shell, gate, f"umask {umask}")


@pytest.mark.parametrize("umask", ["000", "777"])
def test_build_has_the_umask_of_the_user(umask: str, user_shell: UserShell) -> None:
    assert user_shell.run(f"umask {umask}; distcc_build eval 'umask;'").stdout.strip()[-3:] == umask

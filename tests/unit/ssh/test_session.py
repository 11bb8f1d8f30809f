"""The session directory and the processes that belong to it: real directories, real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from distcc_driver.core.errors import ConfigError
from distcc_driver.machine import processtable
from distcc_driver.ssh import session
from distcc_driver.ssh.session import OpenTunnel
from tests.support.processes import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWNER = 4_194_305  # a pid that no process has


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process that waits, with further words in its command line; True if it ignores TERM."""
    with contextlib.ExitStack() as stack:

        def start(*words: str, stubborn: bool = False) -> subprocess.Popen[bytes]:
            trap = "trap '' TERM; " if stubborn else ""
            process = stack.enter_context(
                subprocess.Popen(
                    ["sh", "-c", f"{trap}echo; read -r line; exit 0", *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            return process

        yield start


def path_in(base: Path) -> str:
    return session.create(OWNER, {"TMPDIR": str(base)})


def test_the_directory_is_private_and_named_after_its_owner(base: Path) -> None:
    path = Path(path_in(base))
    assert path.parent == base
    assert path.name.startswith(f"distcc-driver.{OWNER}.")
    assert path.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_umask_does_not_matter(umask: int, base: Path) -> None:
    before = os.umask(umask)
    try:
        path = path_in(base)
    finally:
        os.umask(before)
    assert Path(path).stat().st_mode & 0o7777 == 0o700


def test_two_sessions_of_an_owner_are_apart(base: Path) -> None:
    assert path_in(base) != path_in(base)


def test_the_order_of_places(base: Path) -> None:
    runtime, temporary = base / "runtime", base / "tmp"
    for directory in (runtime, temporary):
        directory.mkdir()
    environ = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(temporary)}
    assert Path(session.create(OWNER, environ)).parent == runtime
    runtime.rename(base / "gone")
    assert Path(session.create(OWNER, environ)).parent == temporary
    found = session.find(OWNER, {**environ, "XDG_RUNTIME_DIR": str(base / "gone")})
    assert sorted(Path(path).parent.name for path in found) == ["gone", "tmp"]


@pytest.mark.parametrize("length", [30, 40, 50, 60, 200])
def test_ssh_can_bind_its_socket_wherever_the_directory_is(length: int, base: Path) -> None:
    """It binds a name that is 17 characters longer first; 104 bytes are what BSDs and macOS have."""
    long = base / ("ä" * (length // 2))
    long.mkdir()
    path = session.create(OWNER, {"XDG_RUNTIME_DIR": str(long), "TMPDIR": str(base)})
    control = session.control_path(path, 9999)
    assert len(os.fsencode(control)) + 17 < 104
    os.rmdir(path)


def test_percent_signs_count_twice(base: Path) -> None:
    strange = base / ("%" * 25)
    strange.mkdir()
    path = session.create(OWNER, {"XDG_RUNTIME_DIR": str(strange), "TMPDIR": str(base)})
    assert Path(path).parent == base
    assert session.control_argument("/a%%b%/0") == "/a%%%%b%%/0"


@pytest.mark.parametrize("tmpdir", [None, "", "relative", "/no/such/directory"])
def test_the_last_place_is_tmp(tmpdir: str | None) -> None:
    path = session.create(OWNER, {} if tmpdir is None else {"TMPDIR": tmpdir})
    assert Path(path).parent == Path("/tmp")
    os.rmdir(path)


def test_find_leaves_alone_what_is_not_the_owners(base: Path) -> None:
    mine = path_in(base)
    (base / f"distcc-driver.{OWNER}").mkdir()
    (base / f"distcc-driver.{OWNER}0.deadbeef").mkdir()
    (base / f"distcc-driver.{OWNER}.0.file").touch()
    (base / f"distcc-driver.{OWNER}.0.link").symlink_to(base)
    (base / f"x.distcc-driver.{OWNER}.deadbeef").mkdir()
    assert session.find(OWNER, {"TMPDIR": str(base)}) == [mine]


def test_find_leaves_alone_what_a_shell_of_the_same_number_owns(base: Path) -> None:
    """As there may be in another container that shares the directory, or was before this one."""
    mine = session.create(os.getpid(), {"TMPDIR": str(base)})
    started = Path(mine).name.split(".")[2]
    (base / f"distcc-driver.{os.getpid()}.{int(started, 16) + 1:x}.abcdef").mkdir()
    (base / f"distcc-driver.{os.getpid()}.{started}0.abcdef").mkdir()
    assert session.find(os.getpid(), {"TMPDIR": str(base)}) == [mine]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_processes_of_another_user_are_none_of_ours(
    base: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """Anybody can start one that looks like it, root's too: by a program that is root's for everybody."""
    path = path_in(base)
    process = start("ssh", "-S", f"{path}/0")
    assert session.processes(path) == {process.pid: f"{path}/0"}
    os.seteuid(65534)
    try:
        assert session.processes(path) == {}
    finally:
        os.seteuid(0)


def test_a_place_that_is_not_there_has_no_session(base: Path) -> None:
    assert session.find(OWNER, {"TMPDIR": str(base / "none")}) == []


def test_the_state_comes_back_as_it_was_written(base: Path) -> None:
    path = path_in(base)
    tunnels = [OpenTunnel(0, 40001, "ssh://me@worker:2222/3632"), OpenTunnel(12, 40002, "ssh://[::1]")]
    assert session.write_state(path, "warning", tunnels)
    assert session.take_state(path) == ("warning", tunnels)


def test_a_state_that_cannot_be_written_stops_the_plan(base: Path) -> None:
    (base / "file").touch()
    with pytest.raises(ConfigError, match=r"TMPDIR: .* cannot be written \(Not a directory\); make room"):
        session.write_state(str(base / "file"), "warning", [OpenTunnel(0, 40001, "ssh://worker")])


def test_no_state_is_written_when_the_end_has_begun(base: Path) -> None:
    """Else a build would go on with tunnels of which nobody knows that must remove their files."""
    path = path_in(base)
    tunnels = [OpenTunnel(0, 40001, "ssh://worker")]
    assert session.take_state(path) == ("info", [])
    assert not session.write_state(path, "warning", tunnels)
    assert session.take_state(path) == ("error", [])
    assert not session.write_state(path, "warning", tunnels)
    session.remove(path)
    assert not session.write_state(path, "warning", tunnels)


def test_who_takes_the_state_second_knows_the_tunnels_and_is_to_say_nothing(base: Path) -> None:
    """Only one may speak of lost workers; if that one is killed, the other removes the tunnels' files."""
    path = path_in(base)
    tunnels = [OpenTunnel(0, 40001, "ssh://worker")]
    session.write_state(path, "warning", tunnels)
    session.take_state(path)
    assert session.take_state(path) == ("error", tunnels)


def test_a_plan_that_wrote_nothing_has_no_tunnels(base: Path) -> None:
    assert session.take_state(path_in(base)) == ("info", [])
    assert session.take_state(str(base / "missing")) == ("info", [])


def test_remove_takes_all_files(base: Path) -> None:
    path = path_in(base)
    for name in ("0", "0.log", "state"):
        (Path(path) / name).touch()
    session.remove(path)
    assert not os.path.exists(path)
    session.remove(path)


def test_processes_are_known_by_their_command_line(
    base: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    path = path_in(base)
    master = start("ssh", "-S", f"{path}/0", "-N")
    guard = start("/any/distcc_driver/__main__.py", "guard", path, "1")
    start("ssh", "-S", f"{path}x/0")
    start("ssh", "-S", path)
    start("ssh", "-S")
    start("/any/distcc_driver/__main__.py", "release", path)
    start("/any/other/__main__.py", "guard", path)
    assert session.processes(path) == {master.pid: f"{path}/0", guard.pid: ""}


def test_processes_of_a_directory_with_a_strange_name(
    base: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    strange = base / "a b%h"
    strange.mkdir()
    path = path_in(strange)
    master = start("ssh", "-S", session.control_argument(f"{path}/0"), "-N")
    assert session.processes(path) == {master.pid: f"{path}/0"}


def test_one_connection_ends_and_the_others_stay(
    base: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    path = path_in(base)
    first, tenth = start("ssh", "-S", f"{path}/1"), start("ssh", "-S", f"{path}/10")
    session_end(path, f"{path}/1", first)
    assert first.returncode == -signal.SIGTERM
    assert tenth.poll() is None
    session_end(path, None, tenth)
    assert tenth.returncode == -signal.SIGTERM


def test_what_ignores_term_is_killed(base: Path, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    path = path_in(base)
    stubborn = start("ssh", "-S", f"{path}/0", stubborn=True)
    session_end(path, None, stubborn)
    assert stubborn.returncode == -signal.SIGKILL


def test_some_connections_end_and_the_others_stay(
    base: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    path = path_in(base)
    first, second, third = (start("ssh", "-S", f"{path}/{number}") for number in range(3))
    session.end(path, [])
    assert [process.poll() for process in (first, second, third)] == [None, None, None]
    session.end(path, [f"{path}/0", f"{path}/2"])
    assert (first.wait(30), second.poll(), third.wait(30)) == (-signal.SIGTERM, None, -signal.SIGTERM)


def test_what_a_connection_has_started_ends_with_it(base: Path) -> None:
    """The ssh of a jump host, which has nothing of the session in its command line."""
    path = path_in(base)
    code = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '300']); print(p.pid, flush=True); p.wait()"
    )
    words = [sys.executable, "-c", code, "ssh", "-S", f"{path}/0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        session_end(path, None, parent)
    assert not is_alive(helper)


def test_what_goes_to_the_background_between_the_list_and_a_look_is_ended(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ssh -f does when it has logged in: its child came after the list, and the parent has gone."""
    path = path_in(base)
    code = "exec 3<&0; read -r line; (read -r line <&3; exit 0) & echo $!; exit 0"
    words = ["sh", "-c", code, "ssh", "-S", f"{path}/0"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        to_parent, from_parent = parent.stdin, parent.stdout
        assert to_parent is not None
        assert from_parent is not None
        children = []

        def list_before_it_forks(directory: str) -> list[str]:
            names = os.listdir(directory)
            if parent.returncode is None:
                to_parent.write(b"\n")
                to_parent.flush()
                children.append(int(from_parent.readline()))
                parent.wait(30)
            return names

        monkeypatch.setattr(
            processtable, "os", SimpleNamespace(**{**vars(os), "listdir": list_before_it_forks})
        )
        session.end(path)
        assert not is_alive(children[0])


def session_end(path: str, control: str | None, child: subprocess.Popen[bytes]) -> None:
    """`session.end`, for a child of ours: one that has ended is gone only when it is waited for."""
    session.end(path, None if control is None else [control])
    child.wait(30)


def test_an_unwritable_place_is_passed_over(base: Path) -> None:
    if os.geteuid() == 0:
        (base / "file").touch()
        place = base / "file"
    else:
        place = base / "closed"
        place.mkdir(0o500)
    path = session.create(OWNER, {"TMPDIR": str(place)})
    assert Path(path).parent == Path("/tmp")
    os.rmdir(path)

"""The session directory and its state, in real directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distcc_driver.core.errors import ConfigError
from distcc_driver.ssh import session
from distcc_driver.ssh.session import OpenTunnel
from distcc_driver.ssh.sessionfiles import control_path

from .conftest import OWNER


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
    control = control_path(path, 9999)
    assert len(os.fsencode(control)) + 17 < 104
    os.rmdir(path)


def test_percent_signs_count_twice(base: Path) -> None:
    strange = base / ("%" * 25)
    strange.mkdir()
    path = session.create(OWNER, {"XDG_RUNTIME_DIR": str(strange), "TMPDIR": str(base)})
    assert Path(path).parent == base


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

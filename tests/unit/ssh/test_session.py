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


def test_directory_is_private_and_named_after_its_owner(base: Path) -> None:
    path = Path(path_in(base))
    assert path.parent == base
    assert path.name.startswith(f"distcc-driver.{OWNER}.")
    assert path.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_umask_does_not_change_the_mode(umask: int, base: Path) -> None:
    before = os.umask(umask)
    try:
        path = path_in(base)
    finally:
        os.umask(before)
    assert Path(path).stat().st_mode & 0o7777 == 0o700


def test_owner_may_have_two_sessions(base: Path) -> None:
    assert path_in(base) != path_in(base)


def test_runtime_directory_is_preferred_to_tmpdir(base: Path) -> None:
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
def test_control_socket_has_a_name_that_ssh_can_bind(length: int, base: Path) -> None:
    """ssh first binds a name that is 17 bytes longer. On BSD and macOS a name may have 104 bytes."""
    long = base / ("ä" * (length // 2))
    long.mkdir()
    path = session.create(OWNER, {"XDG_RUNTIME_DIR": str(long), "TMPDIR": str(base)})
    control = control_path(path, 9999)
    assert len(os.fsencode(control)) + 17 < 104
    os.rmdir(path)


def test_percent_sign_counts_twice_for_the_length_of_the_name(base: Path) -> None:
    strange = base / ("%" * 25)
    strange.mkdir()
    path = session.create(OWNER, {"XDG_RUNTIME_DIR": str(strange), "TMPDIR": str(base)})
    assert Path(path).parent == base


@pytest.mark.parametrize("tmpdir", [None, "", "relative", "/no/such/directory"])
def test_tmp_is_the_last_place(tmpdir: str | None) -> None:
    path = session.create(OWNER, {} if tmpdir is None else {"TMPDIR": tmpdir})
    assert Path(path).parent == Path("/tmp")
    os.rmdir(path)


def test_find_returns_only_directories_with_the_owners_name(base: Path) -> None:
    mine = path_in(base)
    (base / f"distcc-driver.{OWNER}").mkdir()
    (base / f"distcc-driver.{OWNER}0.deadbeef").mkdir()
    (base / f"distcc-driver.{OWNER}.0.file").touch()
    (base / f"distcc-driver.{OWNER}.0.link").symlink_to(base)
    (base / f"x.distcc-driver.{OWNER}.deadbeef").mkdir()
    assert session.find(OWNER, {"TMPDIR": str(base)}) == [mine]


def test_find_returns_no_session_of_an_earlier_shell_with_the_same_pid(base: Path) -> None:
    """A pid may be used again, and containers that share a directory reuse pids at the same time."""
    mine = session.create(os.getpid(), {"TMPDIR": str(base)})
    started = Path(mine).name.split(".")[2]
    (base / f"distcc-driver.{os.getpid()}.{int(started, 16) + 1:x}.abcdef").mkdir()
    (base / f"distcc-driver.{os.getpid()}.{started}0.abcdef").mkdir()
    assert session.find(os.getpid(), {"TMPDIR": str(base)}) == [mine]


def test_missing_place_has_no_session(base: Path) -> None:
    assert session.find(OWNER, {"TMPDIR": str(base / "none")}) == []


def test_state_is_read_as_it_was_written(base: Path) -> None:
    path = path_in(base)
    tunnels = [
        OpenTunnel(0, 40001, "ssh://me@worker:2222/3632", 40003),
        OpenTunnel(12, 40002, "ssh://[::1]", 40004),
    ]
    assert session.write_state(path, "warning", tunnels)
    assert session.open_tunnels(path) == tunnels
    assert session.take_state(path) == ("warning", tunnels)


def test_state_of_a_version_that_wrote_no_stats_ports_is_read(base: Path) -> None:
    """The package may be replaced while a build runs."""
    path = path_in(base)
    Path(path, "state").write_text("warning\n0 40001 ssh://me@worker:2222/3632\n12 40002 ssh://[::1]")
    tunnels = [OpenTunnel(0, 40001, "ssh://me@worker:2222/3632"), OpenTunnel(12, 40002, "ssh://[::1]")]
    assert session.take_state(path) == ("warning", tunnels)


def test_state_that_cannot_be_written_stops_the_plan(base: Path) -> None:
    (base / "file").touch()
    with pytest.raises(ConfigError, match=r"TMPDIR: .* cannot be written \(Not a directory\); make room"):
        session.write_state(str(base / "file"), "warning", [OpenTunnel(0, 40001, "ssh://worker")])


def test_no_state_is_written_after_the_end_has_begun(base: Path) -> None:
    """Otherwise a build would begin with tunnels whose files are never removed."""
    path = path_in(base)
    tunnels = [OpenTunnel(0, 40001, "ssh://worker")]
    assert session.take_state(path) == ("info", [])
    assert not session.write_state(path, "warning", tunnels)
    assert session.take_state(path) == ("error", [])
    assert not session.write_state(path, "warning", tunnels)
    session.remove(path)
    assert not session.write_state(path, "warning", tunnels)


def test_second_caller_gets_the_tunnels_and_the_level_of_errors_only(base: Path) -> None:
    """The first reports lost workers. If it is killed, the second needs the tunnels to remove their files."""
    path = path_in(base)
    tunnels = [OpenTunnel(0, 40001, "ssh://worker")]
    session.write_state(path, "warning", tunnels)
    session.take_state(path)
    assert session.take_state(path) == ("error", tunnels)


def test_session_without_a_state_has_no_tunnels(base: Path) -> None:
    assert session.take_state(path_in(base)) == ("info", [])
    assert session.take_state(str(base / "missing")) == ("info", [])


def test_remove_deletes_the_directory_and_its_files(base: Path) -> None:
    path = path_in(base)
    for name in ("0", "0.log", "state"):
        (Path(path) / name).touch()
    session.remove(path)
    assert not os.path.exists(path)
    session.remove(path)


def test_place_that_cannot_be_written_is_skipped(base: Path) -> None:
    if os.geteuid() == 0:
        (base / "file").touch()
        place = base / "file"
    else:
        place = base / "closed"
        place.mkdir(0o500)
    path = session.create(OWNER, {"TMPDIR": str(place)})
    assert Path(path).parent == Path("/tmp")
    os.rmdir(path)

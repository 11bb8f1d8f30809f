"""Who holds the locks of slots, as distcc's clients hold them: by fcntl, from processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from distcc_driver.monitor.slotlocks import SlotLocks

HOLD = """
import fcntl, sys
files = [open(name, "w") for name in sys.argv[1:]]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holding(*paths: Path) -> Iterator[int]:
    """A process that holds the locks of some files; its pid."""
    command = [sys.executable, "-ISc", HOLD, *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


@pytest.fixture
def locks(tmp_path: Path) -> Iterator[SlotLocks]:
    locks = SlotLocks(str(tmp_path))
    yield locks
    locks.close()


def test_holders_from_look_to_look(locks: SlotLocks, tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    assert locks.holders(names) == {}
    with holding(tmp_path / "a", tmp_path / "b") as first:
        assert locks.holders(names) == {"a": first, "b": first}
        with holding(tmp_path / "c") as second:
            assert locks.holders(names) == {"a": first, "b": first, "c": second}
            assert locks.holders(["c"]) == {"c": second}
        assert locks.holders(names) == {"a": first, "b": first}
    assert locks.holders(names) == {}


def test_a_file_that_is_made_anew(locks: SlotLocks, tmp_path: Path) -> None:
    with holding(tmp_path / "a") as first:
        assert locks.holders(["a"]) == {"a": first}
        (tmp_path / "a").unlink()
        with holding(tmp_path / "a") as second:
            assert locks.holders(["a"]) == {"a": second}


def test_the_lock_of_the_holder_stays(locks: SlotLocks, tmp_path: Path) -> None:
    with holding(tmp_path / "a") as pid:
        locks.holders(["a"])
        locks.close()
        assert locks.holders(["a"]) == {"a": pid}


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_file_is_left_alone(kind: str, locks: SlotLocks, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    path = tmp_path / "a"
    with holding(elsewhere):
        if kind == "link":
            path.symlink_to(elsewhere)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()
        assert locks.holders(["a"]) == {}


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SlotLocks(str(tmp_path / "lock")).holders(["a"])


@pytest.mark.parametrize("limit", ["-n 4096", "-n 100"])
def test_1024_slots(limit: str, tmp_path: Path) -> None:
    """Also where fewer files may be open."""
    names = [f"cpu_tcp_worker_3632_{slot}" for slot in range(1024)]
    for name in names:
        (tmp_path / name).touch()
    code = (
        "import sys; from distcc_driver.monitor.slotlocks import SlotLocks\n"
        "locks = SlotLocks(sys.argv[1]); names = sys.argv[2:]\n"
        "for _ in range(2): print(sorted(locks.holders(names).items()))\n"
    )
    with holding(tmp_path / names[0], tmp_path / names[1023]) as pid:
        script = f'ulimit {limit} && exec "$@"'
        command = ["sh", "-c", script, "sh", sys.executable, "-c", code, str(tmp_path), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str([(names[0], pid), (names[1023], pid)])] * 2

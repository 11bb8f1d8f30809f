"""Workers whose disk is full: every job there would fail, so the build leaves them out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.distccd import Distccd
from tests.support.namespaces import may_unshare, with_mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.shells import UserShell

pytestmark = pytest.mark.skipif(
    not may_unshare("--mount"), reason="this user may not make mounts of their own"
)
_SIZE_KIB = 16 * 1024
_CAUSE = "no room for jobs, {} MiB free in the temporary directory of distccd"


@pytest.fixture
def full() -> Iterator[Callable[[int], Distccd]]:
    """A function that starts a worker with some KiB of room for the files of jobs: `full(900)`."""
    directory = Path(tempfile.mkdtemp(prefix="full-"))
    workers = []

    def start(free_kib: int) -> Distccd:
        fill = f"head -c {_SIZE_KIB - free_kib}K /dev/zero >{directory}/fill"
        mount = f"mount -t tmpfs -o size={_SIZE_KIB}k,mode=1777 none {directory}"
        prefix = with_mounts(f"{mount}\n{fill}")
        workers.append(Distccd(4, environ={"TMPDIR": str(directory)}, prefix=prefix))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()
    directory.rmdir()


@pytest.mark.parametrize("free_kib", [0, 900, 1500])
def test_a_worker_without_room_is_left_out(
    free_kib: int, full: Callable[[int], Distccd], user_shell: UserShell, shared_distccd: Distccd
) -> None:
    worker = full(free_kib)
    assert f"dcc_free_space {free_kib // 1024} MB" in worker.stats_page()
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{worker.spec} {shared_distccd.spec}"
    line, summary = user_shell.run("distcc_build true").stderr.splitlines()
    cause = _CAUSE.format(free_kib // 1024)
    assert line.startswith(f"distcc-driver: {worker.spec}: {cause}; free some there")
    assert f"5 remote ({shared_distccd.spec}: 5)" in summary
    shown = run_driver(user_shell.environ, user_shell.cwd, "workers", "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["hosts"][0]["cause"] == cause
    shown = run_driver(user_shell.environ, user_shell.cwd, "doctor", "--json")
    assert f"left out: {cause}" in [step["text"] for step in json.loads(shown.stdout)["steps"]]


def test_a_worker_with_a_little_room_is_used(full: Callable[[int], Distccd], user_shell: UserShell) -> None:
    """The worker has as much room as a usual C++ file needs."""
    worker = full(2100)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = worker.spec
    assert f"4 remote ({worker.spec}: 4)" in user_shell.run("distcc_build true").stderr
    source = user_shell.cwd / "usual.cc"
    source.write_text("#include <iostream>\nint main() { std::cout << 1; }\n")
    result = user_shell.run("DISTCC_FALLBACK=0 distcc_build sh -c 'distcc g++ -c usual.cc'")
    assert result.returncode == 0, result.stderr

"""Workers that distcc would avoid after a failure, although the plan has just reached them."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.shells import MASQUERADE, write_c_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

_FILES = 6
_NOBODY = 65534


def spoil(shell: UserShell, worker: Distccd) -> Path:
    """Let the real distcc avoid a worker: after a compile error with DISTCC_FALLBACK=0.

    Return its back-off mark.
    """
    broken = shell.cwd / "broken.c"
    broken.write_text("no C\n")
    environ = {"DISTCC_HOSTS": worker.distcc_host, "DISTCC_FALLBACK": "0"}
    assert shell.run_bare(f"distcc gcc -c {shlex.quote(str(broken))}", environ=environ).returncode != 0
    (mark,) = shell.cwd.parent.rglob("backoff_*")
    assert mark.name == f"backoff_tcp_{worker.address}_{worker.job_port}_0"
    return mark


def build(shell: UserShell, worker: Distccd) -> tuple[int, str]:
    """Build a project; return how many files the worker compiled, and standard error."""
    project = write_c_project(shell.cwd / "project", _FILES)
    shell.environ.update(
        PATH=f"{MASQUERADE}:{shell.environ['PATH']}",
        DISTCC_AUTO_HOSTS=worker.spec,
        DISTCC_AUTO_LOG_LEVEL="debug",
    )
    before = worker.compiled
    result = shell.run(f"distcc_build make -C {shlex.quote(str(project))}")
    assert result.returncode == 0, result.stderr
    return worker.compiled - before, result.stderr


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("place", ["DISTCC_DIR", "HOME"])
def test_a_build_uses_a_worker_that_failed_a_moment_ago(
    place: str, address: str, user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    if place == "HOME":
        del user_shell.environ["DISTCC_DIR"]
    worker = start_distccd(2, address)
    mark = spoil(user_shell, worker)
    compiled, said = build(user_shell, worker)
    assert compiled == _FILES
    assert not mark.exists()
    assert f"distcc-driver: {worker.spec}: distcc had a mark to avoid it after a failure; removed" in said


def test_a_build_leaves_the_marks_of_others(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker, other = start_distccd(2), start_distccd(2)
    mark = spoil(user_shell, other)
    compiled, said = build(user_shell, worker)
    assert compiled == _FILES
    assert mark.exists()
    assert "to avoid it" not in said


def test_a_plan_for_a_script_removes_marks_and_commands_that_only_look_do_not(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd(2)
    mark = spoil(user_shell, worker)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = worker.spec
    assert run_driver(user_shell.environ, user_shell.cwd, "workers").returncode == 0
    run_driver(user_shell.environ, user_shell.cwd, "doctor", "--compiler", "gcc")
    assert mark.exists()
    assert list(mark.parent.glob("backoff_*")) == [mark], "a trial compilation leaves none"
    document = json.loads(run_driver(user_shell.environ, user_shell.cwd, "plan", "--json").stdout)
    assert document["plan"]["remote_jobs"] == 2
    assert not mark.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link that belongs to another user")
@pytest.mark.parametrize("is_foreign", [False, True])
def test_a_link_of_somebody_else_is_not_followed(
    is_foreign: bool, user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    worker = start_distccd(2)
    mark = spoil(user_shell, worker)
    elsewhere = mark.parent.rename(mark.parent.with_name("elsewhere"))
    mark.parent.symlink_to(elsewhere)
    if is_foreign:
        os.chown(mark.parent, _NOBODY, _NOBODY, follow_symlinks=False)
    build(user_shell, worker)
    # The driver does not follow somebody else's link. distcc does, and removes the mark after a job.
    assert mark.exists() == is_foreign


@pytest.mark.parametrize("value", ["0", "-5", "0.5", "never", ""])
def test_a_period_of_0_is_warned_of(value: str, ready_shell: UserShell) -> None:
    """With this value distcc would try a dead worker again and again, without end."""
    ready_shell.environ["DISTCC_BACKOFF_PERIOD"] = value
    said = ready_shell.run("distcc_build true").stderr.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"distcc-driver: DISTCC_BACKOFF_PERIOD: {value!r} makes distcc try a worker ")


@pytest.mark.parametrize("value", ["1", " 60", "+5x"])
def test_another_period_gets_no_warning(value: str, ready_shell: UserShell) -> None:
    ready_shell.environ["DISTCC_BACKOFF_PERIOD"] = value
    assert len(ready_shell.run("distcc_build true").stderr.splitlines()) == 1


def test_a_period_of_0_does_not_matter_without_workers(user_shell: UserShell) -> None:
    user_shell.environ.update(DISTCC_BACKOFF_PERIOD="0", DISTCC_AUTO_HOSTS="127.0.0.1:1:1")
    assert "DISTCC_BACKOFF_PERIOD" not in user_shell.run("distcc_build true").stderr

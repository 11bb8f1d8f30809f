"""Builds with SSH hosts find the package `sh` in every kind of installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.wheels import THIS_VERSION, install_into, install_under, python_named

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder, UserShell
    from tests.support.traces import Traces
    from tests.support.wheels import Installed


def assert_builds(shell: UserShell, worker: str, recorder: Recorder, traces: Traces) -> None:
    result = shell.run(f"distcc_build {recorder.word} all")
    assert result.stderr == f"distcc-driver: -j 5 = 5 remote ({worker}: 5)\n"
    assert recorder.arguments == [b"all", b"-j", b"5"]
    traces.assert_none(recorder.environ["DISTCC_HOSTS"])


def test_virtual_environment(
    installed: Installed, user_shell: UserShell, worker: str, recorder: Recorder, traces: Traces
) -> None:
    assert_builds(installed.use_in(user_shell), worker, recorder, traces)


def test_directory_without_an_interpreter(
    wheel: Path, user_shell: UserShell, worker: str, recorder: Recorder, traces: Traces, tmp_path: Path
) -> None:
    """`pip install --user` makes such a directory."""
    installed = install_under(wheel, tmp_path / "home" / ".local")
    python = python_named(f"python{THIS_VERSION}", tmp_path / "tools")
    user_shell.environ["PATH"] = f"{python.parent}:{user_shell.environ['PATH']}"
    assert_builds(installed.use_in(user_shell), worker, recorder, traces)


def test_directory_that_the_user_has_chosen(
    wheel: Path, user_shell: UserShell, worker: str, recorder: Recorder, traces: Traces, tmp_path: Path
) -> None:
    installed = install_into(wheel, tmp_path / "it's here")
    assert_builds(installed.use_in(user_shell), worker, recorder, traces)

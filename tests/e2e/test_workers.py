"""Builds over workers of every kind, counted by the workers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.shells import MASQUERADE, UserShell, write_c_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd


def build(shell: UserShell, hosts: list[str], files: int = 12) -> None:
    """Build a C project over `hosts`; nothing may be compiled by distcc itself."""
    write_c_project(shell.cwd / "project", files)
    shell.environ.update(
        PATH=f"{MASQUERADE}:{shell.environ['PATH']}", DISTCC_AUTO_HOSTS=" ".join(hosts), DISTCC_FALLBACK="0"
    )
    result = shell.run("distcc_build make -C project")
    assert result.returncode == 0, result.stderr
    assert (shell.cwd / "project" / "program").exists()


def test_several_workers_share_the_files(
    user_shell: UserShell, start_distccd: Callable[..., Distccd]
) -> None:
    big, small = start_distccd(jobs=4), start_distccd(jobs=2)
    build(user_shell, [small.spec, big.spec])
    assert big.compiled + small.compiled == 12
    assert big.compiled > 0
    assert small.compiled > 0

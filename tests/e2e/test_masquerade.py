"""A compiler's name that bypasses the links to distcc: the doctor says why, and its advice repairs it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import driver_command, run_driver
from tests.support.shells import MASQUERADE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

DISTCC = str(shutil.which("distcc"))


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """A directory of the user with a link to distcc that is called gcc."""
    directory = tmp_path / "links"
    directory.mkdir()
    (directory / "gcc").symlink_to(DISTCC)
    return directory


def line_of(environ: Mapping[str, str], work: Path, name: str) -> str:
    """The doctor's line about a compiler."""
    output = run_driver(environ, work, "doctor", "--compiler", name).stdout
    [line] = [line for line in output.splitlines() if f" compilers: {name}: " in line]
    return line


def is_distributed(shell: UserShell, worker: Distccd, name: str) -> bool:
    before = worker.compiled
    (shell.cwd / "a.c").write_text("int a;\n")
    assert shell.run(f"distcc_build sh -c '{name} -c a.c'").returncode == 0
    return worker.compiled > before


def test_a_missing_link(ready_shell: UserShell, links: Path, shared_distccd: Distccd) -> None:
    ready_shell.environ["PATH"] = f"{links}:{ready_shell.environ['PATH']}"
    line = line_of(ready_shell.environ, ready_shell.cwd, "cc")
    assert line.startswith("warning  compilers: cc: compiler itself in /usr/bin: called by this name, it ")
    assert f"never reaches distcc, because {links}, which is on PATH, has no link of this name; " in line
    repair = f"ln -sf {DISTCC} {links}/cc"
    assert f"; run {repair}, or let the build call 'distcc NAME'" in line
    assert not is_distributed(ready_shell, shared_distccd, "cc")
    subprocess.run(shlex.split(repair), check=True)
    assert line_of(ready_shell.environ, ready_shell.cwd, "cc").startswith("ok ")
    assert is_distributed(ready_shell, shared_distccd, "cc")


def test_a_link_that_leads_nowhere(ready_shell: UserShell, links: Path, shared_distccd: Distccd) -> None:
    (links / "cc").symlink_to("/nowhere/distcc")
    ready_shell.environ["PATH"] = f"{links}:{ready_shell.environ['PATH']}"
    line = line_of(ready_shell.environ, ready_shell.cwd, "cc")
    repair = f"ln -sf {DISTCC} {links}/cc"
    assert f"never reaches distcc, because its link in {links} leads nowhere; run {repair}, or" in line
    assert not is_distributed(ready_shell, shared_distccd, "cc")
    subprocess.run(shlex.split(repair), check=True)
    assert is_distributed(ready_shell, shared_distccd, "cc")


def test_links_behind_the_compiler(ready_shell: UserShell, links: Path, shared_distccd: Distccd) -> None:
    path = ready_shell.environ["PATH"]
    ready_shell.environ["PATH"] = f"{path}:{links}"
    line = line_of(ready_shell.environ, ready_shell.cwd, "gcc")
    found = os.path.dirname(str(shutil.which("gcc", path=path)))
    assert f"because {links} is behind {found} on PATH; put {links} first on PATH, or" in line
    assert not is_distributed(ready_shell, shared_distccd, "gcc")
    ready_shell.environ["PATH"] = f"{links}:{path}"
    assert is_distributed(ready_shell, shared_distccd, "gcc")


def test_no_links_on_path(ready_shell: UserShell) -> None:
    line = line_of(ready_shell.environ, ready_shell.cwd, "gcc")
    assert f"never reaches distcc; put {MASQUERADE} first on PATH, or" in line


def test_makefile_that_has_the_name(ready_shell: UserShell, links: Path) -> None:
    ready_shell.environ["PATH"] = f"{links}:{ready_shell.environ['PATH']}"
    (ready_shell.cwd / "Makefile").write_text("CC = cc\nmain.o: main.c\n\t$(CC) -c main.c\n")
    output = run_driver(ready_shell.environ, ready_shell.cwd, "doctor").stdout
    [line] = [line for line in output.splitlines() if line.startswith("problem  build directory: ")]
    assert line.endswith(f"make CC='distcc cc', or run ln -sf {DISTCC} {links}/cc")


# If one apt command installs distcc and a compiler, Debian makes no links. Its tool then makes them.
_SYSTEM = f"""\
mount -t tmpfs none {MASQUERADE}
ln -s ../../bin/distcc {MASQUERADE}/gcc
"$@"
update-distcc-symlinks
"$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tmpfs")
def test_links_of_the_system(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    environ |= {
        "PATH": f"{MASQUERADE}:{environ['PATH']}:/usr/sbin",
        "DISTCC_AUTO_HOSTS": shared_distccd.spec,
    }
    doctor = driver_command("doctor", "--compiler", "cc", "c++")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _SYSTEM, "sh", *doctor],
        env=environ,
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if " compilers: " in line]
    assert len(said) == 2, done.stdout + done.stderr
    reason = f"it never reaches distcc, because {MASQUERADE}, which is on PATH, has no link of this name"
    assert f"compilers: cc, c++: compiler itself in /usr/bin: called by this name, {reason}" in said[0]
    assert "; run update-distcc-symlinks, or let the build" in said[0]
    assert said[1].startswith(f"ok       compilers: cc, c++: link in {MASQUERADE} to distcc")

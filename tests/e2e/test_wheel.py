"""An installation by pip works like a clone, wherever pip puts it."""

from __future__ import annotations

import email
import email.policy
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import distcc_driver
from tests.support.place import ROOT
from tests.support.shells import MASQUERADE, PROMPT, SHELLS, write_c_project
from tests.support.wheels import (
    THIS_VERSION,
    build,
    install_into,
    install_under,
    python_named,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder, UserShell
    from tests.support.wheels import Installed

# Modules of the standard library. A build over TCP or SSH imports some of them.
SHADOWS = ("_socket", "dataclasses", "difflib", "ipaddress", "resource", "select", "socket", "typing")


def test_a_wheel_made_of_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    made = build(tmp_path / "made", ROOT)
    assert [path.suffix for path in made] == [".whl", ".gz"]
    assert made[0].read_bytes() == wheel.read_bytes()
    run(sys.executable, "-m", "twine", "check", "--strict", *made)
    with tarfile.open(made[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"Makefile", "LICENSE", "tests/system-packages.sh", "docs/man.py", "distcc.zsh", ".ci/run"}
    assert needed <= names
    assert not any(name.startswith((".venv", ".git/", "dist/")) for name in names)


def test_metadata_is_fit_for_an_index(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name), policy=email.policy.default)
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist())
    assert (metadata["Name"], metadata["License-Expression"]) == ("distcc-driver", "MIT")
    assert (metadata["Requires-Python"], metadata["Description-Content-Type"]) == (">=3.10", "text/markdown")
    assert "discover" in metadata.get_all("Provides-Extra", [])
    readme = metadata.get_content()
    assert "distcc_build make" in readme
    assert "[distcc](https://www.distcc.org)" in readme
    assert re.findall(r"\]\((?!https://)[^)]*\)", readme) == []


def test_version_and_help(installed: Installed) -> None:
    assert installed.run("--version") == f"distcc-driver {distcc_driver.__version__}\n"
    assert "shim" in installed.run("--help", COLUMNS="80")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_path_of_the_shim(shell: str, installed: Installed) -> None:
    shim = installed.shim(shell)
    share = installed.packages.parents[2] / "share" / "distcc-driver"
    assert shim == share / {"bash": "distcc.sh", "zsh": "distcc.zsh"}[shell]
    assert stat.S_ISREG(shim.stat().st_mode)


def test_program_that_ccache_calls_may_be_run(installed: Installed) -> None:
    assert os.access(installed.packages / "distcc_driver" / "ccache_prefix.sh", os.X_OK)


def test_a_line_in_the_start_file_that_asks_for_the_path(
    installed: Installed, ready_shell: UserShell, recorder: Recorder
) -> None:
    program = shlex.quote(str(installed.program))
    sourcing = f'source "$({program} shim {ready_shell.name})"'
    result = ready_shell.run_bare(f"{sourcing}\ndistcc_build {recorder.word} all")
    assert (result.returncode, result.stdout) == (0, "")
    assert recorder.arguments == [b"all", b"-j", b"5"]


def test_sourcing_is_silent_and_starts_nothing(installed: Installed, user_shell: UserShell) -> None:
    installed.use_in(user_shell)
    result = user_shell.run_bare(
        f"set -eu; PATH=/nowhere\n{user_shell.sourcing}\necho $?; command -v distcc_build"
    )
    assert result.stderr == ""
    assert result.stdout.splitlines()[0] == "0"


def test_the_workers_compile_everything(
    installed: Installed, user_shell: UserShell, start_distccd: Callable[..., Distccd], tmp_path: Path
) -> None:
    worker = start_distccd()
    project = write_c_project(tmp_path / "project")
    installed.use_in(user_shell).environ.update(
        DISTCC_AUTO_HOSTS=worker.spec, DISTCC_FALLBACK="0", PATH=f"{MASQUERADE}:{user_shell.environ['PATH']}"
    )
    result = user_shell.run(f"distcc_build make -s -C {shlex.quote(str(project))}")
    assert result.returncode == 0, result.stderr
    assert worker.compiled == 6


def test_no_python_on_path(
    installed: Installed, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """The build runs the Python of the environment."""
    installed.use_in(ready_shell)
    result = ready_shell.run(f"distcc_build {recorder.word}", before=f"PATH={tools(tmp_path)}")
    assert result.returncode == 0, result.stderr
    assert recorder.jobs == 5


def assert_builds(program: Path, environ: dict[str, str], work: Path, recorder: Recorder) -> None:
    done = subprocess.run(
        [program, recorder.path, "two words"], env=environ, cwd=work, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert recorder.arguments == [b"two words", b"-j", b"5"]


@pytest.fixture
def ready(environ: dict[str, str], shared_distccd: Distccd) -> dict[str, str]:
    """The environment of a build that runs `-j 5`."""
    extra = {"DISTCC_AUTO_HOSTS": shared_distccd.spec, "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS": "0"}
    return environ | extra


def test_distcc_build_as_a_program(
    installed: Installed, ready: dict[str, str], work: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """By its path, and through links, as pipx has it in ~/.local/bin; no Python is on PATH."""
    directory = tools(tmp_path)
    for name in ("bash", "readlink"):
        (directory / name).symlink_to(shutil.which(name) or name)
    ready["PATH"] = str(directory)
    assert_builds(installed.build_program, ready, work, recorder)
    (work / "first").symlink_to(os.path.relpath(installed.build_program, work))
    (work / "second").symlink_to("first")
    assert_builds(work / "second", ready, work, recorder)


def test_the_program_where_no_interpreter_is_beside_it(
    wheel: Path, ready: dict[str, str], work: Path, recorder: Recorder, tmp_path: Path
) -> None:
    assert_builds(install_under(wheel, tmp_path / "under").build_program, ready, work, recorder)
    assert_builds(install_into(wheel, tmp_path / "in it").build_program, ready, work, recorder)


def test_the_program_asks_distcc_driver_for_a_package_that_is_elsewhere(
    ready: dict[str, str], work: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """As after `pip install --editable` into another environment than .venv."""
    programs = tmp_path / "environment" / "bin"
    programs.mkdir(parents=True)
    program = Path(shutil.copy(ROOT / "distcc_driver" / "share" / "distcc_build", programs))
    done = subprocess.run([program, "true"], env=ready, cwd=work, capture_output=True, check=False)
    assert done.returncode == 96
    (programs / "distcc-driver").symlink_to(ROOT / ".venv" / "bin" / "distcc-driver")
    assert_builds(program, ready, work, recorder)


def test_other_packages_of_the_environment_are_not_taken_for_the_standard_library(
    installed: Installed, ready_shell: UserShell, recorder: Recorder
) -> None:
    shadows = [installed.packages / f"{name}.py" for name in SHADOWS]
    for shadow in shadows:
        shadow.write_text("raise SystemExit('not of the standard library')\n")
    try:
        result = installed.use_in(ready_shell).run(f"distcc_build {recorder.word}")
    finally:
        for shadow in shadows:
            shadow.unlink()
    assert result.returncode == 0, result.stderr
    assert recorder.jobs == 5


def test_the_demo(installed: Installed, environ: dict[str, str]) -> None:
    said = installed.run("demo", **environ)
    compiled = [int(number) for number in re.findall(r"slots: (\d+) compiled", said)]
    assert sum(compiled) == 24
    assert min(compiled) > 0


@pytest.mark.parametrize("shell", SHELLS)
def test_the_commands_complete_themselves(shell: str, installed: Installed) -> None:
    assert "complete" in installed.run(
        "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )


def test_tab_behind_distcc_build(installed: Installed, ready_shell: UserShell, recorder: Recorder) -> None:
    (ready_shell.cwd / "unique file").touch()
    before = {"bash": "", "zsh": "autoload -Uz compinit; compinit -u -D"}[ready_shell.name]
    with installed.use_in(ready_shell).interactive(before) as terminal:
        terminal.send(f"distcc_build {recorder.word} uniq\t\r")
        terminal.expect("-j 5 = 5 remote")
        terminal.expect(PROMPT)
        terminal.send("exit\r")
        terminal.wait()
    assert recorder.arguments == [b"unique file", b"-j", b"5"]


def test_man_pages_are_found_beside_the_program(installed: Installed) -> None:
    path = f"{installed.program.parent}:/usr/bin:/bin"
    for name in ("distcc_build", "distcc-driver"):
        assert "DISTCC_AUTO_HOSTS" in run("man", "-P", "cat", name, PATH=path, MANPATH="")


def test_readme_and_pages_are_installed_as_they_lie_in_the_clone(installed: Installed) -> None:
    """Messages name the pages; links between the pages lead to each other."""
    frame = ROOT / "docs" / "distcc-driver.md"
    pages = {path for path in (ROOT / "docs").iterdir() if path.suffix in {".md", ".svg"}} - {frame}
    share = installed.packages.parents[2] / "share" / "doc" / "distcc-driver"
    for path in (ROOT / "README.md", *sorted(pages)):
        assert (share / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_a_directory_without_an_interpreter_of_its_own(
    wheel: Path, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """`pip install --user` leads to this.

    The name of the directory says which Python, not python3 on PATH.
    """
    installed = install_under(wheel, tmp_path / "home" / ".local")
    directory = tools(tmp_path)
    python = python_named(f"python{THIS_VERSION}", directory)
    other = python_named("python3", directory)
    result = installed.use_in(ready_shell).run(f"distcc_build {recorder.word}", before=f"PATH={directory}")
    assert result.returncode == 0, result.stderr
    assert recorder.jobs == 5
    assert Path(f"{python}.used").exists()
    assert not Path(f"{other}.used").exists()


def test_a_directory_of_the_users_choice(
    wheel: Path, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    installed = install_into(wheel, tmp_path / "it's here")
    result = installed.use_in(ready_shell).run(f"distcc_build {recorder.word}")
    assert result.returncode == 0, result.stderr
    assert recorder.jobs == 5
    shown = installed.run("shim", ready_shell.name, PYTHONPATH=str(installed.packages))
    assert shown == f"{ready_shell.shim}\n"


def test_the_message_of_an_incomplete_installation(
    wheel: Path, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """An installation has no Makefile, so the message does not name `make install`."""
    installed = install_into(wheel, tmp_path / "here")
    installed.use_in(ready_shell)
    words = []
    for name in ("plan.py", "__main__.py"):
        (installed.packages / "distcc_driver" / name).unlink()
        result = ready_shell.run(f"distcc_build {recorder.word}")
        assert result.returncode == 96
        words.append(result.stderr.splitlines()[-1])
    assert words[0].endswith("install distcc-driver again, in a clone with make install")
    assert words[1].endswith("install distcc-driver again, or set DISTCC_DRIVER_PYTHON")
    assert not recorder.has_run


def test_another_shell_has_no_shim(installed: Installed) -> None:
    done = subprocess.run([installed.program, "shim", "tcsh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "distcc-driver: shim: tcsh: there is none for this shell; write bash, zsh or fish\n"


def test_a_clone_has_its_shims_above_the_package() -> None:
    assert (
        run(sys.executable, "-m", "distcc_driver", "shim", "bash", PYTHONPATH=str(ROOT))
        == f"{ROOT}/distcc.sh\n"
    )


def tools(directory: Path) -> Path:
    """A PATH with distcc and no Python on it."""
    tools = directory / "tools"
    tools.mkdir()
    (tools / "distcc").symlink_to(shutil.which("distcc") or "distcc")
    return tools

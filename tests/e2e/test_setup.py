"""`distcc-driver setup`, and new shells of the user after it: login shells and others, in a terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import PACKAGE, run_driver
from tests.support.place import ROOT
from tests.support.shells import SHELLS
from tests.support.terminal import Terminal
from tests.support.wheels import THIS_VERSION, install_in_venv, python_named

if TYPE_CHECKING:
    from tests.support.shells import Recorder, UserShell
    from tests.support.wheels import Installed

FILES = {"bash": ".bashrc", "zsh": ".zshrc"}
PROFILE = "[ ! -r ~/.bashrc ] || . ~/.bashrc\nPATH=$HOME/.local/bin:$PATH\n"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def one(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install_in_venv(wheel, sys.executable, THIS_VERSION, tmp_path_factory.mktemp("it's") / "one")


@pytest.fixture
def home(environ: dict[str, str]) -> Path:
    """A home with a .profile like Debian's: it reads ~/.bashrc, then adds ~/.local/bin to PATH."""
    path = Path(environ["HOME"])
    (path / ".profile").write_text(PROFILE)
    return path


def setup(environ: dict[str, str], work: Path, *words: str) -> list[str]:
    """Run `distcc-driver setup`; return the lines that it printed."""
    result = run_driver(environ, work, "setup", *words)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def line(shell: str) -> str:
    path = shlex.quote(str(ROOT / {"bash": "distcc.sh", "zsh": "distcc.zsh"}[shell]))
    return f"[ ! -r {path} ] || source {path} # distcc-driver setup\n"


def said_by(shell: str, options: str, environ: dict[str, str], work: Path) -> str:
    """Start a new shell in a terminal; return everything that it shows."""
    command = [shell, options, "command -v distcc_build; echo the end"]
    with Terminal(command, environ, work) as terminal:
        assert terminal.wait() == 0
    return terminal.shown.replace("\r\n", "\n")


@pytest.mark.parametrize("options", ["-lic", "-ic"], ids=["login", "other"])
def test_new_shells_have_distcc_build_and_say_nothing(
    options: str, shell: str, one: Installed, environ: dict[str, str], home: Path, work: Path
) -> None:
    """distcc-driver is not on PATH while these shells start."""
    one.run("setup", shell, **environ)
    assert (home / FILES[shell]).is_file()
    assert said_by(shell, options, environ, work) == "distcc_build\nthe end\n"


@pytest.mark.parametrize("options", ["-lic", "-ic"], ids=["login", "other"])
def test_new_shells_say_nothing_where_it_is_gone(
    options: str, shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    clone = work / "it's a clone"
    clone.mkdir()
    shutil.copytree(PACKAGE, clone / "distcc_driver", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("distcc.sh", "distcc.zsh"):
        shutil.copy(ROOT / name, clone)
    setup(environ | {"PYTHONPATH": str(clone)}, work, shell)
    assert said_by(shell, options, environ, work) == "distcc_build\nthe end\n"
    shutil.rmtree(clone)
    with (home / FILES[shell]).open("a") as file:
        file.write("echo status $?\n")
    assert said_by(shell, options, environ, work) == "status 0\nthe end\n"


def test_it_says_what_it_did_and_does_nothing_twice(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    file = home / FILES[shell]
    file.write_bytes(b"# \xff mine\nalias ll='ls -l'")
    said = setup(environ, work, shell)
    assert said[0].startswith(f"{file}: it has a line now that loads ")
    text = file.read_bytes()
    assert text == b"# \xff mine\nalias ll='ls -l'\n" + line(shell).encode()
    identity = file.stat()
    said = setup(environ, work, shell)
    assert said[0].startswith(f"{file}: it has the line already that loads ")
    assert (file.read_bytes(), file.stat()) == (text, identity)


def test_removal_takes_exactly_its_line_out(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    file = home / FILES[shell]
    mine = "source ~/distcc.sh\n# distcc-driver setup\necho distcc_build # distcc-driver setup\n\n"
    file.write_text(mine)
    setup(environ, work, shell)
    file.write_text(file.read_text() + "alias ll='ls -l'")
    assert setup(environ, work, shell, "--remove") == [f"{file}: the line is removed"]
    assert file.read_text() == f"{mine}alias ll='ls -l'"
    assert setup(environ, work, shell, "--remove") == [f"{file}: it has no line of distcc-driver"]


def test_line_of_another_installation_is_replaced_where_it_is(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    file = home / FILES[shell]
    old = "[ ! -r /old/distcc.sh ] || source /old/distcc.sh # distcc-driver setup\n"
    file.write_text(f"first\n{old}middle\n{old}last\n")
    setup(environ, work, shell)
    assert file.read_text() == f"first\n{line(shell)}middle\nlast\n"


def test_link_of_a_dotfile_and_its_rights_stay(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    real = work / "dotfiles" / "rc"
    real.parent.mkdir()
    real.write_text("mine\n")
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 1234, 1235)
    before = real.stat()
    (home / FILES[shell]).symlink_to(os.path.relpath(real, home))
    for words in ([shell], [shell, "--remove"]):
        setup(environ, work, *words)
        assert (home / FILES[shell]).is_symlink()
        after = real.stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert real.read_text() == "mine\n"
    assert os.listdir(real.parent) == ["rc"]


def test_new_file_has_the_usual_rights(shell: str, environ: dict[str, str], home: Path, work: Path) -> None:
    mask = os.umask(0o027)
    try:
        setup(environ, work, shell)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((home / FILES[shell]).stat().st_mode) == 0o640


def refused(shell: str, environ: dict[str, str], work: Path) -> str:
    result = run_driver(environ, work, "setup", shell)
    assert (result.returncode, result.stdout) == (96, "")
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def test_read_only_file_is_refused_and_the_line_told(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    """Some users have a program that writes their start files, and makes them read-only."""
    file = home / FILES[shell]
    file.write_text("mine\n")
    file.chmod(0o444)
    said = refused(shell, environ, work)
    assert said.startswith(f"distcc-driver: setup: {file}: it is read-only; change it by hand, the line is: ")
    assert line(shell) in said
    assert file.read_text() == "mine\n"


def test_a_start_file_that_is_no_file_is_refused(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    (home / FILES[shell]).mkdir()
    assert "it is no file; move it away" in refused(shell, environ, work)
    (home / FILES[shell]).rmdir()
    os.mkfifo(home / FILES[shell])
    assert "it is no file; move it away" in refused(shell, environ, work)


def test_link_to_nowhere_is_refused(shell: str, environ: dict[str, str], home: Path, work: Path) -> None:
    (home / FILES[shell]).symlink_to(home / "gone" / "rc")
    assert "No such file or directory; change it by hand" in refused(shell, environ, work)


def test_zsh_has_its_files_in_zdotdir(environ: dict[str, str], home: Path, work: Path) -> None:
    directory = home / "dot files"
    directory.mkdir()
    environ["ZDOTDIR"] = str(directory)
    setup(environ, work, "zsh")
    assert (directory / ".zshrc").read_text() == line("zsh")
    assert said_by("zsh", "-lic", environ, work) == "distcc_build\nthe end\n"


def test_shell_is_the_login_shell_if_none_is_named(
    shell: str, environ: dict[str, str], home: Path, work: Path
) -> None:
    environ["SHELL"] = f"/usr/local/bin/{shell}"
    setup(environ, work)
    assert (home / FILES[shell]).read_text() == line(shell)


@pytest.mark.parametrize("words", [[], ["fish"], ["--remove"]])
def test_another_shell_is_wrong_usage(
    words: list[str], environ: dict[str, str], home: Path, work: Path
) -> None:
    environ["SHELL"] = "/usr/bin/fish"
    result = run_driver(environ, work, "setup", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("distcc-driver: setup: name the shell, bash or zsh, as in: ")
    assert sorted(os.listdir(home)) == [".profile", "distcc"]


@pytest.mark.parametrize(
    ("name", "text"), [(".profile", None), (".profile", "PATH=~/bin\n"), (".bash_profile", "\n")]
)
def test_login_shells_that_do_not_read_bashrc_are_told(
    name: str, text: str | None, environ: dict[str, str], home: Path, work: Path
) -> None:
    (home / ".profile").unlink()
    if text is not None:
        (home / name).write_text(text)
    result = run_driver(environ, work, "setup", "bash")
    assert result.returncode == 0
    start, _, advice = result.stderr.strip().rpartition(": [")
    assert start.startswith(f"distcc-driver: setup: {home / name}: it does not read ~/.bashrc")
    with (home / name).open("a") as file:
        file.write(f"[{advice}\n")
    assert said_by("bash", "-lic", environ, work) == "distcc_build\nthe end\n"
    assert run_driver(environ, work, "setup", "bash").stderr == ""


def test_line_holds_when_the_python_of_the_environment_changes(
    ready_shell: UserShell, recorder: Recorder, one: Installed, tmp_path: Path
) -> None:
    """If several Pythons are there, the line finds the latest one that has the package."""
    prefix = tmp_path / "home" / ".local"
    shutil.copytree(one.shim_directory, prefix / "share" / "distcc-driver")
    shim = prefix / "share" / "distcc-driver" / ready_shell.shim.name
    programs = tmp_path / "programs"
    script = f"PATH={shlex.quote(str(programs))}:$PATH\nsource {shlex.quote(str(shim))}\n"
    script += f"distcc_build {recorder.word}"
    for minor in (9, 11, 13):
        packages = prefix / "lib" / f"python3.{minor}" / "site-packages"
        shutil.copytree(one.packages / "distcc_driver", packages / "distcc_driver")
        python_named(f"python3.{minor}", programs)
    result = ready_shell.run_bare(script)
    assert result.returncode == 0, result.stderr
    assert [name for name in sorted(os.listdir(programs)) if name.endswith(".used")] == ["python3.13.used"]
    shutil.rmtree(prefix / "lib" / "python3.13")
    result = ready_shell.run_bare(script)
    assert result.returncode == 0, result.stderr
    assert Path(programs / "python3.11.used").exists()


STUB_SET_UPS = {
    "bash": ["set -eu -o pipefail", "set -f", "set -a", "shopt -s failglob", "set -o posix"],
    "zsh": [
        "set -eu",
        "setopt ksh_arrays sh_word_split",
        "setopt warn_create_global",
        "setopt err_return all_export",
        "alias -g source=nothing unset=nothing",
    ],
}
HIJACKED = "".join(
    f"alias {word}=false\n" for word in ("while", "for", "do", "done", "source", "unset", "typeset")
)
HIJACKED += "test() { echo hijacked; }; command() { echo hijacked; }\n"


def test_installed_shim_is_sourced_with_any_options_and_aliases(
    ready_shell: UserShell, one: Installed, recorder: Recorder
) -> None:
    shim = shlex.quote(str(one.shim_directory / ready_shell.shim.name))
    for set_up in STUB_SET_UPS[ready_shell.name]:
        expand = {"bash": "shopt -s expand_aliases", "zsh": ":"}[ready_shell.name]
        result = ready_shell.run_bare(
            f"{set_up}\n{expand}\n{HIJACKED}\\builtin source {shim}\ndistcc_build {recorder.word}\n"
            "env | grep __distcc || :; alias | grep -c while"
        )
        assert (result.stdout, result.returncode) == ("1\n", 0), (set_up, result.stderr)
        assert recorder.jobs == 5
        assert len(result.stderr.splitlines()) == 1


def test_installed_shim_is_found_by_a_link(
    ready_shell: UserShell, one: Installed, recorder: Recorder, work: Path
) -> None:
    (work / "far").symlink_to(one.shim_directory / ready_shell.shim.name)
    (work / "near").symlink_to("far")
    for words in ("./near", str(work / "near")):
        result = ready_shell.run_bare(f"source {words}\ndistcc_build {recorder.word}")
        assert (result.returncode, recorder.jobs) == (0, 5), result.stderr


@pytest.mark.usefixtures("home")
def test_upgrade_and_removal_leave_the_line_true(
    shell: str, wheel: Path, environ: dict[str, str], work: Path, tmp_path: Path
) -> None:
    """The environment is made again, as by `pipx reinstall`, and then removed."""
    directory = tmp_path / "venvs" / "distcc-driver"
    install_in_venv(wheel, sys.executable, THIS_VERSION, directory).run("setup", shell, **environ)
    shutil.rmtree(directory)
    assert said_by(shell, "-lic", environ, work) == "the end\n"
    install_in_venv(wheel, sys.executable, THIS_VERSION, directory)
    assert said_by(shell, "-lic", environ, work) == "distcc_build\nthe end\n"

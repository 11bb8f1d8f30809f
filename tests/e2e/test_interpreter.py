"""Which Python runs the driver, which modules it may import, and the message if it cannot run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.place import install
from tests.support.refusals import assert_refused

if TYPE_CHECKING:
    from pytestshellutils.utils.processes import ProcessResult

    from tests.support.shells import Recorder, UserShell


def tracing_python(path: Path) -> Path:
    """A program that runs the Python of these tests, and leaves the file `NAME.used` beside itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    real = shlex.quote(os.path.realpath(sys.executable))
    path.write_text(f'#!/bin/sh\necho used > {shlex.quote(str(path))}.used\nexec {real} "$@"\n')
    path.chmod(0o755)
    return path


def was_used(python: Path) -> bool:
    return python.with_name(f"{python.name}.used").exists()


@pytest.fixture
def copied(ready_shell: UserShell, tmp_path: Path) -> UserShell:
    """A shell whose shims have no `.venv` beside them."""
    ready_shell.root = install(tmp_path / "copy")
    return ready_shell


def assert_built(result: ProcessResult, recorder: Recorder) -> None:
    assert result.returncode == 0, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert recorder.jobs == 5


def assert_refused_unrun(result: ProcessResult, recorder: Recorder, *parts: str) -> None:
    """The build was refused before its command ran."""
    assert_refused(result, *parts)
    assert not recorder.has_run


def test_the_venv_beside_the_shim_comes_before_python3(
    copied: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    mine = tracing_python(copied.root / ".venv" / "bin" / "python")
    other = tracing_python(tmp_path / "bin" / "python3")
    copied.environ["PATH"] = f"{other.parent}:{copied.environ['PATH']}"
    assert_built(copied.run(f"distcc_build {recorder.word}"), recorder)
    assert was_used(mine)
    assert not was_used(other)


def test_python3_where_there_is_no_venv(copied: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    python = tracing_python(tmp_path / "bin" / "python3")
    copied.environ["PATH"] = f"{python.parent}:{copied.environ['PATH']}"
    assert_built(copied.run(f"distcc_build {recorder.word}"), recorder)
    assert was_used(python)


@pytest.mark.parametrize("kind", ["absolute", "relative", "deeper", "bare"])
@pytest.mark.parametrize("name", ["snake", "my 'own' $(touch pwned)"])
def test_the_interpreter_of_the_user_comes_first(
    kind: str, name: str, copied: UserShell, recorder: Recorder
) -> None:
    venv_python = tracing_python(copied.root / ".venv" / "bin" / "python")
    python = tracing_python(copied.cwd / "tools" / name)
    copied.environ["PATH"] = f"{python.parent}:{copied.environ['PATH']}"
    (copied.cwd / "deeper").mkdir()
    value, cd = {
        "absolute": (str(python), "."),
        "relative": (f"tools/{name}", "."),
        "deeper": (f"../tools/{name}", "deeper"),
        "bare": (name, "."),
    }[kind]
    copied.environ["DISTCC_DRIVER_PYTHON"] = value
    assert_built(copied.run(f"cd {cd}; distcc_build {recorder.word}"), recorder)
    assert was_used(python)
    assert not was_used(venv_python)
    assert not list(copied.cwd.rglob("pwned"))


def test_set_but_empty_means_the_default(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = ""
    assert_built(ready_shell.run(f"distcc_build {recorder.word}"), recorder)


@pytest.mark.parametrize("value", ["/no/such/python", "no/such/python", "no-such-python", "-c", "a b"])
def test_an_interpreter_that_is_not_there(value: str, ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = value
    assert_refused_unrun(ready_shell.run(f"distcc_build {recorder.word}"), recorder, value)


def test_an_interpreter_that_is_a_directory(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = str(tmp_path)
    assert_refused_unrun(ready_shell.run(f"distcc_build {recorder.word}"), recorder, str(tmp_path))


def test_an_interpreter_that_may_not_be_run(ready_shell: UserShell, recorder: Recorder) -> None:
    (ready_shell.cwd / "python").write_text("#!/bin/sh\n")
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = "./python"
    assert_refused_unrun(ready_shell.run(f"distcc_build {recorder.word}"), recorder, "./python")


def test_a_function_is_no_interpreter(copied: UserShell, recorder: Recorder) -> None:
    copied.environ["DISTCC_DRIVER_PYTHON"] = "snake"
    result = copied.run(f"snake() {{ :; }}\ndistcc_build {recorder.word}")
    assert_refused_unrun(result, recorder, "snake")


def test_no_python_at_all(copied: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("distcc", "readlink"):
        (tools / name).symlink_to(shutil.which(name) or name)
    result = copied.run(f"distcc_build {recorder.word}", before=f"PATH={tools}")
    assert_refused_unrun(result, recorder, "python3", "make", "install")


@pytest.mark.parametrize("python", ["false", "true", "echo", "make", "cat"])
def test_a_program_that_is_no_python(python: str, ready_shell: UserShell, recorder: Recorder) -> None:
    """The program fails, or prints other text. There is no build, and the shell evaluates nothing."""
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = python
    result = ready_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == 96
    assert result.stdout == ""
    assert not recorder.has_run
    ours = [line for line in result.stderr.splitlines() if line.startswith("distcc-driver: ")]
    assert len(ours) == 1, result.stderr
    assert python in ours[0]


@pytest.mark.parametrize("status", [1, 2, 126, 127, 128, 198, 255])
def test_an_interpreter_that_fails(status: int, ready_shell: UserShell, recorder: Recorder) -> None:
    python = ready_shell.cwd / "python"
    python.write_text(f"#!/bin/sh\necho 'touch pwned'\nexit {status}\n")
    python.chmod(0o755)
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = str(python)
    assert_refused_unrun(
        ready_shell.run(f"distcc_build {recorder.word}"), recorder, str(python), f"status {status}", "install"
    )
    assert os.listdir(ready_shell.cwd) == ["python"]


@pytest.mark.parametrize(
    ("number", "advice", "status"),
    [
        (signal.SIGKILL, "out of memory?", 96),
        (signal.SIGSEGV, "set DISTCC_DRIVER_PYTHON to another interpreter", 96),
        (signal.SIGABRT, "set DISTCC_DRIVER_PYTHON to another interpreter", 96),
        (signal.SIGTERM, "build again", 143),
        (signal.SIGHUP, "build again", 129),
    ],
)
def test_an_interpreter_that_a_signal_ends(
    number: signal.Signals, advice: str, status: int, ready_shell: UserShell, recorder: Recorder
) -> None:
    """The message does not blame the installation. The status is the same as if the plan got the signal."""
    python = ready_shell.cwd / "python"
    python.write_text(f"#!/bin/sh\nkill -{number:d} $$\n")
    python.chmod(0o755)
    ready_shell.environ["DISTCC_DRIVER_PYTHON"] = str(python)
    result = ready_shell.run(f"distcc_build {recorder.word}")
    assert result.returncode == status
    assert not recorder.has_run
    assert f"distcc-driver: {python}: signal {number:d} ({number.name}) ended the plan; " in result.stderr
    assert advice in result.stderr
    assert "install" not in result.stderr


def old_pythons() -> list[str]:
    """Interpreters on this machine that are older than 3.10, one of each version."""
    found: dict[str, str] = {}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [str(path) for path in sorted(root.glob("versions/[23].*/bin/python"))]
    candidates += [f"python{version}" for version in ("2", "2.7", "3.5", "3.6", "3.7", "3.8", "3.9")]
    candidates += ["pypy", "pypy3"]
    code = "import sys; print('%d.%d' % sys.version_info[:2] if sys.version_info < (3, 10) else '')"
    for candidate in candidates:
        if program := shutil.which(candidate):
            version = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
            if version.returncode == 0 and version.stdout.strip():
                found.setdefault(version.stdout.strip(), program)
    return list(found.values())


OLD_PYTHONS = old_pythons()


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 on this machine")
def test_an_interpreter_that_is_too_old(copied: UserShell, recorder: Recorder) -> None:
    for python in OLD_PYTHONS:
        copied.environ["DISTCC_DRIVER_PYTHON"] = python
        result = copied.run(f"distcc_build {recorder.word}")
        assert_refused_unrun(result, recorder, "too old", "3.10", "DISTCC_DRIVER_PYTHON")


def test_a_module_of_the_package_is_not_there(copied: UserShell, recorder: Recorder) -> None:
    """An interrupted installation leaves this state."""
    (copied.root / "distcc_driver" / "plan.py").unlink()
    result = copied.run(f"distcc_build {recorder.word}")
    assert result.returncode == 96
    assert not recorder.has_run
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("distcc-driver: ")


def test_a_dependency_is_not_there(copied: UserShell, recorder: Recorder, tmp_path: Path) -> None:
    """The Python of a bare environment has no dependencies. Only builds with SSH hosts need one."""
    venv.create(tmp_path / "bare", symlinks=True)
    copied.environ["DISTCC_DRIVER_PYTHON"] = str(tmp_path / "bare" / "bin" / "python")
    assert_built(copied.run(f"distcc_build {recorder.word}"), recorder)
    copied.environ["DISTCC_AUTO_HOSTS"] = "ssh://127.0.0.1:1"
    (recorder.path.parent / "recorded").unlink()
    result = copied.run(f"distcc_build {recorder.word}")
    assert_refused_unrun(result, recorder, "sh", "make", "install", str(copied.root))


HOSTILE = [
    "socket.py",
    "_socket.py",
    "typer.py",
    "os.py",
    "sys.py",
    "errno.py",
    "select.py",
    "time.py",
    "collections.py",
    "sh.py",
    "sitecustomize.py",
    "usercustomize.py",
    "distcc_driver.py",
    "distcc_driver/__init__.py",
    "distcc_driver/__main__.py",
    "distcc_driver/plan.py",
    "encodings/__init__.py",
]


def write_hostile_tree(directory: Path) -> None:
    for name in HOSTILE:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("raise SystemExit('a module of the source tree was imported')\n")


@pytest.mark.parametrize("with_venv", [True, False], ids=["venv", "python3"])
def test_nothing_is_imported_from_the_tree_that_is_built(
    with_venv: bool, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    if not with_venv:
        ready_shell.root = install(tmp_path / "copy")
    write_hostile_tree(ready_shell.cwd)
    assert_built(ready_shell.run(f"distcc_build {recorder.word}"), recorder)


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE"])
def test_nothing_is_imported_by_the_environment(
    variable: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    write_hostile_tree(ready_shell.cwd)
    version = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    write_hostile_tree(ready_shell.cwd / version)
    write_hostile_tree(ready_shell.cwd / version / "site-packages")
    value = {"PYTHONSTARTUP": str(ready_shell.cwd / "os.py")}.get(variable, str(ready_shell.cwd))
    ready_shell.environ[variable] = value
    assert_built(ready_shell.run(f"distcc_build {recorder.word}"), recorder)
    assert recorder.environ[variable] == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYTHONVERBOSE", "1"),
        ("PYTHONINSPECT", "1"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONOPTIMIZE", "2"),
        ("PYTHONDEBUG", "1"),
        ("PYTHONPROFILEIMPORTTIME", "1"),
        ("PYTHONDEVMODE", "1"),
        ("PYTHONMALLOC", "debug"),
        ("PYTHONIOENCODING", "utf-16"),
        ("PYTHONUTF8", "0"),
        ("PYTHONBREAKPOINT", "os.abort"),
    ],
)
def test_python_variables_are_for_the_build(
    variable: str, value: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    ready_shell.environ[variable] = value
    assert_built(ready_shell.run(f"distcc_build {recorder.word}"), recorder)
    assert recorder.environ[variable] == value


@pytest.mark.parametrize("with_venv", [True, False], ids=["venv", "python3"])
def test_nothing_is_imported_from_an_active_environment(
    with_venv: bool, ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    """Nothing is imported from the user's own packages, either."""
    if not with_venv:
        ready_shell.root = install(tmp_path / "copy")
    active = tmp_path / "active"
    venv.create(active, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for packages in (
        active / "lib" / version / "site-packages",
        Path(ready_shell.environ["HOME"]) / ".local" / "lib" / version / "site-packages",
    ):
        write_hostile_tree(packages)
        (packages / "hostile.pth").write_text("import sys; sys.exit('a .pth file was read')\n")
    ready_shell.environ.update(
        VIRTUAL_ENV=str(active), PATH=f"{active}/bin:{ready_shell.environ['PATH']}", PYTHONNOUSERSITE=""
    )
    assert_built(ready_shell.run(f"distcc_build {recorder.word}"), recorder)
    assert recorder.environ["VIRTUAL_ENV"] == str(active)

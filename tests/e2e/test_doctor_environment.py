"""Variables of the user count in trials as in builds, above all DISTCC_NO_REWRITE_CROSS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.toolchains import Toolchain, target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

NO_REWRITE = "DISTCC_NO_REWRITE_CROSS"


@pytest.fixture(params=["missing", "not allowed"])
def plain(request: pytest.FixtureRequest, public: Path, start_distccd: Callable[..., Distccd]) -> Distccd:
    """A worker that runs `gcc` and `g++`; `TARGET-gcc` and `TARGET-g++` are missing or not allowed."""
    if request.param == "missing":
        tools = Toolchain(public / "tools")
        tools.add_alone("gcc")
        tools.add_alone("g++")
        environ = tools.environ
    else:
        (public / "allowed").write_text("/usr/bin/gcc\n/usr/bin/g++\n")
        environ = {"DISTCC_CMDLIST": str(public / "allowed")}
    return start_distccd(environ=environ)


def lines_of(environ: Mapping[str, str], work: Path, *words: str) -> list[str]:
    """The lines of the doctor about trials."""
    output = run_driver(environ, work, "doctor", *words).stdout
    return [line for line in output.splitlines() if " trial compilations: " in line]


def is_distributed(shell: UserShell, worker: Distccd) -> bool:
    before = worker.compiled
    (shell.cwd / "a.c").write_text("int a;\n")
    assert shell.run("distcc_build sh -c 'distcc gcc -c a.c'").returncode == 0
    return worker.compiled > before


def test_worker_without_compiler_names_of_the_target(user_shell: UserShell, plain: Distccd) -> None:
    environ = user_shell.environ
    environ["DISTCC_AUTO_HOSTS"] = plain.spec
    assert not is_distributed(user_shell, plain)
    [line] = lines_of(environ, user_shell.cwd, "--compiler", "gcc", "g++")
    asked = f"{target()}-gcc, {target()}-g++"
    assert line == (
        f"problem  trial compilations: {plain.spec}: compiles with gcc, g++, but distcc asks it for {asked}, "
        f"which does not work there; set {NO_REWRITE}=1, so that distcc asks for gcc, g++"
    )
    environ[NO_REWRITE] = "1"
    assert is_distributed(user_shell, plain)
    [line] = lines_of(environ, user_shell.cwd, "--compiler", "gcc", "g++")
    assert line.startswith(f"ok       trial compilations: {plain.spec}: compiles with gcc, g++ in ")


@pytest.mark.parametrize("value", ["1", "0", ""])
@pytest.mark.parametrize("plain", ["missing"], indirect=True)
def test_any_value_of_the_variable_counts(
    value: str, environ: dict[str, str], work: Path, plain: Distccd
) -> None:
    """distcc looks only at whether the variable is set."""
    environ |= {"DISTCC_AUTO_HOSTS": plain.spec, NO_REWRITE: value}
    [line] = lines_of(environ, work, "--compiler", "gcc")
    assert line.startswith("ok ")


@pytest.mark.parametrize("plain", ["not allowed"], indirect=True)
def test_each_name_of_one_compiler_is_tried_if_distcc_asks_for_that_name(
    environ: dict[str, str], work: Path, plain: Distccd
) -> None:
    environ |= {"DISTCC_AUTO_HOSTS": plain.spec, NO_REWRITE: "1"}
    lines = lines_of(environ, work, "--compiler", "cc", "gcc")
    assert [line.split()[0] for line in lines] == ["problem", "ok"]
    assert "compiler not allowed there, it hangs up without an answer: cc; " in lines[0]


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("plain", ["missing"], indirect=True)
def test_variable_that_a_makefile_sets_for_its_compiler(user_shell: UserShell, plain: Distccd) -> None:
    user_shell.environ["DISTCC_AUTO_HOSTS"] = plain.spec
    (user_shell.cwd / "Makefile").write_text(
        f"CC = env {NO_REWRITE}=1 distcc gcc\nmain.o: main.c\n\t$(CC) -c main.c\n"
    )
    (user_shell.cwd / "main.c").write_text("int main(void) { return 0; }\n")
    [line] = lines_of(user_shell.environ, user_shell.cwd)
    assert line.startswith(f"ok       trial compilations: {plain.spec}: compiles with gcc in ")
    assert user_shell.run("distcc_build make").returncode == 0
    assert plain.compiled == 2


def test_worker_without_any_name_of_the_compiler(
    environ: dict[str, str], work: Path, public: Path, start_distccd: Callable[..., Distccd]
) -> None:
    tools = Toolchain(public / "tools")
    environ["DISTCC_AUTO_HOSTS"] = start_distccd(environ=tools.environ).spec
    [line] = lines_of(environ, work, "--compiler", "gcc")
    assert f"compiler missing there: {target()}-gcc (asked for by distcc in place of gcc); install" in line


def test_clang_with_a_target(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    """distcc ignores `--target=` and adds a target of its own."""
    environ["DISTCC_AUTO_HOSTS"] = shared_distccd.spec
    other = "x86_64" if target().startswith("aarch64") else "aarch64"
    command = f"clang --target={other}-linux-gnu"
    [line] = lines_of(environ, work, "--compiler", command)
    assert f"compiles with {command} as here, but distcc adds -target {target().partition('-')[0]}-" in line
    assert line.endswith(f"; set {NO_REWRITE}=1, so that distcc leaves the command as it is")
    [line] = lines_of(environ | {NO_REWRITE: "1"}, work, "--compiler", command)
    assert line.startswith("ok ")


def test_trial_writes_no_files_of_the_user(
    environ: dict[str, str], work: Path, tmp_path: Path, shared_distccd: Distccd
) -> None:
    written = tmp_path / "written"
    written.mkdir()
    variables = {
        "DISTCC_HOSTS": "localhost",
        "DISTCC_LOG": f"{written}/log",
        "DISTCC_FALLBACK": "1",
        "DISTCC_SAVE_TEMPS": "1",
        "DISTCC_BACKOFF_PERIOD": "0",
        "DISTCC_VERBOSE": "0",
        "DISTCC_ENABLE_DISCREPANCY_EMAIL": "1",
        "DEPENDENCIES_OUTPUT": f"{written}/dependencies",
        "SUNPRO_DEPENDENCIES": f"{written}/sunpro",
        "CCACHE_DIR": f"{written}/cache",
    }
    environ |= {"DISTCC_AUTO_HOSTS": shared_distccd.spec, **variables}
    [line] = lines_of(environ, work, "--compiler", "gcc")
    assert line.startswith("ok ")
    assert os.listdir(written) == []

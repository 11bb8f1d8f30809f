"""distcc_build in real fish, which calls the program."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_driver
from tests.support.place import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import Recorder
    from tests.support.wheels import Installed

PAGE = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")
LINE = PAGE.split("```fish\n")[1].split("```")[0]


@pytest.fixture
def ready(environ: dict[str, str], shared_distccd: Distccd) -> dict[str, str]:
    """The environment of a build that runs `-j 5`."""
    extra = {"DISTCC_AUTO_HOSTS": shared_distccd.spec, "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS": "0"}
    return environ | extra


def fish(script: str, environ: Mapping[str, str], work: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environ,
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def quoted(path: object) -> str:
    """A path as one word of fish, in which a backslash and a quote between single quotes need a backslash."""
    text = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def test_the_line_of_the_page(ready: dict[str, str], work: Path, recorder: Recorder) -> None:
    ready["PATH"] = f"{ROOT / '.venv' / 'bin'}:{ready['PATH']}"
    done = fish(
        f"{LINE}\ndistcc_build {quoted(recorder.path)} 'two  words' '' '*' -n; exit $status", ready, work
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert recorder.arguments == [b"two  words", b"", b"*", b"-n", b"-j", b"5"]


def test_an_installed_package(
    installed: Installed, ready: dict[str, str], work: Path, recorder: Recorder
) -> None:
    """The program is found, though it is not on PATH; braces need no quotes."""
    path = installed.run("shim", "fish").removesuffix("\n")
    assert path == str(installed.packages.parents[2] / "share" / "distcc-driver" / "distcc.fish")
    script = (
        f"source {quoted(path)}; distcc_build {quoted(recorder.path)} -j{{jobs}}; distcc_build sh -c 'exit 7'"
    )
    done = fish(script, ready, work)
    assert done.returncode == 7, done.stderr
    assert recorder.arguments == [b"-j5"]


def test_tab_completes_the_command_behind_it(ready: dict[str, str], work: Path) -> None:
    (work / "unique-file").touch()
    shim = ROOT / "distcc_driver" / "share" / "distcc.fish"
    script = f"source {quoted(shim)}; complete -C 'distcc_build mak'; complete -C 'distcc_build cat uniq'"
    done = fish(script, ready, work)
    assert "make" in [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert "unique-file" in done.stdout


def test_the_path_in_a_clone(environ: dict[str, str], work: Path) -> None:
    done = run_driver(environ, work, "shim", "fish")
    assert done.stdout == f"{ROOT / 'distcc_driver' / 'share' / 'distcc.fish'}\n"

"""`distcc-driver monitor --plot`: a drawing of a build over time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.support.commands import run_driver
from tests.support.monitors import Monitor, files_at
from tests.support.shells import write_c_project

from .test_monitor import client, compile_one, held, make, name_of, start_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.heldcompilers import HeldCompilers

__all__ = ["held", "start_held"]

TEXT = "{http://www.w3.org/2000/svg}text"


def texts_of(path: Path) -> list[str]:
    """All texts of a drawing."""
    return ["".join(element.itertext()).strip() for element in ElementTree.parse(path).iter(TEXT)]


def test_a_build_from_begin_to_end(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd], held: HeldCompilers
) -> None:
    workers = start_held(3), start_held(2)
    environ["DISTCC_HOSTS"] = " ".join(worker.distcc_host for worker in workers)
    project = write_c_project(work / "project", 5)
    drawing = work / "drawing.svg"
    with client(environ, project, *make(5)), Monitor(environ, work, "--plot", str(drawing)) as monitor:
        monitor.until(lambda build: len(files_at(build)) == 5)
        assert not drawing.exists()
        held.release(5)
        monitor.rest()
        assert monitor.wait() == (0, "")
    texts = texts_of(drawing)
    for text in (*map(name_of, workers), "this machine", "compiling"):
        assert text in texts
    assert texts[-1 - texts[::-1].index("3")] == "3"  # the slots of the first worker
    assert [text for text in texts if str(project)[:30] in text]


def test_names_are_neither_markup_nor_formulas(
    environ: dict[str, str], work: Path, start_held: Callable[[int], Distccd]
) -> None:
    environ["DISTCC_HOSTS"] = start_held(1).distcc_host
    evil = work / "$\\frac{a}$<b>&\x1b\udcff"
    evil.mkdir()
    (evil / "a.c").write_text("int a;\n")
    drawing = work / "drawing.svg"
    with (
        client(environ, evil, *compile_one("a.c")),
        Monitor(environ, work, "--plot", str(drawing)) as monitor,
    ):
        monitor.until(files_at)
        assert monitor.end(signal.SIGINT) == (130, "")
    (title,) = [text for text in texts_of(drawing) if "distcc gcc -c" in text]
    assert r"$\frac{a}$<b>&\x1b\udcff" in title


def test_no_build_is_no_drawing(environ: dict[str, str], work: Path) -> None:
    drawing = work / "drawing.svg"
    with Monitor(environ, work, "--plot", str(drawing)) as monitor:
        monitor.document()
        assert monitor.end(signal.SIGINT) == (130, "")
    assert not drawing.exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--plot", "a.png"), 2),
        (("--plot", "a.svg", "--once"), 2),
        (("--plot", "missing/a.svg"), 96),
    ],
)
def test_what_cannot_be_drawn_is_said_before(
    words: tuple[str, ...], status: int, environ: dict[str, str], work: Path
) -> None:
    result = run_driver(environ, work, "monitor", *words)
    assert (result.returncode, result.stdout) == (status, "")
    assert len(result.stderr.splitlines()) == 1


def test_without_the_package(environ: dict[str, str], work: Path) -> None:
    """Python takes a module that is None for one that is not there."""
    code = "import sys; sys.modules['matplotlib'] = None; sys.argv[1:] = ['monitor', '--plot', 'a.svg']\n"
    code += "from distcc_driver.__main__ import main; main()"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environ, cwd=work, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (96, "")
    remedy = f"run {sys.executable} -m pip install matplotlib"
    assert result.stderr == f"distcc-driver: monitor: the package matplotlib is missing; {remedy}\n"
    assert (
        json.loads(run_driver(environ, work, "monitor", "--once", "--json", os.curdir).stdout)["version"] == 1
    )

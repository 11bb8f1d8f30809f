"""The pictures of the documents exist, need no other file, and show commands that still exist."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.support.commands import run_driver
from tests.support.place import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

DOCS = ROOT / "docs"
NAMES = ["build", "doctor", "monitor", "workers"]
COLUMN_WIDTH = 12.2
NAMESPACE = "http://www.w3.org/2000/svg"


def picture(name: str) -> str:
    return (DOCS / f"{name}.svg").read_text(encoding="utf-8")


def shown(name: str) -> list[str]:
    """The title of a picture, the command at its prompt, and the non-empty lines below that."""
    lines: dict[float, str] = {}
    for element in ElementTree.fromstring(picture(name)).iter(f"{{{NAMESPACE}}}text"):
        height, column = float(element.get("y", "")), round(float(element.get("x", "")) / COLUMN_WIDTH)
        if element.get("class", "").endswith("-title"):
            height, column = -1.0, 0
        text = (element.text or "").replace("\xa0", " ")
        lines[height] = lines.get(height, "").ljust(column) + text
    return [lines[height] for height in sorted(lines)]


def test_every_picture_is_shown_and_every_one_that_is_shown_is_there() -> None:
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == {DOCS / f"{name}.svg" for name in NAMES}


def test_all_pictures_are_known_here() -> None:
    assert sorted(path.stem for path in DOCS.glob("*.svg")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_whole_and_needs_nothing_from_elsewhere(name: str) -> None:
    assert len(shown(name)) > 5
    text = picture(name).replace(f'xmlns="{NAMESPACE}"', "", 1)
    assert re.findall(r"://|href|src|url\(|@import|@font-face|<script|<!", text) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_picture(name: str) -> None:
    root = ElementTree.fromstring(picture(name))
    ends = [
        float(element.get("x", "")) + float(element.get("textLength", ""))
        for element in root.iter(f"{{{NAMESPACE}}}text")
        if element.get("textLength")
    ]
    assert 0 < max(ends) < float(root.get("width", ""))


def test_command_in_a_picture_is_one_of_the_program(environ: dict[str, str], work: Path) -> None:
    for name in ("workers", "doctor", "monitor"):
        title, prompt = shown(name)[:2]
        assert prompt == f"$ {title}"
        program, *words = shlex.split(title)
        assert program == "distcc-driver"
        result = run_driver(environ, work, *words, "--help")
        assert (result.returncode, result.stderr) == (0, "")


def test_build_in_a_picture_is_one_that_shells_can_run(ready_shell: UserShell) -> None:
    title, prompt, *lines = shown("build")
    assert prompt == f"$ {title}"
    (ready_shell.cwd / "Makefile").write_text("all:\n\t@echo built\n")
    result = ready_shell.run(title)
    assert (result.returncode, result.stdout) == (0, "built\n"), result.stderr
    assert re.fullmatch(r"distcc-driver: \d+ compilations on worker-1 .* in \d+ s", lines[-1])


def test_table_has_the_columns_of_the_picture(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    result = run_driver(environ, work, "workers", shared_distccd.spec)
    columns = shown("workers")[2].replace("free MiB", "free-MiB").split()
    assert result.stdout.split()[: len(columns)] == columns, "run make pictures"


def test_doctor_has_the_parts_of_the_picture(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ["DISTCC_AUTO_HOSTS"] = shared_distccd.spec
    result = run_driver(environ, work, "doctor", "--compiler", "gcc")
    parts = [
        line.split(maxsplit=1)[1].partition(":")[0] for line in result.stdout.split("\n\n")[0].splitlines()
    ]
    headings = [line for line in shown("doctor")[2:] if not line.startswith((" ", "found: "))]
    assert list(dict.fromkeys(parts)) == headings, "run make pictures"

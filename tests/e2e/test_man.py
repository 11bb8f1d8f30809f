"""The man page is made from its sources, and man shows it well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.place import ROOT

PAGE = ROOT / "docs" / "distcc-driver.1"


def man(page: Path) -> subprocess.CompletedProcess[str]:
    """The page as plain text of 80 columns, with all warnings of groff."""
    command = ["man", "--warnings", "--local-file", str(page)]
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"}
    return subprocess.run(command, env=environ, cwd=ROOT / "docs", capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def shown() -> list[str]:
    return man(PAGE).stdout.splitlines()


def test_the_page_is_what_its_sources_make(tmp_path: Path) -> None:
    made = tmp_path / "made.1"
    subprocess.run([sys.executable, ROOT / "docs" / "man.py", made], check=True)
    assert made.read_text() == PAGE.read_text(), "docs/distcc-driver.1 is out of date; run make man"


def test_it_shows_without_a_warning() -> None:
    assert man(PAGE).stderr == ""


def test_it_has_the_parts_that_people_look_for(shown: list[str]) -> None:
    headings = [line for line in shown[1:-1] if line and not line.startswith(" ")]
    assert headings[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    assert {"ENVIRONMENT", "HOSTS", "EXIT STATUS"} <= set(headings)
    assert headings[-1] == "SEE ALSO"


@pytest.mark.parametrize(
    "line",
    [
        "DISTCC_AUTO_CONNECT_TIMEOUT",
        "distcc-driver shim bash|zsh|fish",
        "AUTO_HOST_SPEC    = TCP_HOST | SSH_HOST",
        "distcc_build sh -c 'make -j{jobs} && make -j{jobs} -C tests'",
    ],
)
def test_it_shows_names_and_commands_as_they_are_typed(line: str, shown: list[str]) -> None:
    """Each is on its own line. groff chooses the indentation."""
    assert line in [line.strip() for line in shown]


@pytest.mark.parametrize(
    "text",
    [
        "• Host keys are checked exactly as your configuration says, and this is never weakened.",
        "96 a variable, the host list or the installation is wrong; nothing was built",
    ],
)
def test_it_shows_sentences_whole(text: str, shown: list[str]) -> None:
    """The test ignores where groff breaks lines and how many blanks it puts between words."""
    assert text in " ".join(" ".join(shown).split())


def test_the_text_about_a_variable_is_below_and_behind_its_name(shown: list[str]) -> None:
    name = next(place for place, line in enumerate(shown) if line.strip() == "DISTCC_AUTO_CONNECT_TIMEOUT")
    default = shown.index(next(line for line in shown[name:] if line.strip().startswith("Default: 2;")))
    assert indentation(shown[default]) > indentation(shown[name])


def indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def test_a_paragraph_behind_a_table_stands_as_far_in_as_one_before_it(shown: list[str]) -> None:
    before, behind = (
        next(line for line in shown if line.strip().startswith(start))
        for start in ("All settings are environment variables.", "On Ctrl-C, distcc_build first")
    )
    assert indentation(before) == indentation(behind)


def test_lines_are_no_longer_than_the_terminal_if_they_can_be_broken(shown: list[str]) -> None:
    assert not [line for line in shown if len(line) > 80 and " " in line.strip()]


def test_nothing_of_markdown_is_left(shown: list[str]) -> None:
    text = "\n".join(shown)
    for mark in ("](", "**", "`", "|-", "@README", "@docs", "@commands"):
        assert mark not in text


def test_both_names_lead_to_it() -> None:
    assert (ROOT / "docs" / "distcc_build.1").read_text() == ".so man1/distcc-driver.1\n"

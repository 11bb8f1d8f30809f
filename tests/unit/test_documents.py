"""The documents: links lead somewhere, README.md is short and leads to every page, its settings exist."""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from distcc_driver.core import settings

if TYPE_CHECKING:
    from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted(
    {*ROOT.glob("*.md"), *DOCS.glob("*.md")} - {DOCS / "distcc-driver.md"}
)  # the frame of the man page
MESSAGES = (Path(__file__).parent / "messages.txt").read_text(encoding="utf-8")


@functools.cache
def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where links and pictures of a page lead, if that is in the project."""
    inner = [child for token in tokens(page) for child in token.children or []]
    targets = [str(token.attrs.get("href") or token.attrs.get("src") or "") for token in inner]
    return [target for target in targets if target and not target.startswith(("http:", "https:", "mailto:"))]


def headings(page: Path) -> list[str]:
    return [
        "".join(child.content for child in inline.children or [])
        for opening, inline in pairwise(tokens(page))
        if opening.type == "heading_open"
    ]


def anchors(page: Path) -> list[str]:
    """The anchors that GitHub gives to the headings."""
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)]


def reached_from(page: Path) -> set[Path]:
    """The pages to which links lead, directly or by way of other pages."""
    reached, waiting = set(), {page}
    while waiting:
        found = waiting.pop()
        reached.add(found)
        targets = {
            (found.parent / link.partition("#")[0]).resolve() for link in links(found) if link[0] != "#"
        }
        waiting |= {target for target in targets if target in PAGES} - reached
    return reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_two_headings_of_a_page_have_the_same_anchor(page: Path) -> None:
    assert len(set(anchors(page))) == len(anchors(page))


def test_readme_leads_to_every_page() -> None:
    assert reached_from(README) == set(PAGES)


def test_every_page_of_docs_is_installed() -> None:
    installed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = [page.relative_to(ROOT).as_posix() for page in PAGES if page.parent.name == "docs"]
    assert [name for name in names if f'"{name}" = "share/doc/distcc-driver/{name}"' not in installed] == []


def test_readme_has_at_most_1500_words() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 1500


def test_the_table_of_settings_names_the_variables_that_are_read() -> None:
    section = README.read_text(encoding="utf-8").partition("\n## Settings\n")[2].partition("\n## ")[0]
    names = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert [name for name in names if name.startswith(settings.PREFIX)] == list(settings._KNOWN)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"docs/\w+\.md", MESSAGES))))
def test_a_page_that_a_message_names_is_there(name: str) -> None:
    assert ROOT / name in PAGES


@pytest.mark.parametrize(
    ("heading", "name"), sorted(set(re.findall(r'"([^"]+)" in (docs/\w+\.md)', MESSAGES)))
)
def test_a_heading_that_a_message_names_is_on_that_page(heading: str, name: str) -> None:
    assert heading in headings(ROOT / name)

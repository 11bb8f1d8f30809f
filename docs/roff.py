"""Markdown to roff with the macros of man(7)."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markdown_it.token import Token

_WIDTH = 68  # of a line that is shown as it is, on a page of 80 columns
_SPECIAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
_FONTS = {"strong": "B", "em": "I"}


class Roff:
    """Turns Markdown into lines of roff."""

    def __init__(self, headings: Mapping[str, str]) -> None:
        """`headings` are those of the page, by links such as `docs/hosts.md#hosts` that lead to them."""
        self._headings = headings
        self._marks: list[str] = []  # of the lists that we are in
        self._is_below_heading = False

    def lines(self, markdown: str) -> Iterator[str]:
        """The page; `#` makes a section, and every other heading a part of it."""
        tokens = iter(MarkdownIt("commonmark").enable("table").parse(markdown))
        for token in tokens:
            yield from self._block(token, tokens)

    def _block(self, token: Token, tokens: Iterator[Token]) -> Iterator[str]:
        if token.type == "heading_open":
            macro = {"h1": ".SH"}.get(token.tag, ".SS")
            yield f"{macro} {self._inline(next(tokens), is_heading=True)}"
            self._is_below_heading = True
        elif token.type == "paragraph_open":
            yield from self._paragraph_macro()
            yield self._inline(next(tokens))
        elif token.type == "list_item_open":
            self._marks.append(f"{token.info}." if token.info else "\\(bu")
        elif token.type == "list_item_close":
            self._marks.pop()
        elif token.type == "fence":
            yield from self._verbatim(token.content)
        elif token.type == "table_open":
            yield from self._table(tokens)

    def _paragraph_macro(self) -> Iterator[str]:
        if self._marks:
            mark, self._marks[-1] = self._marks[-1], '""'
            yield f".IP {mark} 4"
        elif not self._is_below_heading:  # where it would do nothing
            yield ".PP"
        self._is_below_heading = False

    def _verbatim(self, text: str) -> Iterator[str]:
        yield from self._paragraph_macro()
        yield from (".RS 4", ".nf")
        yield from (escape(part) for line in text.splitlines() for part in _fold(line))
        yield from (".fi", ".RE")

    def _table(self, tokens: Iterator[Token]) -> Iterator[str]:
        """A tagged paragraph for each row; columns after the second say their names."""
        cells: list[str] = []
        names: list[str] = []
        self._is_below_heading = False
        for token in tokens:
            if token.type == "inline":
                cells.append(self._inline(token))
            elif token.type == "tr_close" and not names:
                names, cells = cells, []
            elif token.type == "tr_close":
                yield from (".TP", f"\\fB{cells[0]}\\fR", *_row(names[1:], cells[1:]))
                cells = []
            elif token.type == "table_close":
                return

    def _inline(self, token: Token, is_heading: bool = False) -> str:
        text = "".join(self._span(child, is_heading) for child in self._with_links(token.children or []))
        return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)

    def _span(self, token: Token, is_heading: bool) -> str:
        if token.type in ("text", "link"):
            return escape(token.content)
        if token.type == "softbreak":
            return "\n"
        if token.type == "code_inline":
            return escape(token.content) if is_heading else f"\\fB{escape(token.content)}\\fR"
        if token.tag in _FONTS:
            return f"\\f{_FONTS[token.tag] if token.nesting > 0 else 'R'}"
        return ""  # a picture

    def _with_links(self, tokens: Sequence[Token]) -> Iterator[Token]:
        """The same without the ends of links; those to other places say where that is."""
        target = ""
        for token in tokens:
            if token.type == "link_open":
                target = str(token.attrs["href"])
            elif token.type == "link_close":
                target = ""
            elif target:
                token.content = self._link(token.content, target)
                yield token
            else:
                yield token

    def _link(self, text: str, target: str) -> str:
        """The heading to which a link leads, else its text and the place."""
        file = target.partition("#")[0]
        heading = self._headings.get(target) or self._headings.get(file)
        if heading:
            return heading
        place = target if target.startswith("http") else file
        return text if place in text else f"{text} ({place})"


def _fold(line: str) -> list[str]:
    """A line of a fixed form as lines that fit: closer columns first, then broken at blanks."""
    if len(line) <= _WIDTH:
        return [line]
    line = re.sub(r"(?<=\S) {3,}(?![= ])", "  ", line)
    return textwrap.wrap(
        line, _WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )


def _row(names: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
    """What is behind the tag: one cell, one and a second with its name, or many short ones."""
    if len(cells) > 2:
        yield "; ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True))
        return
    yield cells[0] or "\\&"
    for name, cell in zip(names[1:], cells[1:], strict=True):
        if cell:
            yield from (".br", f"{name[:1].upper()}{name[1:]}: {cell}")


def escape(text: str) -> str:
    """Text that roff shows as it is, at the beginning of a line, too."""
    shown = "".join(_SPECIAL.get(c, c if c.isascii() else f"\\[u{ord(c):04X}]") for c in text)
    return f"\\&{shown}" if shown.startswith(".") else shown

"""Lines of styled text for a terminal of some width, with whatever is not printable escaped. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from ..machine.log import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

# A text and the name of its style, "" for none.
Span = tuple[str, str]
Line = list[Span]

_COLOURS = {
    "compiling": "32",
    "moving": "36",
    "held": "33",
    "others": "35",
    "idle": "2",
    "avoided": "31",
    "dim": "2",
    "bold": "1",
    "limit": "1;33",
}
_WITHOUT_COLOUR = {"bold": "1", "limit": "1", "idle": "2", "dim": "2"}


def fitted(text: str, width: int) -> str:
    """The text in exactly so many cells: a long one loses its middle."""
    text = printable(text)
    if text.isascii() and len(text) <= width:
        return text.ljust(width)
    return set_cell_size(cut(text, width), width)


def cut(text: str, width: int) -> str:
    """The text in at most so many cells: a long one loses its middle."""
    text = printable(text)
    if (len(text) if text.isascii() else cell_len(text)) <= width:
        return text
    if width < 8:
        return set_cell_size(text, max(0, width)).rstrip()
    tail = (width - 2) // 2
    end = text[-tail:]
    while cell_len(end) > tail:
        end = end[1:]
    return set_cell_size(text, width - 2 - cell_len(end)).rstrip() + ".." + end


def plain(line: Sequence[Span]) -> str:
    """Without styles."""
    return "".join(text for text, _ in line).rstrip()


def coloured(line: Sequence[Span], width: int, has_colour: bool) -> str:
    """With the escape sequences of a terminal, in at most so many cells."""
    codes = _COLOURS if has_colour else _WITHOUT_COLOUR
    parts = []
    for text, style in line:
        if width <= 0:
            break
        shown = text if text.isascii() and len(text) <= width else _cropped(text, width)
        width -= len(shown) if shown.isascii() else cell_len(shown)
        code = codes.get(style)
        parts.append(f"\x1b[{code}m{shown}\x1b[0m" if code and shown else shown)
    return "".join(parts)


def _cropped(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width)

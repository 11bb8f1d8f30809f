"""Writes distcc-driver(1) from its frame, docs/distcc-driver.md, and what that names.

    python docs/man.py docs/distcc-driver.1

In the frame, `@FILE SECTION` stands for a section of README.md or of a page in docs/, and `@FILE` for a
whole page without its title. `@introduction` stands for the part of README.md above its first section,
`@options` and `@commands` for the help texts of the program.
"""

from __future__ import annotations

import posixpath
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from roff import Roff, escape

from distcc_driver import __version__
from distcc_driver.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROOT = Path(__file__).resolve().parents[1]
_NOTE = '.\\" Made by make man of README.md, the pages in docs/ and the help texts: change those.'
_PART = re.compile(r"^@([\w/-]+\.md)(?: (.*))?$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)")


def page() -> str:
    """The whole page, as roff."""
    frame = (_ROOT / "docs" / "distcc-driver.md").read_text(encoding="utf-8")
    title = f'.TH DISTCC\\-DRIVER 1 "" "distcc\\-driver {escape(__version__)}" "User Commands"'
    # Neither stretched lines nor hyphens: names and options stay whole.
    lines = [_NOTE, title, ".ad l", ".nh", *Roff(_headings(frame)).lines(_fill(frame))]
    return "".join(f"{line}\n" for line in lines)


def _headings(frame: str) -> dict[str, str]:
    """The headings of the frame under which parts of files stand, by the links that lead to these parts."""
    headings = {}
    for block in re.split(r"^# ", frame, flags=re.MULTILINE):
        heading = block.partition("\n")[0]
        for file, section in _PART.findall(block):
            anchor = "#" + section.lower().replace(" ", "-") if section else ""
            headings[file + anchor] = heading
    return headings


def _part(file: str, section: str | None) -> str:
    """A section of a file, the whole file if it is None, the text above all sections if it is ""."""
    text = (_ROOT / file).read_text(encoding="utf-8")
    text = _LINK.sub(lambda found: f"]({_from_root(file, found[1])}", re.sub(r"^# .*\n", "", text))
    if section is None:
        return text
    opening, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return {"": opening, **dict(part.split("\n", 1) for part in parts)}[section]


def _from_root(file: str, target: str) -> str:
    """The path at which a link in `file` leads, as seen from the root of the project."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), target)) if target else file


def _fill(frame: str) -> str:
    """The frame with everything in it that it names."""
    program: Any = typer.main.get_command(app)
    shown = [command for command in program.commands.values() if not command.hidden]
    text = _PART.sub(lambda found: _part(found[1], found[2]), frame)
    text = text.replace("@options", _paragraphs(map(_row, program.params)))
    text = text.replace("@commands", _paragraphs(map(_command, shown)))
    return text.replace("@introduction", _part("README.md", ""))


def _command(command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    words = [command.name, *(["[OPTION ...]"] if options else []), *map(_usage, arguments)]
    title = f"## distcc-driver {' '.join(words)}"
    texts = (title, command.help, *map(_row, command.params), command.epilog)
    return _paragraphs(textwrap.dedent(text) for text in texts if text)


def _usage(argument: Any) -> str:
    text = f"{_metavar(argument)} ..." if argument.nargs < 0 else _metavar(argument)
    return text if argument.required else f"[{text}]"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _row(parameter: Any) -> str:
    """A table of one argument or option, if there is something to say of it."""
    if not parameter.help or parameter.hidden:
        return ""
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        names = _metavar(parameter)
    elif not parameter.is_flag:
        names += f" {_metavar(parameter)}"
    return f"| | |\n|-|-|\n| `{_cell(names)}` | {_cell(parameter.help)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n\n".join(texts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="ascii")

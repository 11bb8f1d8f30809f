"""Writes distcc-driver(1) from its frame, docs/distcc-driver.md, and what that names.

    python docs/man.py docs/distcc-driver.1

`@README SECTION` in the frame stands for a section of README.md, `@introduction` for what is above the
first one, `@options` and `@commands` for what the program says of itself in its help texts.
"""

from __future__ import annotations

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

_DOCS = Path(__file__).parent
_NOTE = '.\\" Made by make man of README.md, docs/distcc-driver.md and the help texts: change those.'


def page() -> str:
    """The whole page, as roff."""
    readme = (_DOCS.parent / "README.md").read_text(encoding="utf-8")
    frame = (_DOCS / "distcc-driver.md").read_text(encoding="utf-8")
    title = f'.TH DISTCC\\-DRIVER 1 "" "distcc\\-driver {escape(__version__)}" "User Commands"'
    # Neither stretched lines nor hyphens: names and options stay whole.
    lines = [_NOTE, title, ".ad l", ".nh", *Roff(_headings(frame)).lines(_fill(frame, _sections(readme)))]
    return "".join(f"{line}\n" for line in lines)


def _headings(frame: str) -> dict[str, str]:
    """The headings under which sections of the README are, by the links to these."""
    pairs = re.findall(r"^# (.*)\n[^#]*^@README (.*)$", frame, re.MULTILINE)
    return {"#" + section.lower().replace(" ", "-"): heading for heading, section in pairs}


def _sections(readme: str) -> dict[str, str]:
    """Title to text of the parts of the README; that above the first one has the title ""."""
    opening, *parts = re.split(r"^## ", readme, flags=re.MULTILINE)
    titled = dict(part.split("\n", 1) for part in parts)
    return {"": re.sub(r"^# .*\n", "", opening)} | titled


def _fill(frame: str, sections: dict[str, str]) -> str:
    """The frame with everything in it that it names."""
    program: Any = typer.main.get_command(app)
    shown = [command for command in program.commands.values() if not command.hidden]
    text = re.sub(r"^@README (.*)$", lambda found: sections[found[1]], frame, flags=re.MULTILINE)
    text = text.replace("@options", _paragraphs(map(_row, program.params)))
    text = text.replace("@commands", _paragraphs(map(_command, shown)))
    return text.replace("@introduction", sections[""])


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

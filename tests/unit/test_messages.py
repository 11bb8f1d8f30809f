"""messages.txt is a table of all texts that people may see, so that somebody can read them all at once.

Each new, changed or removed text changes the table. `python -m tests.unit.test_messages` prints the new
table. Read the differences before you store it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import distcc_driver

PACKAGE = Path(distcc_driver.__file__).parent
TABLE = Path(__file__).with_name("messages.txt")

SAID_BY_SHELL = r"(?:__distcc_fail|printf) (['\"])(.* .*)\1"
PROBLEMS = {"warning", "error"}
# These classes take subject, cause and advice, which people read as one line.
MESSAGES = {"Message", "ConfigError", "DriverError", "NoCapacityError"}
FORM = re.compile(r"[^;]+: .+; .+")


def text_of(node: ast.AST) -> str | None:
    """The text of a literal, with {} for the values of an f-string; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def line_of(node: ast.AST) -> str | None:
    """The line of a message whose parts are at this place in the code; None for anything else."""
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in MESSAGES:
        return None
    subject, cause, *advice = ["{}" if (text := text_of(part)) is None else text for part in node.args]
    if not subject:
        return None
    return "; ".join([f"{subject}: {cause}", *advice])


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The lines of messages, and the literals of a module without docstrings and parts of other texts."""
    unwanted = set()
    for node in ast.walk(tree):
        line = line_of(node)
        if line is not None and isinstance(node, ast.Call):
            yield line
            unwanted |= {id(part) for part in node.args}
        if isinstance(node, ast.FunctionDef) and any("app." in ast.unparse(it) for it in node.decorator_list):
            yield from (ast.get_docstring(node) or "").splitlines()  # --help shows these docstrings
        elif isinstance(node, ast.Expr):
            unwanted.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            unwanted |= {id(part) for part in node.values}
            unwanted |= {id(text) for part in node.values for text in ast.walk(part)}
    for node in ast.walk(tree):
        text = text_of(node)
        if text is not None and id(node) not in unwanted:
            yield text


def is_for_people(text: str) -> bool:
    """Whether a text is a message: not a name, option, path, style, pattern or piece of code."""
    words = text.split()
    return (
        len(words) > 1
        and not re.search(r"\\|\(\?|^bold |\n.*\n|[{(]$|\$\d", text)
        and any(re.fullmatch(r"[a-z]+[,;:]?", word) for word in words)
    )


def table() -> str:
    """The table: the texts of each module of the package, and those of the shell functions."""
    lines = []
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda path: path.stem):
        texts = filter(is_for_people, texts_of(ast.parse(path.read_text(encoding="utf-8"))))
        lines += [f"{path.stem}: {text.strip()}" for text in dict.fromkeys(texts)]
    for path in [PACKAGE / "build.sh", *(PACKAGE.parent / f"distcc.{shell}" for shell in ("sh", "zsh"))]:
        shell = path.read_text(encoding="utf-8")
        lines += [f"{path.name}: {text}" for _, text in re.findall(SAID_BY_SHELL, shell)]
    return "".join(f"{line}\n" for line in lines)


def problems() -> Iterator[str]:
    """The literals that are whole lines about a problem."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            line = line_of(node)
            if line is not None:
                yield line
            elif isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                text = text_of(node.args[0])
                if name in PROBLEMS and text is not None:
                    yield text


def test_table_has_all_texts() -> None:
    assert table() == TABLE.read_text(encoding="utf-8")


def test_message_says_where_what_and_what_to_do() -> None:
    found = set(problems())
    assert len(found) > 15
    assert {text for text in found if not FORM.fullmatch(text)} == set()


if __name__ == "__main__":
    sys.stdout.write(table())

"""tests/e2e/README.md has one line for each file there: the first line of the file's docstring.

`python -m tests.unit.test_index` prints the page.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

E2E = Path(__file__).resolve().parents[1] / "e2e"
HEAD = """# End-to-end tests, by scenario

Real bash and zsh run real builds on real `distccd`; the tests in `ssh` reach them through real `sshd`.
Each line here is the first line of the file's docstring.

| file | what it tests |
|---|---|
"""


def page() -> str:
    """The whole page, with the files of `ssh` last."""
    paths = sorted(E2E.rglob("test_*.py"), key=lambda path: (path.parent != E2E, path.name))
    rows = []
    for path in paths:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "(no docstring)"
        name = path.relative_to(E2E).as_posix()
        rows.append(f"| [{name.removesuffix('.py')}]({name}) | {text.splitlines()[0]} |\n")
    return HEAD + "".join(rows)


def test_every_file_has_its_line_in_the_index() -> None:
    text = page()
    assert "(no docstring)" not in text
    assert text == (E2E / "README.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write(page())

"""What the doctor says about a build directory agrees with the build; the counters of a worker prove it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.buildtrees import Leaves, Row, Tree, told, words, write
from tests.support.shells import SHELLS
from tests.support.treerows import ROWS
from tests.support.treerows.autotools import AUTOTOOLS_SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.shells import UserShell

# The rows alternate between the two shells.
_TABLE = [pytest.param(row, SHELLS[number % 2], id=row.name) for number, row in enumerate(ROWS)]
# Rows in which no compilation leaves this machine, and the part of the advice that is a command.
_ADVICE = {
    "cmake ninja without a launcher": r"(?P<configure>cmake \S+=distcc build)",
    "cmake make without a launcher": r"(?P<configure>cmake \S+=distcc build)",
    "meson, CC=gcc": r"(?P<configure>CC='distcc gcc' meson setup) DIRECTORY",
    "autotools, CC=gcc": r"distcc_build (?P<build>make CC='distcc gcc')",
    "makefile, CC=gcc": r"distcc_build (?P<build>make CC='distcc gcc')",
    "makefile, make's own CC": r"distcc_build (?P<build>make CC='distcc cc')",
}


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a configure script."""
    directory = tmp_path_factory.mktemp("generated")
    write(AUTOTOOLS_SOURCES, directory)
    subprocess.run(["autoreconf", "--install"], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.fixture
def configured(
    ready_shell: UserShell, shared_distccd: Distccd, request: pytest.FixtureRequest
) -> Callable[[Row], Tree]:
    def configure(row: Row) -> Tree:
        if "$GENERATED" in row.configure:
            ready_shell.environ["GENERATED"] = str(request.getfixturevalue("generated"))
        return Tree(row, ready_shell, shared_distccd)

    return configure


@pytest.mark.parametrize(("row", "user_shell"), _TABLE, indirect=["user_shell"])
def test_doctor_and_build_agree(row: Row, configured: Callable[[Row], Tree]) -> None:
    tree = configured(row)
    document = tree.ask()
    built = tree.build()
    reason = f"{words(document)}\n{built.output}"
    assert (built.status, built.compiled) == (row.status, row.leave), reason
    if row.is_told:
        assert told(document) is row.leaves, reason
    else:
        assert told(document) is Leaves.UNTOLD, reason
        assert row.leave or document["result"] != "ok", reason


@pytest.mark.parametrize("user_shell", ["bash"], indirect=True)
@pytest.mark.parametrize("name", _ADVICE)
def test_build_reaches_workers_after_the_advice(name: str, configured: Callable[[Row], Tree]) -> None:
    row = next(row for row in ROWS if row.name == name)
    tree = configured(row)
    said = words(tree.ask())
    advice = re.search(_ADVICE[name], said)
    assert advice, said
    commands = advice.groupdict()
    if "build" in commands:
        built = tree.build(commands["build"].replace("make", row.build))
    else:
        directory = "again" if "meson" in name else row.directory
        tree.configure(commands["configure"].replace("setup", f"setup {directory}"))
        assert told(tree.ask(directory)) is Leaves.ALL
        built = tree.build(f"{row.build.split()[0]} -C {directory}")
    assert (built.status, built.compiled) == (0, row.of), built.output

"""The options of a build that its trials have."""

from __future__ import annotations

import os

import pytest

from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trials.trialcommands import option_commands

_PATH = os.defpath


def options(*texts: str) -> list[str]:
    """The options of the trials for compile commands; the first command has the most compilations."""
    commands = [
        BuildCommand(("gcc", "-c", *text.split()), "CFLAGS", 100 - index, "/d", "a.c")
        for index, text in enumerate(texts)
    ]
    return [
        " ".join(command.compiler[1:]) for command in option_commands([judge(one) for one in commands], _PATH)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-std=c2x -O2 -Wall", ["-std=c2x"]),
        ("-m64 -fno-plt -Wshadow", ["-m64 -fno-plt -Wshadow"]),
        ("-O2 -g -DX=1 -I. -Wall -Wextra -Werror -fPIC -pipe", []),
        ("-march=native -fno-plt --coverage", ["-fno-plt"]),
        ("-fplugin=./p.so -fno-plt -Wl,-z,now -wrapper sh", ["-fno-plt"]),
        ("-ffile-prefix-map=/a=b -fprofile-instr-use=p", []),
    ],
)
def test_options_that_only_some_versions_know(text: str, expected: list[str]) -> None:
    assert options(text) == expected


def test_only_the_most_frequent_options_are_tried() -> None:
    assert options(*(f"-std=c{number}" for number in range(9))) == [f"-std=c{number}" for number in range(4)]


def test_commands_with_the_same_such_options_are_tried_once() -> None:
    assert options("-std=c11 -DA", "-std=c11 -DB", "-std=c17", "-std=c17") == ["-std=c11", "-std=c17"]


def test_compiler_inside_the_build_directory_is_not_run() -> None:
    commands = [BuildCommand(("./gcc", "-std=c11"), "CFLAGS", 1, "/d", "a.c")]
    assert option_commands([judge(one) for one in commands], _PATH) == []

"""Writes build files for tests, and reads their compilers and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distcc_driver.doctor.trees.buildtree import BuildTree, read_tree

if TYPE_CHECKING:
    from pathlib import Path

    from distcc_driver.doctor.trees.buildcommands import BuildCommand


def tree_of(directory: Path, text: str, name: str = "Makefile", **environ: str) -> BuildTree:
    """Write one build file, and read its directory."""
    (directory / name).write_text(text)
    return read_tree(str(directory), environ)


def compilers_of(tree: BuildTree) -> list[str]:
    """The compilers of a tree, as `SETTING=COMMAND`."""
    return [f"{found.setting}={' '.join(found.words)}" for found in tree.compilers]


def commands_of(directory: Path, files: dict[str, str], **environ: str) -> list[BuildCommand]:
    """Write files, and read the compile commands of their directory."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return list(read_tree(str(directory), environ).commands)


def options_of(directory: Path, makefile: str, **environ: str) -> list[str]:
    """The options of each compile command in a Makefile, without -c."""
    files = {"Makefile": makefile, "a.c": "", "native.c": ""}
    commands = commands_of(directory, files, **environ)
    return [" ".join(word for word in command.words[1:] if word != "-c") for command in commands]

"""Response files whose options replace them, and names without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distcc_driver.doctor.trees.buildcommands import BuildCommand
from distcc_driver.doctor.trees.responsefiles import with_responses

if TYPE_CHECKING:
    from pathlib import Path


def expanded(directory: Path, *words: str) -> tuple[str, ...]:
    [command] = with_responses([BuildCommand(words, "CFLAGS in Makefile", 1, str(directory), "a.c")])
    return command.words


def test_words_of_a_file_replace_its_name(tmp_path: Path) -> None:
    (tmp_path / "flags").write_text("-O2 '-DNAME=a b'\n-march=native")
    words = ("gcc", "-O2", "-DNAME=a b", "-march=native", "-c")
    assert expanded(tmp_path, "gcc", "@flags", "-c") == words


def test_name_without_a_file_stays(tmp_path: Path) -> None:
    assert expanded(tmp_path, "gcc", "@flags", "@", "-c") == ("gcc", "@flags", "@", "-c")

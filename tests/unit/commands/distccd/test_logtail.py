"""Lines that are appended to a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from distcc_driver.commands.distccd.logtail import LogTail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "log").touch()
    return tmp_path / "log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_come_once_and_whole(path: Path) -> None:
    tail = LogTail(str(path))
    append(path, "one\ntw")
    assert tail.lines() == ["one"]
    assert tail.lines() == []
    append(path, "o\nthree\n")
    assert tail.lines() == ["two", "three"]
    assert tail.last(6) == "three\n"
    tail.close()


def test_the_file_stays_small_and_no_line_is_lost(path: Path) -> None:
    tail = LogTail(str(path))
    read = []
    for number in range(40):
        append(path, f"{number} {'x' * 100_000}\n")
        read += [line.split()[0] for line in tail.lines()]
    assert read == [str(number) for number in range(40)]
    assert path.stat().st_size < 2_000_000
    tail.close()

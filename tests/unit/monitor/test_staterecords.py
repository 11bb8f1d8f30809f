"""State records: files that clients truncate, leave behind, or that are none of distcc's."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.monitor.staterecords import Phase, StateRecords, parse_record

MAGIC = 0x44494800


def record_of(
    pid: int = 7, file: bytes = b"a.c", phase: int = 5, size: int = 296, magic: int = MAGIC
) -> bytes:
    """The bytes that distcc 3.4 writes on 64 bits."""
    return struct.pack("@NLL128s128siiP", size, magic, pid, file, b"worker", 3, phase, 0)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[StateRecords]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield StateRecords(descriptor)
    os.close(descriptor)


def test_a_record_as_distcc_writes_it(records: StateRecords, tmp_path: Path) -> None:
    path = tmp_path / "binstate_7"
    path.write_bytes(record_of())
    os.utime(path, (100, 100))
    record = records.read(7)
    assert record is not None
    assert (record.pid, record.file, record.host, record.slot) == (7, "a.c", "worker", 3)
    assert (record.phase, record.changed) == (Phase.COMPILE, 100)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        record_of()[:-1],
        record_of() + b"x",
        record_of(magic=1),
        record_of(size=280),
        record_of(pid=8),
        b"\xff" * 296,
        b"x" * 100_000,
    ],
    ids=["empty", "short", "long", "magic", "size", "another pid", "ones", "large"],
)
def test_what_is_no_record_is_none(data: bytes, records: StateRecords, tmp_path: Path) -> None:
    (tmp_path / "binstate_7").write_bytes(data)
    assert records.read(7) is None
    assert (tmp_path / "binstate_7").read_bytes() == data


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "directory"])
def test_what_is_no_file_is_none_and_makes_nobody_wait(
    kind: str, records: StateRecords, tmp_path: Path
) -> None:
    path = tmp_path / "binstate_7"
    (tmp_path / "elsewhere").write_bytes(record_of())
    if kind == "link":
        path.symlink_to("elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    assert records.read(7) is None


def test_a_phase_that_is_none_is_a_compilation() -> None:
    assert [getattr(parse_record(record_of(phase=phase), 0), "phase", None) for phase in (-1, 8)] == [5, 5]


@given(st.binary(min_size=296, max_size=296) | st.binary(max_size=128).map(lambda name: record_of(file=name)))
def test_any_bytes_are_read(data: bytes) -> None:
    record = parse_record(data, 0)
    assert record is None or len(record.file) <= 128

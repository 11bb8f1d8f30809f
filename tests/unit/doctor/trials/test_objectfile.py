"""Object files of real and invented compilers, and malformed data that a worker may send."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.doctor.trials.objectfile import ObjectFile, compiler_version, parse_object

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


def compiled(directory: Path, *options: str) -> bytes:
    """Compile with gcc, and return the object file."""
    path = directory / "object.o"
    command = ["gcc", *options, "-x", "c", "-c", "-o", str(path), "-"]
    subprocess.run(command, input=b"int x;\n", check=True)
    return path.read_bytes()


def gcc_version() -> str:
    command = ["gcc", "-dumpfullversion"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_compiler_and_machine_of_a_real_object(directory: Path) -> None:
    found = parse_object(compiled(directory))
    assert found is not None
    assert compiler_version(found.compiler or "") == ("GCC", gcc_version())
    assert not found.architecture.startswith("ELF machine")


def test_object_without_comment(directory: Path) -> None:
    found = parse_object(compiled(directory, "-fno-ident"))
    assert found is not None
    assert found.compiler is None


def test_object_with_two_comments_of_other_compilers(directory: Path) -> None:
    compiled(directory)
    (directory / "comment").write_bytes(b"clang version 99.1\0later\0")
    path = directory / "object.o"
    command = ["objcopy", "--update-section", f".comment={directory / 'comment'}", str(path)]
    subprocess.run(command, check=True)
    found = parse_object(path.read_bytes())
    assert found is not None
    assert found.compiler == "clang version 99.1"


def elf(bits: int, order: str, machine: int) -> bytes:
    """Make the smallest object file with a comment for any kind of machine."""
    names = b"\0.comment\0.shstrtab\0"
    comment = b"GCC: (Elsewhere) 9.4.0\0"
    size = 52 if bits == 32 else 64
    ident = bytes([0x7F, *b"ELF", bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    table = size + len(names) + len(comment)
    words = "III" if bits == 32 else "QQQ"
    entry = 40 if bits == 32 else 64
    header = ident + struct.pack(
        f"{order}HHI{words}IHHHHHH", 1, machine, 1, 0, 0, table, 0, size, 0, 0, entry, 3, 2
    )
    section = f"{order}IIIIIIIIII" if bits == 32 else f"{order}IIQQQQIIQQ"
    sections = [
        struct.pack(section, *[0] * 10),
        struct.pack(section, 1, 1, 0, 0, size + len(names), len(comment), 0, 0, 1, 0),
        struct.pack(section, 10, 3, 0, 0, size, len(names), 0, 0, 1, 0),
    ]
    return header + names + comment + b"".join(sections)


@pytest.mark.parametrize(
    ("bits", "order", "machine", "architecture"),
    [
        (64, "<", 62, "x86-64"),
        (32, "<", 62, "x86-64 32-bit"),
        (64, "<", 183, "AArch64"),
        (64, ">", 183, "AArch64 big-endian"),
        (32, "<", 40, "ARM"),
        (64, "<", 21, "PowerPC64 little-endian"),
        (64, ">", 22, "S390"),
        (32, ">", 9999, "ELF machine 9999"),
    ],
)
def test_architecture_of_an_object(bits: int, order: str, machine: int, architecture: str) -> None:
    assert parse_object(elf(bits, order, machine)) == ObjectFile(architecture, "GCC: (Elsewhere) 9.4.0")


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"!<arch>\n", b"\xcf\xfa\xed\xfe" + bytes(100)])
def test_data_that_is_not_elf(data: bytes) -> None:
    assert parse_object(data) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_section_table_far_beyond_the_file(order: str) -> None:
    whole = bytearray(elf(64, order, 62))
    struct.pack_into(f"{order}Q", whole, 40, 2**64 - 1)
    assert parse_object(bytes(whole)) is None


@given(st.data())
def test_cut_and_changed_objects_never_raise(data: st.DataObject) -> None:
    whole = bytearray(elf(data.draw(st.sampled_from([32, 64])), data.draw(st.sampled_from("<>")), 62))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    parse_object(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@pytest.mark.parametrize(
    ("comment", "version"),
    [
        ("GCC: (Debian 12.2.0-14+deb12u1) 12.2.0", ("GCC", "12.2.0")),
        ("GCC: (GNU) 14.0.1 20240411 (Red Hat 14.0.1-0)", ("GCC", "14.0.1")),
        ("GCC: (a (b) c) 4.8.5", ("GCC", "4.8.5")),
        ("Debian clang version 14.0.6", ("clang", "14.0.6")),
        ("Ubuntu clang version 14.0.0-1ubuntu1.1", ("clang", "14.0.0-1ubuntu1.1")),
        ("clang version 17.0.6 (Fedora 17.0.6-2.fc39)", ("clang", "17.0.6")),
        ("Some Other Compiler 3", ("Some Other Compiler 3", "")),
        ("", ("", "")),
    ],
)
def test_family_and_version(comment: str, version: tuple[str, str]) -> None:
    assert compiler_version(comment) == version

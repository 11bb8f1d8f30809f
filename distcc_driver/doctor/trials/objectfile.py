"""Reads from an object file the architecture and the compiler that made it. Pure.

Only ELF (elf(5)). Each compiler that took part writes a string to the `.comment` section.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

_MACHINES = {
    2: "SPARC",
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC64",
    22: "S390",
    40: "ARM",
    43: "SPARC V9",
    62: "x86-64",
    183: "AArch64",
    243: "RISC-V",
    258: "LoongArch",
}
_MAX_SECTIONS = 4096
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """`architecture` is a name such as "x86-64"; `compiler` is the first text of `.comment`, if any."""

    architecture: str
    compiler: str | None


@dataclass(frozen=True, slots=True)
class _Section:
    name_offset: int
    offset: int
    size: int


def parse_object(data: bytes) -> ObjectFile | None:
    """Read an object file; None if the data is not ELF or is cut off."""
    if data[:4] != b"\x7fELF" or len(data) < 20:
        return None
    bits, order = {1: 32, 2: 64}.get(data[4]), {1: "<", 2: ">"}.get(data[5])
    if bits is None or order is None:
        return None
    try:
        return ObjectFile(_architecture(data, bits, order), _comment(data, bits, order))
    except (struct.error, IndexError, OverflowError):
        return None


def _architecture(data: bytes, bits: int, order: str) -> str:
    (machine,) = struct.unpack_from(f"{order}H", data, 18)
    name = _MACHINES.get(machine, f"ELF machine {machine}")
    details = []
    if bits == 32 and name in ("x86-64", "AArch64", "RISC-V", "LoongArch"):
        details.append("32-bit")
    if order == ">" and name in ("ARM", "AArch64"):
        details.append("big-endian")
    if order == "<" and name in ("MIPS", "PowerPC64"):
        details.append("little-endian")
    return " ".join([name, *details])


def _comment(data: bytes, bits: int, order: str) -> str | None:
    sections, names = _sections(data, bits, order)
    for section in sections:
        start = names.offset + section.name_offset
        if data[start : start + 9] == b".comment\0":
            content = data[section.offset : section.offset + section.size]
            texts = [text for text in content.split(b"\0") if text]
            return texts[0][:_MAX_NAME].decode("utf-8", "replace") if texts else None
    return None


def _sections(data: bytes, bits: int, order: str) -> tuple[list[_Section], _Section]:
    """All sections, and the section that holds their names."""
    table, entry_size, count, names = _section_table(data, bits, order)
    layout = f"{order}I12xII" if bits == 32 else f"{order}I20xQQ"
    places = [table + index * entry_size for index in range(min(count, _MAX_SECTIONS))]
    sections = [_Section(*struct.unpack_from(layout, data, place)) for place in places]
    return sections, sections[names]


def _section_table(data: bytes, bits: int, order: str) -> tuple[int, int, int, int]:
    """The table's offset, the size and the number of its entries, and the index of the section of names."""
    (table,) = struct.unpack_from(f"{order}I" if bits == 32 else f"{order}Q", data, 32 if bits == 32 else 40)
    entry_size, count, names = struct.unpack_from(f"{order}HHH", data, 46 if bits == 32 else 58)
    return table, entry_size, count, names


def compiler_version(comment: str) -> tuple[str, str]:
    """Family and version of a compiler, such as ("GCC", "12.2.0"), from a text of `.comment`.

    For an unknown compiler the family is the whole text, and the version is "".
    """
    if gcc := re.match(r"GCC: \(.*\) (\d\S*)", comment):
        return "GCC", gcc[1]
    if clang := re.search(r"\bclang version (\d\S*)", comment):
        return "clang", clang[1]
    return comment, ""

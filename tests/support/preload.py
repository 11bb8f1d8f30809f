"""Libraries for LD_PRELOAD, by which a test acts between two system calls of a program."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADERS = ("fcntl", "signal", "stdlib", "string", "sys/stat", "sys/syscall", "unistd")


def library(path: Path, source: str) -> str:
    """Compile C functions that replace functions of libc; return the path of the library."""
    headers = "".join(f"#include <{name}.h>\n" for name in _HEADERS)
    command = ["gcc", "-shared", "-fPIC", "-xc", "-", "-o", str(path)]
    subprocess.run(command, input=f"#define _GNU_SOURCE\n{headers}{source}", text=True, check=True)
    return str(path)

"""The program that ccache runs in front of a compiler: the value of `CCACHE_PREFIX`."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROGRAM = os.path.join(_PACKAGE, "ccache_prefix.sh")


def ccache_prefix(program: str = _PROGRAM) -> str:
    """The path of the program; "" if ccache cannot run it.

    ccache splits the variable at blanks, and allows no quotes (ccache(1), `prefix_command`).
    """
    return program if len(program.split()) == 1 and os.access(program, os.X_OK) else ""

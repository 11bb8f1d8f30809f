"""What `CCACHE_PREFIX` is set to: our own program, which ccache runs in front of a compiler."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROGRAM = os.path.join(_PACKAGE, "ccache_prefix.sh")


def ccache_prefix(program: str = _PROGRAM) -> str:
    """The path of the program; "" where ccache cannot run it.

    ccache splits the variable at blanks, and knows no quotes (ccache(1), `prefix_command`).
    """
    return program if len(program.split()) == 1 and os.access(program, os.X_OK) else ""

"""Runs scripts in each shell. The scripts source the shims and measure times."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
SHELLS = {
    "bash": ["bash", "--noprofile", "--norc", "-c"],
    "zsh": ["zsh", "-f", "-c"],
}


def user_environ() -> dict[str, str]:
    """The environment without the developer's variables for distcc and for bash."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("DISTCC_", "BASH_ENV"))
    }
    environ["LC_ALL"] = "C"  # so that EPOCHREALTIME has a decimal point
    return environ


def run_script(shell: str, script: str, arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Run a script; return its lines. `$1` in the script is the shim, and `arguments` follow."""
    done = subprocess.run(
        [*SHELLS[shell], script, shell, str(ROOT / "distcc.sh"), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{shell} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.splitlines()

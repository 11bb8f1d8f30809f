"""Runs `distcc-driver doctor` to its end, for its lines or for its JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .commands import run_driver
from .shapes import assert_shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def doctor_output(environ: Mapping[str, str], cwd: Path, *words: str) -> tuple[int, str]:
    """Exit code and standard output; nothing may be on standard error."""
    done = run_driver(environ, cwd, "doctor", *words)
    assert done.stderr == ""
    return done.returncode, done.stdout


def doctor_document(environ: Mapping[str, str], cwd: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document of `doctor --json`, which has the shape of docs/json.md."""
    code, output = doctor_output(environ, cwd, "--json", *words)
    document = json.loads(output)
    assert isinstance(document, dict)
    assert_shape(document, "doctor")
    return code, document

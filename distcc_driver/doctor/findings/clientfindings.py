"""Findings about distcc's client on this machine: its version, and the directories that it needs."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from ..trials.trialenviron import inherited
from .finding import CLIENT, Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION_TIMEOUT_S = 5.0


def client_version(path: str, environ: Mapping[str, str]) -> str | None:
    """The version that `distcc --version` prints; None if it prints no version."""
    try:
        output = subprocess.run(
            [path, "--version"],
            env=inherited(environ),  # without DISTCC_LOG: distcc would write to the user's log
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"distcc (\S+)", output.decode("utf-8", "replace"))
    return match[1] if match else None


def client_finding(path: str | None, version: str | None) -> Finding:
    """The finding about the distcc on PATH: its path and its version, each None if it is not known."""
    subjects = ("distcc",)
    if path is None:
        return Finding(
            CLIENT, subjects, Result.PROBLEM, "not found on PATH", "install the package distcc here"
        )
    if version is None:
        advice = "is it distcc? install the package distcc, or correct PATH"
        return Finding(CLIENT, subjects, Result.PROBLEM, f"{path} prints no version", advice)
    return Finding(CLIENT, subjects, Result.OK, f"version {version}, {path}")


def directory_findings(environ: Mapping[str, str]) -> list[Finding]:
    """Findings about each variable that names no usable directory for distcc's own files.

    Without such a directory distcc compiles everything on this machine.
    """
    return [
        Finding(
            CLIENT,
            (variable,),
            Result.PROBLEM,
            f"{cause}: distcc has no place for its files, and compiles everything here",
            "name a directory that you may write to",
        )
        for variable, cause in _unusable_directories(environ)
    ]


def _unusable_directories(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables at fault, each with the cause.

    Tried with distcc 3.4: it makes `~/.distcc`, but it does not make the directory that DISTCC_DIR names.
    """
    state = environ.get("DISTCC_DIR")
    home = environ.get("HOME")
    if state is not None:
        yield from _fault("DISTCC_DIR", state or "/")
    elif home is None:
        yield "HOME", "not set, and neither is DISTCC_DIR"
    else:
        default = os.path.join(home, ".distcc")
        yield from _fault("HOME", default if os.path.lexists(default) else home)
    if temporary := environ.get("TMPDIR"):
        yield from _fault("TMPDIR", temporary)


def _fault(variable: str, directory: str) -> Iterator[tuple[str, str]]:
    """The variable and the cause, if distcc cannot make files in the directory."""
    if not os.path.isdir(directory):
        yield variable, f"{directory} is not a directory"
    elif not os.access(directory, os.W_OK | os.X_OK):
        yield variable, f"{directory} is not writable"

"""`distcc-driver setup`: adds a line to a shell's start file, so that new shells have distcc_build."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..machine.installation import SHELLS, find_shim
from ..machine.log import Log, printable
from .output import write_lines
from .startfile import line_for, read, start_file, with_line, without_line, write

if TYPE_CHECKING:
    from collections.abc import Mapping

# A login shell of bash reads the first of these files that exists.
_LOGIN_FILES = (".bash_profile", ".bash_login", ".profile")


def shell_of(environ: Mapping[str, str]) -> str | None:
    """The user's login shell, None if it is neither bash nor zsh."""
    name = os.path.basename(environ.get("SHELL", ""))
    return name if name in SHELLS else None


def run_setup(shell: str, is_removal: bool) -> int:
    """Add the line, or remove it, and say so. Returns 0.

    Raises `ConfigError` if the file cannot be changed.
    """
    path, shim = start_file(shell, os.environ), find_shim(shell)
    line = line_for(shim)
    before = read(path)
    after = without_line(before) if is_removal else with_line(before, line)
    if after != before:
        write(path, after, line)
    write_lines(map(printable, _report(path, shim, is_removal, after != before)))
    if shell == "bash" and not is_removal:
        _check_login_file(os.path.dirname(path))
    return 0


def _report(path: str, shim: str, is_removal: bool, is_changed: bool) -> list[str]:
    if is_removal:
        return [f"{path}: the line is removed" if is_changed else f"{path}: it has no line of distcc-driver"]
    said = "has a line now that loads" if is_changed else "has the line already that loads"
    return [f"{path}: it {said} {shim}", "New shells have distcc_build."]


def _check_login_file(home: str) -> None:
    """Warn if login shells do not read ~/.bashrc: they do so only if the user's login file says so."""
    files = [os.path.join(home, name) for name in _LOGIN_FILES]
    path = next((file for file in files if os.access(file, os.R_OK)), files[-1])
    if b"bashrc" not in read(path):
        Log("info").warning(
            f"setup: {path}: it does not read ~/.bashrc, so that login shells have no distcc_build; "
            "add this line to it: [ ! -r ~/.bashrc ] || source ~/.bashrc"
        )

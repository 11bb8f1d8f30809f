"""Adds the line that loads distcc_build to a shell's start file, and removes it."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from typing import TYPE_CHECKING

from ..core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = b"# distcc-driver setup"


def start_file(shell: str, environ: Mapping[str, str]) -> str:
    """The file that every interactive shell of this kind reads."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if shell == "zsh":
        return os.path.join(environ.get("ZDOTDIR") or home, ".zshrc")
    return os.path.join(home, ".bashrc")


def line_for(shim: str) -> bytes:
    """The line that sources a shim. It does nothing if the shim has been removed."""
    if "\n" in shim:
        raise ConfigError(f"setup: {shim}", "its name has more than one line", "move it to another directory")
    path = os.fsencode(shlex.quote(shim))
    return b"[ ! -r %b ] || source %b %b" % (path, path, _MARK)


def with_line(text: bytes, line: bytes) -> bytes:
    """The text of a start file with the line once: in place of an older one, else at the end."""
    lines = text.splitlines(keepends=True)
    places = [index for index, it in enumerate(lines) if _is_ours(it)]
    if not places:
        return text + (b"" if not text or text.endswith(b"\n") else b"\n") + line + b"\n"
    kept = [it for index, it in enumerate(lines) if index not in places[1:]]
    kept[places[0]] = line + b"\n"
    return b"".join(kept)


def without_line(text: bytes) -> bytes:
    """The text of a start file without such lines, whatever path they have."""
    return b"".join(it for it in text.splitlines(keepends=True) if not _is_ours(it))


def _is_ours(line: bytes) -> bool:
    return line.startswith(b"[ ! -r ") and line.rstrip(b"\r\n").endswith(_MARK)


def read(path: str) -> bytes:
    """The content of a start file, empty if the file does not exist. Raises `ConfigError`."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ConfigError(f"setup: {path}", "it is no file", "move it away")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"setup: {path}", error.strerror or str(error), "make it readable") from None


def write(path: str, text: bytes, line: bytes) -> None:
    """Replace a start file, or the file that it links to, by one with the same owner and mode.

    Raises `ConfigError` if the file cannot be written. Its advice is to add `line` by hand.
    """
    target = os.path.realpath(path)
    by_hand = f"change it by hand, the line is: {os.fsdecode(line)}"
    try:
        old = os.stat(target)
    except OSError:
        old = None
    if old and not old.st_mode & stat.S_IWUSR:
        raise ConfigError(f"setup: {path}", "it is read-only", by_hand)
    try:
        _replace(target, text, old)
    except OSError as error:
        raise ConfigError(f"setup: {path}", error.strerror or str(error), by_hand) from None


def _replace(target: str, text: bytes, old: os.stat_result | None) -> None:
    """Replace the file in one step, so that it has either the old text or the new one at any moment."""
    directory, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{name}.", dir=directory)
    try:
        with open(descriptor, "wb") as file:
            if old is None:
                os.fchmod(descriptor, 0o666 & ~_umask())
            else:
                if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

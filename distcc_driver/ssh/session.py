"""The session directory of a build with tunnels, and the state in it that the end of the build needs."""

from __future__ import annotations

import errno
import os

from ..core.errors import ConfigError
from ..core.record import Record
from ..machine.processtable import is_of_another_namespace, started
from .sessionfiles import control_argument, control_path
from .sessionplace import bases, is_own_directory, where_others_may_rename

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "distcc-driver"
_STATE = "state"
_PROBE_BYTES = 16384
# sun_path holds 104 bytes on BSD and macOS (108 on Linux), and ssh first binds PATH.16_RANDOM.
_MAX_CONTROL_PATH = 86


class OpenTunnel(Record):
    """A tunnel that the build uses: its number in the session, local job port and host as written."""

    number: int
    job_port: int
    host_text: str


def create(owner_pid: int, environ: Mapping[str, str]) -> str:
    """Make a directory that only this user can enter, named after the shell that owns it.

    Raises `ConfigError` if no place for it can be written, or its processes could not be found again.
    """
    if is_of_another_namespace():
        raise ConfigError(
            "/proc",
            "it shows the processes of another PID namespace, which hides those of SSH tunnels",
            "mount this one's (mount -t proc proc /proc)",
        )
    name = _owned_by(owner_pid) + os.urandom(3).hex()
    tried = []
    for base in bases(environ):
        path = os.path.join(base, name)
        if "${" in path or not _is_text(path):
            tried.append(f"{base} (no name that ssh can be given)")
            continue
        if len(os.fsencode(control_argument(control_path(path, 9999)))) > _MAX_CONTROL_PATH:
            tried.append(f"{base} (name too long)")
            continue
        if others := where_others_may_rename(base):
            tried.append(f"{base} (others may rename what is in {others})")
            continue
        try:
            os.mkdir(path, 0o700)
            os.chmod(path, 0o700)  # whatever the umask
            _try_to_write(path)
        except OSError as error:
            tried.append(f"{base} ({error.strerror})")
        else:
            return path
    raise ConfigError(
        "TMPDIR",
        f"no directory for SSH tunnels can be made in {', '.join(tried)}",
        "set TMPDIR to one that can",
    )


def _is_text(path: str) -> bool:
    """Whether `sh` can hand it to a program: it encodes strictly, and a path may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _try_to_write(path: str) -> None:
    """Raise `OSError` if the disk has no room for a file; the directory is removed then."""
    probe = os.path.join(path, "probe")
    try:
        with open(probe, "wb") as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError:
        remove(path)
        raise
    os.unlink(probe)


def _owned_by(pid: int) -> str:
    """What the names of a shell's sessions begin with: its number alone is that of many, in containers."""
    return f"{_PREFIX}.{pid}.{started(pid)}."


def find(owner_pid: int, environ: Mapping[str, str]) -> list[str]:
    """The session directories that a shell owns."""
    beginning = _owned_by(owner_pid)
    found = []
    for base in bases(environ):
        try:
            names = os.listdir(base)
        except OSError:
            continue
        paths = [os.path.join(base, name) for name in names if name.startswith(beginning)]
        found += [path for path in paths if is_own_directory(os.lstat, path)]
    return found


def write_state(path: str, log_level: str, tunnels: list[OpenTunnel]) -> bool:
    """Note what the end of the build needs to know, all of it or nothing; False if that end has begun.

    Raises `ConfigError` if it cannot be written.
    """
    lines = [log_level, *(f"{tunnel.number} {tunnel.job_port} {tunnel.host_text}" for tunnel in tunnels)]
    state = os.path.join(path, _STATE)
    try:
        with open(f"{state}.part", "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        os.link(f"{state}.part", state)  # which, unlike a rename, replaces nothing
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError as error:
        raise ConfigError(
            "TMPDIR",
            f"{path} cannot be written ({error.strerror})",
            "make room, or set TMPDIR to another place",
        ) from None
    return True


def take_state(path: str) -> tuple[str, list[OpenTunnel]]:
    """The log level and the tunnels, at the end of the build.

    Whoever asks second, which is the guard if that end was killed, gets the level "error": which tunnels were
    lost has been said. There are none if the plan never got that far, and then it cannot any more; nor if
    the directory is not the one that was made.
    """
    if not is_own_directory(os.lstat, path):
        return "info", []
    state = os.path.join(path, _STATE)
    _is_new(state)  # an empty one, so that no plan can write its own
    is_first = _is_new(f"{state}.taken")
    try:
        with open(state, encoding="utf-8") as file:
            log_level, *lines = file.read().split("\n")
    except OSError:
        return "info", []
    fields = [line.split(" ", 2) for line in lines]
    tunnels = [OpenTunnel(int(number), int(port), text) for number, port, text in fields]
    return (log_level or "info") if is_first else "error", tunnels


def _is_new(path: str) -> bool:
    """Make an empty file; False if there was one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError:  # no room, or the directory has gone
        pass
    return True


def remove(path: str) -> None:
    """Remove the directory and what is in it.

    Raises `OSError` if something else stands in its place: a link, or what somebody else owns.
    """
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return  # the guard was faster
    try:
        if os.fstat(directory).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to somebody else")
        for name in os.listdir(directory):
            _unlink(name, directory)
        os.rmdir(path)
    except FileNotFoundError:
        pass  # the guard was faster
    finally:
        os.close(directory)


def _unlink(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass  # the guard was faster

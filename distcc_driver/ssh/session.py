"""The session directory of a build with tunnels, and the state in it that the end of the build needs."""

from __future__ import annotations

import errno
import os

from ..core.errors import ConfigError
from ..core.record import Record
from ..machine.processtable import is_of_another_namespace, start_time
from .sessionfiles import control_argument, control_path
from .sessionplace import bases, is_own_directory, where_others_may_rename

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# The beginning of the names of all session directories.
PREFIX = "distcc-driver"
_STATE = "state"
_PROBE_BYTES = 16384
# A Unix socket's name has at most 104 bytes on BSD and macOS. ssh first binds a name that is 17 bytes longer.
_MAX_CONTROL_PATH = 86


class OpenTunnel(Record):
    """A tunnel that the build uses: number in the session, local job port, host as written in the list.

    `stats_port` is the local stats port. It is None if a version that did not write it has begun the build.
    """

    number: int
    job_port: int
    host_text: str
    stats_port: int | None = None


def create(owner_pid: int, environ: Mapping[str, str]) -> str:
    """Make a session directory that only this user can enter; its name tells the shell that owns it.

    Raises `ConfigError` if no place can be written, or if /proc does not show the processes of the tunnels.
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
            os.chmod(path, 0o700)  # the umask may have removed bits
            _try_to_write(path)
        except OSError as error:
            tried.append(f"{base} ({error.strerror})")
        else:
            return path
    raise ConfigError(
        "TMPDIR",
        f"no directory for SSH tunnels can be made in {', '.join(tried)}",
        "set TMPDIR to a directory that you can write to",
    )


def _is_text(path: str) -> bool:
    """Whether `sh` can hand a path to a program. A path may be any bytes, and `sh` takes only UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _try_to_write(path: str) -> None:
    """Write a file to see whether the disk has room. Otherwise remove the directory and raise `OSError`."""
    probe = os.path.join(path, "probe")
    try:
        with open(probe, "wb") as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError:
        remove(path)
        raise
    os.unlink(probe)


def _owned_by(pid: int) -> str:
    """The beginning of the names of a shell's sessions; containers reuse pids, so it has the start time."""
    return f"{PREFIX}.{pid}.{start_time(pid)}."


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
    """Write down what the end of the build needs to know; False if the end has begun.

    The file appears complete or not at all. Raises `ConfigError` if it cannot be written.
    """
    lines = [log_level, *map(_state_line, tunnels)]
    state = os.path.join(path, _STATE)
    try:
        with open(f"{state}.part", "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        os.link(f"{state}.part", state)  # a rename would replace the file of an end that has begun
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
    """Begin the end of the build; returns the log level and the tunnels.

    The second caller gets the level "error", because the first has reported lost tunnels. (The guard is the
    second, if the first was killed.) The list of tunnels is empty if the plan has not written its state, and
    from now on the plan cannot write it. The list is also empty if a link or another user's directory stands
    in the place of the session.
    """
    if not is_own_directory(os.lstat, path):
        return "info", []
    state = os.path.join(path, _STATE)
    _make_empty(state)  # an empty file keeps the plan from writing its state later
    is_first = _make_empty(f"{state}.taken")
    found = _read_state(state)
    if found is None:
        return "info", []
    log_level, tunnels = found
    return (log_level or "info") if is_first else "error", tunnels


def open_tunnels(path: str) -> list[OpenTunnel]:
    """The tunnels that the build of a session uses; none before the build begins. Changes nothing."""
    found = _read_state(os.path.join(path, _STATE))
    return found[1] if found else []


def _read_state(path: str) -> tuple[str, list[OpenTunnel]] | None:
    try:
        with open(path, encoding="utf-8") as file:
            log_level, *lines = file.read().split("\n")
    except OSError:
        return None
    return log_level, [_tunnel_in(line) for line in lines]


def _state_line(tunnel: OpenTunnel) -> str:
    stats_port = "" if tunnel.stats_port is None else f" {tunnel.stats_port}"
    return f"{tunnel.number} {tunnel.job_port} {tunnel.host_text}{stats_port}"


def _tunnel_in(line: str) -> OpenTunnel:
    number, job_port, host_text, *rest = line.split(" ")  # no entry of a host list has a blank
    return OpenTunnel(int(number), int(job_port), host_text, int(rest[0]) if rest else None)


def _make_empty(path: str) -> bool:
    """Make an empty file; False if the file was there before."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError:  # no room, or the directory has gone
        pass
    return True


def remove(path: str) -> None:
    """Remove the session directory and the files in it.

    Raises `OSError` if something else stands in its place: a link, or a directory of another user.
    """
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return  # the guard was faster
    try:
        if os.fstat(directory).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
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

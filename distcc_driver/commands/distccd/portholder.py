"""Finds the programs that listen at a port of this machine, as far as /proc shows them."""

from __future__ import annotations

import errno
import os
import pwd
import socket
from dataclasses import dataclass

from ...core.errors import ConfigError

_LISTENS = "0A"
_FIRST_UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_FIRST_UNPRIVILEGED_ELSEWHERE = 1024
_DAEMON = "distccd"  # the program, and the user of Debian's package


@dataclass(frozen=True, slots=True)
class Holder:
    """A user and their first process that has the port; `pid` is None if /proc does not show the process."""

    user: str
    pid: int | None = None
    program: str = ""

    @property
    def text(self) -> str:
        """The holder as messages name it."""
        if self.pid is None:
            return f"a program of user {self.user}"
        return f"{self.program} (process {self.pid}, user {self.user})"


def check_port(address: str, port: int) -> None:
    """Raise `ConfigError`, which names the holder of the port, if distccd cannot listen there."""
    # distccd never runs as root, so a port for root alone is refused to root, too.
    if port < int("".join(_lines(_FIRST_UNPRIVILEGED)) or _FIRST_UNPRIVILEGED_ELSEWHERE):
        raise refusal(address, port, errno.EACCES)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as distccd does
            trial.bind((address, port))
            trial.listen(1)
    except OSError as error:
        raise refusal(address, port, error.errno or 0) from None


def refusal(address: str, port: int, failure: int) -> ConfigError:
    """The error about a port at which listening failed with the errno `failure`."""
    subject = f"port {port}"
    if failure == errno.EADDRINUSE:
        found = holders(port)
        who = ", ".join(holder.text for holder in found) or "another program"
        end = "end it"
        if any(_DAEMON in (holder.program, holder.user) for holder in found):
            end = "stop it (a service of the package distcc: sudo systemctl disable --now distcc)"
        return ConfigError(subject, f"{who} listens there", f"{end}, or give another port with --port")
    if failure == errno.EACCES:
        cause = "only root may listen there, and distccd never runs as root"
        return ConfigError(subject, cause, "give a higher --port")
    cause = f"cannot listen at {address} ({os.strerror(failure)})"
    return ConfigError(subject, cause, "correct --allow or --port")


def holders(port: int) -> list[Holder]:
    """The users whose programs listen at a port, each once. Systems without /proc show none."""
    users: dict[int, set[str]] = {}
    for line in [line for name in ("tcp", "tcp6") for line in _lines(f"/proc/net/{name}")[1:]]:
        fields = line.split()
        if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
            users.setdefault(int(fields[7]), set()).add(f"socket:[{fields[9]}]")
    return [_holder(uid, sockets) for uid, sockets in users.items()]


def user_name(uid: int) -> str:
    """The name of a user, or the number of one without a name, as in some containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _holder(uid: int, sockets: set[str]) -> Holder:
    user = user_name(uid)
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if _has_one_of(pid, sockets):
            return Holder(user, pid, "".join(_lines(f"/proc/{pid}/comm")) or "a program")
    return Holder(user)


def _has_one_of(pid: int, sockets: set[str]) -> bool:
    directory = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{directory}/{name}") in sockets for name in os.listdir(directory))
    except OSError:
        return False  # the process has ended, or belongs to another user


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []

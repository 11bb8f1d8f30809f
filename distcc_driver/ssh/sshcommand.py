"""Argument lists of ssh(1). Pure functions."""

from __future__ import annotations

from ..core.hostspec import LOOPBACK, SshHost
from .sessionfiles import control_argument

# A tunnel needs these values, whatever the user's configuration says. No option here changes how host keys
# are checked. LogLevel: at QUIET, ssh would not say why it fails. ServerAlive*: a dead link is noticed after
# 3 x 15 s.
_MASTER_OPTIONS = {
    "ControlMaster": "yes",
    "ControlPersist": "no",
    "ClearAllForwardings": "yes",
    "Compression": "no",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "INFO",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "Tunnel": "no",
    "UpdateHostKeys": "no",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "3",
}


def target_arguments(host: SshHost) -> list[str]:
    """The host, and port and user only if the user gave them. `--` keeps a name from becoming an option."""
    port = [] if host.ssh_port is None else ["-p", str(host.ssh_port)]
    user = [] if host.user is None else ["-l", host.user]
    return [*port, *user, "--", host.name]


def hop_arguments(hop: str) -> list[str]:
    """Port, user and name of a jump host, which `ssh -G` prints as `[USER@]HOST[:PORT]`, IPv6 in brackets."""
    user, _, place = hop.removeprefix("ssh://").rpartition("@")
    name, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal() or (":" in name and not name.endswith("]")):
        name, port = place, ""
    words = [*(["-p", port] if port else []), *(["-l", user] if user else [])]
    return [*words, "--", name.removeprefix("[").removesuffix("]")]


def configuration_arguments(control: str, target: list[str]) -> list[str]:
    """Arguments of ssh(1) that print a configuration; `-S` makes the process a part of the session."""
    return ["-S", control_argument(control), "-G", *target]


def master_arguments(
    host: SshHost,
    control: str,
    log: str,
    batch: bool,
    connect_timeout_s: int | None = None,
    offers_keys: bool = True,
) -> list[str]:
    """Arguments of ssh(1) that log in and leave a master connection in the background.

    `batch` forbids every question. A `connect_timeout_s` overrides the user's configuration. Without
    `offers_keys`, the server does not count a failed login.
    """
    options = dict(_MASTER_OPTIONS, BatchMode="yes" if batch else "no")
    if not offers_keys:
        options["PubkeyAuthentication"] = "no"
    if connect_timeout_s is not None:
        options["ConnectTimeout"] = str(connect_timeout_s)
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    return [
        *words,
        "-S",
        control_argument(control),
        "-E",
        log,
        "-f",
        "-N",
        "-T",
        *target_arguments(host),
    ]


def forward_arguments(host: SshHost, control: str, local_ports: tuple[int, int]) -> list[str]:
    """Arguments of ssh(1) that ask a master for the two forwards.

    `-F none` keeps ssh from asking also for the forwards of the user's configuration.
    """
    words = []
    for local, remote in zip(local_ports, (host.job_port, host.stats_port), strict=True):
        words += ["-L", f"{LOOPBACK}:{local}:localhost:{remote}"]
    return ["-F", "none", "-S", control_argument(control), "-O", "forward", *words, "--", host.name]

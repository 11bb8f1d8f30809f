"""Makes the argument list of a distccd, a systemd unit, and the entries for its clients. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

from ...core.hostspec import DISTCC_PORT, STATS_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = IPv4Network | IPv6Network

MAX_SLOTS = 200  # distccd's own limit (dopt.c)
_MAX_JOB_PORT = 65534
SERVICE_USER = "distccd"  # the user that Debian's package makes
_NICE = 10  # as in Debian's package: people may work on that machine, too
_LOOPBACK = {4: ip_network("127.0.0.1"), 6: ip_network("::1")}

_UNIT = """\
# A distcc worker for distcc-driver. In place of the unit or init script of Debian's package: save it as
# /etc/systemd/system/distcc.service
[Unit]
Description=distcc worker with statistics
After=network-online.target
Wants=network-online.target

[Service]
User={user}
ExecStart={command}
Restart=on-failure
RestartSec=5
# Clients can have files read: their compilers see no home, and no temporary file of others.
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ProtectKernelTunables=yes
ProtectControlGroups=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """The options of a distccd with statistics.

    It lets clients of `networks` in; without networks, only clients of this machine. If root starts it,
    distccd becomes `user`; else `user` is None.
    """

    program: str
    job_port: int
    stats_port: int
    slots: int
    networks: tuple[Network, ...] = ()
    user: str | None = None
    log_level: str = "notice"

    @property
    def is_local(self) -> bool:
        """Whether only clients of this machine are let in."""
        return all(network.is_loopback for network in self.networks)

    @property
    def local_address(self) -> str:
        """The loopback address that clients of this machine use."""
        is_6 = bool(self.networks) and all(network.version == 6 for network in self.networks)
        return str(_LOOPBACK[6 if is_6 else 4].network_address)

    @property
    def listen_address(self) -> str:
        """The address at which both ports listen. `::` takes clients of IPv4, too."""
        versions = {network.version for network in self.networks}
        if self.is_local and len(versions) < 2:
            return self.local_address
        return "::" if 6 in versions else "0.0.0.0"  # noqa: S104  # --allow says who comes in


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """What a person asks for. `slots` is None if the machine is to decide."""

    networks: tuple[Network, ...]
    slots: int | None
    job_port: int

    @classmethod
    def of(cls, networks: Iterable[str], slots: int | None, job_port: int) -> WorkerRequest:
        """Check and convert values. Raises `ValueError`, which says what distccd does not take."""
        if slots is not None and not 1 <= slots <= MAX_SLOTS:
            raise ValueError(f"--jobs {slots}: distccd takes 1 to {MAX_SLOTS}")
        if not 1 <= job_port <= _MAX_JOB_PORT:
            raise ValueError(f"--port {job_port}: the job port is one of 1 to {_MAX_JOB_PORT}")
        return cls(tuple(map(_parse_network, networks)), slots, job_port)


def _parse_network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"--allow {text!r}: not an address or a network, such as 192.168.0.0/16") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"--allow {text!r}: IPv4 in IPv6; write it as in 192.168.0.0/16")
    if isinstance(network, IPv6Network) and network.network_address.scope_id:
        raise ValueError(f"--allow {text!r}: distccd knows no zones; leave it out, as in fe80::/10")
    return network


def stats_port_of(job_port: int) -> int:
    """The stats port for a job port: the next port, as for the default ports 3632 and 3633."""
    return job_port + STATS_PORT - DISTCC_PORT


def default_slots(threads: int, memory_mib: int | None, compiler_memory_mib: int) -> int:
    """One slot for each thread, as far as there is memory for a compiler on each; at least one."""
    fitting = threads
    if memory_mib is not None and compiler_memory_mib:
        fitting = min(threads, memory_mib // compiler_memory_mib)
    return max(1, min(fitting, MAX_SLOTS))


def arguments(options: DaemonOptions) -> list[str]:
    """The argument list of a distccd that stays in the foreground and writes its log to standard error."""
    networks = options.networks or (_LOOPBACK[4],)
    words = [options.program, "--daemon", "--no-detach", "--log-stderr", "--log-level", options.log_level]
    words += ["--port", str(options.job_port), "--stats", "--stats-port", str(options.stats_port)]
    words += ["--listen", options.listen_address]
    clients = [_mapped(network) if options.listen_address == "::" else network for network in networks]
    words += [word for network in clients for word in ("--allow", network_text(network))]
    words += ["--jobs", str(options.slots), "--nice", str(_NICE)]
    return words + (["--user", options.user] if options.user else [])


def unit(options: DaemonOptions) -> str:
    """A systemd unit that starts this distccd at every boot, as a user of its own."""
    words = arguments(options)
    # systemd gives blanks, quotes, ; \ and % in a command a meaning (systemd.service(5), "COMMAND LINES").
    program = "".join(f"\\x{ord(c):02x}" if c in " \t\"'\\;" else c for c in words[0])
    program = program.replace("%", "%%")
    return _UNIT.format(user=SERVICE_USER, command=" ".join([program, *words[1:]]))


def entry(address: str, options: DaemonOptions) -> str:
    """The entry of `DISTCC_AUTO_HOSTS` for this worker at an address or a name."""
    name = f"[{address}]" if ":" in address else address
    return name if _has_usual_ports(options) else f"{name}:{options.job_port}:{options.stats_port}"


def ssh_entry(name: str, options: DaemonOptions) -> str:
    """The entry of `DISTCC_AUTO_HOSTS` for this worker behind SSH."""
    place = f"ssh://{name}"
    return place if _has_usual_ports(options) else f"{place}/{options.job_port}/{options.stats_port}"


def _has_usual_ports(options: DaemonOptions) -> bool:
    return (options.job_port, options.stats_port) == (DISTCC_PORT, STATS_PORT)


def _mapped(network: Network) -> Network:
    """The network as IPv6: at `::`, distccd 3.4 reverses the bytes of an IPv4 client before it compares."""
    if isinstance(network, IPv6Network):
        return network
    return IPv6Network(f"::ffff:{network.network_address}/{96 + network.prefixlen}")


def network_text(network: Network) -> str:
    """The network as text; a single address has no length of a mask."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)

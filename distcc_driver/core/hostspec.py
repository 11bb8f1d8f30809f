"""Parses the entries of `DISTCC_AUTO_HOSTS` into `TcpHost` and `SshHost`. Pure.

AUTO_HOST_SPEC = TCP_HOST | SSH_HOST
TCP_HOST       = [tcp://]HOSTNAME[:DISTCC_PORT[:STATS_PORT]]
SSH_HOST       = ssh://[SSH_USER@]HOSTNAME[:SSH_PORT][/DISTCC_PORT[/STATS_PORT]]
HOSTNAME       = name | IPv4 | [IPv6]
"""

from __future__ import annotations

from .errors import HostSpecError
from .record import Record

DISTCC_PORT = 3632
STATS_PORT = 3633
LOOPBACK = "127.0.0.1"

_DIGITS = frozenset("0123456789")
_NAME_CHARACTERS = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_")
_MAX_NAME = 253
_MAX_PORT = 65535


class TcpHost(Record):
    """A worker that is reached directly. `text` is the entry as the user wrote it."""

    text: str
    name: str
    job_port: int = DISTCC_PORT
    stats_port: int = STATS_PORT

    @property
    def address(self) -> str:
        """The address to connect to. It is never `localhost`, which tells distcc not to distribute."""
        return LOOPBACK if self.name.lower() == "localhost" else self.name


class SshHost(Record):
    """A worker that is reached through ssh. `user` and `ssh_port` are None if the entry has none."""

    text: str
    name: str
    user: str | None = None
    ssh_port: int | None = None
    job_port: int = DISTCC_PORT
    stats_port: int = STATS_PORT


class BadEntry(Record):
    """An entry that is not a host: its 1-based position in the list, its first wrong column, and why."""

    position: int
    text: str
    column: int
    reason: str


def parse_list(text: str) -> tuple[list[TcpHost | SshHost], list[BadEntry]]:
    """Parse a host list. Returns its hosts, each once, and its malformed entries."""
    hosts: dict[tuple[object, ...], TcpHost | SshHost] = {}
    bad = []
    for position, entry in enumerate(_entries(text), 1):
        try:
            host = parse_host(entry)
        except HostSpecError as error:
            bad.append(BadEntry(position, entry, error.column, str(error)))
        else:
            hosts.setdefault(_identity(host), host)
    return list(hosts.values()), bad


def _entries(text: str) -> list[str]:
    """Split a host list at blanks, tabs and line ends.

    `str.split` would also split at other spaces of Unicode, such as those of a web page. Other programs do
    not split there and a person cannot see them, so they have to be reported as wrong characters.
    """
    for blank in "\t\n\r\v\f":
        text = text.replace(blank, " ")
    return [entry for entry in text.split(" ") if entry]


def parse_host(text: str) -> TcpHost | SshHost:
    """Parse one entry.

    Raises `HostSpecError` with the column and the reason.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _parse_tcp(text, 0)
    start = len(scheme) + len(separator)
    if scheme.lower() == "tcp":
        return _parse_tcp(text, start)
    if scheme.lower() == "ssh":
        return _parse_ssh(text, start, rest)
    raise HostSpecError(1, f"unknown scheme {scheme!r}, expected tcp:// or ssh://")


def _parse_tcp(text: str, start: int) -> TcpHost:
    name, end = _hostname(text, start)
    ports = _ports(text, end, ":", 2)
    return TcpHost(text, name, *ports)


def _parse_ssh(text: str, start: int, rest: str) -> SshHost:
    user, at, _ = rest.rpartition("@")
    if at:
        _check_word(user, start, "user")
        start += len(user) + 1
    name, end = _hostname(text, start)
    slash = text.find("/", end)
    authority_end = len(text) if slash < 0 else slash
    ssh_ports = _ports(text[:authority_end], end, ":", 1)
    ports = _ports(text, authority_end, "/", 2)
    return SshHost(text, name, user if at else None, ssh_ports[0] if ssh_ports else None, *ports)


def _hostname(text: str, start: int) -> tuple[str, int]:
    """The host name that begins at `start`, and the index after it."""
    if text[start : start + 1] == "[":
        return _bracketed_ipv6(text, start)
    end = start
    while end < len(text) and text[end] not in ":/":
        end += 1
    name = text[start:end]
    _check_not_bare_ipv6(text[start:].partition("/")[0], start)
    _check_word(name, start, "host name")
    _check_ipv4(name, start)
    return name, end


def _bracketed_ipv6(text: str, start: int) -> tuple[str, int]:
    end = text.find("]", start)
    if end < 0:
        raise HostSpecError(start + 1, "'[' without ']'")
    address, percent, zone = text[start + 1 : end].partition("%")
    if percent:
        _check_word(zone, start + 2 + len(address), "zone")
    if not _is_ipv6(address):
        raise HostSpecError(start + 2, f"{address!r} is not an IPv6 address")
    return text[start + 1 : end], end + 1


def _check_not_bare_ipv6(text: str, start: int) -> None:
    """Refuse an IPv6 address without brackets: its last part might be meant as a port."""
    address = text.partition("%")[0]
    if ("::" in address or address.count(":") > 2) and _is_ipv6(address):
        raise HostSpecError(start + 1, "an IPv6 address must stand in brackets")


def _is_ipv6(address: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address  # takes 5 ms, so only for IPv6 addresses

    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    return True


def _check_word(word: str, start: int, what: str) -> None:
    if not word:
        raise HostSpecError(start + 1, f"the {what} is missing")
    if word[0] == "-":
        raise HostSpecError(start + 1, f"a {what} must not begin with '-'")
    for index, character in enumerate(word):
        if character not in _NAME_CHARACTERS:
            raise HostSpecError(start + index + 1, f"{character!r} is not allowed in a {what}")
    if len(word) > _MAX_NAME:
        raise HostSpecError(start + 1, f"a {what} of {len(word)} characters; {_MAX_NAME} is the most")


def _check_ipv4(name: str, start: int) -> None:
    """Refuse four numbers that are not an IPv4 address: they cannot be meant as a name."""
    numbers = name.split(".")
    if len(numbers) != 4 or not all(number and _DIGITS.issuperset(number) for number in numbers):
        return
    if any(len(number) > 3 or int(number) > 255 or number != str(int(number)) for number in numbers):
        raise HostSpecError(start + 1, f"{name!r} is not an IPv4 address")


def _ports(text: str, start: int, separator: str, most: int) -> list[int]:
    """Parse the rest of `text` from `start`: at most `most` ports, a `separator` before each."""
    ports: list[int] = []
    while start < len(text):
        if text[start] != separator or len(ports) == most:
            raise HostSpecError(start + 1, f"{text[start:]!r} is not expected here")
        start += 1
        end = text.find(separator, start)
        end = len(text) if end < 0 else end
        ports.append(_port(text[start:end], start))
        start = end
        if end == len(text):
            break
    return ports


def _port(digits: str, start: int) -> int:
    if not digits:
        raise HostSpecError(start + 1, "the port is missing")
    if not _DIGITS.issuperset(digits):
        raise HostSpecError(start + 1, f"port {digits!r} is not a number")
    port = int(digits) if len(digits) <= 5 else _MAX_PORT + 1
    if not 1 <= port <= _MAX_PORT:
        raise HostSpecError(start + 1, f"port {digits} is not between 1 and {_MAX_PORT}")
    return port


def _identity(host: TcpHost | SshHost) -> tuple[object, ...]:
    """A key that two entries share if they mean the same worker."""
    name: object = host.name  # upper and lower case differ in aliases of ssh
    if ":" in host.name:
        from ipaddress import IPv6Address

        name = IPv6Address(host.name)
    elif isinstance(host, TcpHost):
        name = host.address.lower()
    return (name, *host[2:])

"""Finds the addresses by which other machines reach this one. Sends nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

# Addresses for documentation (RFC 5737, RFC 3849). They stand for networks so large that the routes to
# their parts differ.
_ELSEWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
_LARGEST_PREFIX = 4
_ANY_PORT = 9


def addresses_for(networks: Iterable[IPv4Network | IPv6Network]) -> list[str]:
    """The address that this machine has towards each network, without repetition."""
    found = {address: None for network in networks if (address := _address_towards(network))}
    return list(found)


def _address_towards(network: IPv4Network | IPv6Network) -> str | None:
    """The address from which the kernel would send a datagram there; None if no route leads there."""
    target = str(network[1] if network.num_addresses > 1 else network[0])
    if network.prefixlen < _LARGEST_PREFIX:
        target = _ELSEWHERE[network.version]
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.connect((target, _ANY_PORT))
            return str(trial.getsockname()[0])
    except OSError:
        return None

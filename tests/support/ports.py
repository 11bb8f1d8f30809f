"""Loopback ports that are free, that refuse connections, or that never answer."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound_socket(address: str = LOOPBACK, port: int = 0) -> socket.socket:
    """A socket bound to a port, 0 for a free one. The port refuses connections until the socket listens."""
    bound = socket.socket(family_of(address))
    bound.bind((address, port))
    return bound


def port_of(bound: socket.socket) -> int:
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port


def free_ports(count: int, address: str = LOOPBACK) -> list[int]:
    """Ports that were free a moment ago. Another program may take one before the caller uses it."""
    with contextlib.ExitStack() as stack:
        return [port_of(stack.enter_context(bound_socket(address))) for _ in range(count)]


def host_spec(address: str, job_port: int, stats_port: int) -> str:
    """An entry of DISTCC_AUTO_HOSTS."""
    name = f"[{address}]" if ":" in address else address
    return f"{name}:{job_port}:{stats_port}"


@contextlib.contextmanager
def refusing_port(address: str = LOOPBACK) -> Iterator[int]:
    """A port that refuses connections. No other program can take it while the context is entered."""
    with bound_socket(address) as bound:
        yield port_of(bound)


@contextlib.contextmanager
def silent_port(address: str = LOOPBACK) -> Iterator[int]:
    """A port that never answers a connection attempt, like a port behind a firewall that drops packets.

    Its queue of connections is full: Linux ignores the SYN of any further client.
    """
    with bound_socket(address) as bound, contextlib.ExitStack() as stack:
        bound.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket(family_of(address)))
            client.setblocking(False)
            client.connect_ex(bound.getsockname())
        yield port_of(bound)

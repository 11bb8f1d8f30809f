"""What the host list turns into on the way to a plan."""

from __future__ import annotations

from .hostspec import SshHost, TcpHost
from .record import Record


class Endpoint(Record):
    """Where a host's two ports are reached from here: itself, or a tunnel's loopback end."""

    host: TcpHost | SshHost
    address: str
    job_port: int
    stats_port: int


class Rejection(Record):
    """A host that the build does without: what failed, and what to check.

    Nothing failed if `same_as` is not empty: the build has that worker already, by this other entry.
    """

    host: TcpHost | SshHost
    cause: str
    advice: str
    same_as: str = ""

"""A TCP connection without blocking, and what its failure means."""

from __future__ import annotations

import _socket
import errno
import os
import select
import sys

from ..core.record import Record
from .poll import Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from .resolve import Address

# (level, option) that make Linux keep the ICMP message of a failure (linux/in.h, linux/in6.h). The next three
# numbers are from linux/errqueue.h.
_KEEP_ICMP = {_socket.AF_INET: (0, 11), _socket.AF_INET6: (41, 25)}
_MSG_ERRQUEUE = 0x2000
_ORIGINS = (2, 3)  # ICMP and ICMPv6
_ERROR_BYTES = 16
# Codes of "destination unreachable" that only a firewall sends to TCP: port, protocol, and administratively
# prohibited (linux/icmp.h, linux/icmpv6.h).
_FIREWALL_CODES = {_socket.AF_INET: (2, 3, 9, 10, 13), _socket.AF_INET6: (1, 4, 5, 6)}

# Cause and advice.
_REFUSALS = {
    errno.ECONNREFUSED: ("refused the connection", "is distccd running there with --stats?"),
    errno.ETIMEDOUT: ("timed out", "is the machine up, and does a firewall drop the port?"),
    errno.EHOSTUNREACH: (
        "cannot be reached, no route to host",
        "does a firewall reject it, is the machine up, and the network right?",
    ),
    errno.ENETUNREACH: ("cannot be reached, no route to its network", "is this machine's network up?"),
    errno.EACCES: ("cannot be reached, it is prohibited", "does a firewall or a route reject it?"),
    errno.EMFILE: ("not asked, too many open files", "raise ulimit -n"),
}


class Refusal(Record):
    """Why a port took no connection, and what to check; `after` is the time waited, such as " after 2 s"."""

    cause: str
    advice: str
    after: str = ""


class Connection:
    """A TCP connection. `failure` is an errno, or 0 when the connection is made.

    Raises `OSError` if there is no socket (too many open files, no IPv6 on this machine).
    """

    def __init__(self, address: Address, port: int) -> None:
        self.socket = _socket.socket(address.family, _socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self._address = address
        if sys.platform == "linux":
            try:
                self.socket.setsockopt(*_KEEP_ICMP[address.family], 1)
            except OSError:  # some kernels that call themselves Linux do not have the option
                pass
        self.failure = self.socket.connect_ex(address.with_port(port))

    def established(self, deadline: float) -> Generator[Wait, bool | None, int]:
        """Wait until the connection is made; returns 0, or the errno of its failure."""
        if self.failure in (errno.EINPROGRESS, errno.EINTR):
            if (yield Wait(deadline, self.socket.fileno(), select.POLLOUT)):
                self.failure = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
                if self.failure == errno.ECONNRESET:
                    self.failure = 0  # it was made, and data from before the reset can be read
            else:
                self.failure = errno.ETIMEDOUT
        return self.failure

    def receive(self, most: int) -> bytes | None:
        """Up to `most` bytes that have arrived; b"" at the end or after a reset, None if there are none."""
        try:
            return self.socket.recv(most)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Give the descriptor back."""
        self.socket.close()

    def firewall_refusal(self) -> Refusal | None:
        """Cause and advice, if the ICMP message of the failure came from a firewall; otherwise None."""
        code, sender = self._icmp()
        is_there = sender == self._address.host
        if not is_there and code not in _FIREWALL_CODES[self._address.family]:
            return None
        where = "on that machine" if is_there else f"at {sender}, on the way to that machine"
        return Refusal("cannot be reached, a firewall rejects it", f"open the port in the firewall {where}")

    def _icmp(self) -> tuple[int, str]:
        """Code and sender of the ICMP message that ended the connection; (-1, "") if there was none.

        Linux gives a struct sock_extended_err and, behind it, the sender's address (ip(7), "IP_RECVERR").
        """
        if sys.platform != "linux":
            return -1, ""
        try:
            _, messages, _, _ = self.socket.recvmsg(0, 512, _MSG_ERRQUEUE)
        except OSError:
            return -1, ""
        for _, _, data in messages:
            if len(data) > _ERROR_BYTES and data[4] in _ORIGINS:
                return data[6], _numeric(self._address.family, data[_ERROR_BYTES:])
        return -1, ""


def refusal(failure: int, timeout_s: float) -> Refusal:
    """Cause and advice for an errno of connect(2) or socket(2)."""
    cause, advice = _REFUSALS.get(failure, (f"failed: {os.strerror(failure)}", "check the host and the port"))
    return Refusal(cause, advice, f" after {timeout_s:g} s" if failure == errno.ETIMEDOUT else "")


def without_stats(job_port: int, stats_port: int) -> tuple[str, str]:
    """Cause and advice for a machine that takes connections at its job port only."""
    cause = f"job port {job_port} answers and stats port {stats_port} refuses"
    return f"{cause}: distccd runs there without --stats or with another stats port", "see docs/workers.md"


def _numeric(family: int, socket_address: bytes) -> str:
    """The numeric address in a struct sockaddr_in or sockaddr_in6."""
    if family == _socket.AF_INET:
        return _socket.inet_ntop(family, socket_address[4:8])
    return _socket.inet_ntop(family, socket_address[8:24])

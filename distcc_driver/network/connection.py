"""A TCP connection without blocking, and what its failure means."""

from __future__ import annotations

import _socket
import errno
import select
import sys
import time

from .deadlines import earlier, fixed
from .poll import Wait
from .refusals import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from .deadlines import Deadline
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

# connect(2) has begun; poll(2) will tell when it has ended.
_UNDER_WAY = (errno.EINPROGRESS, errno.EINTR)

# When further attempts begin. The kernel would send a lost first packet again after 1 s (RFC 6298).
_AGAIN_S = (0.2, 0.3)

# The sockets that one connection may use.
DESCRIPTORS = 1 + len(_AGAIN_S)


class Connection:
    """A TCP connection. `failure` is an errno, or 0 when the connection is made.

    Raises `OSError` if there is no socket (too many open files, no IPv6 on this machine).
    """

    def __init__(self, address: Address, port: int) -> None:
        self._address = address
        self._port = port
        self._started = time.monotonic()
        self.socket, self.failure = self._begin()

    def _begin(self) -> tuple[_socket.socket, int]:
        """A socket, and the errno with which its connection failed or is under way."""
        attempt = _socket.socket(self._address.family, _socket.SOCK_STREAM)
        attempt.setblocking(False)
        if sys.platform == "linux":
            try:
                attempt.setsockopt(*_KEEP_ICMP[self._address.family], 1)
            except OSError:  # some kernels that call themselves Linux do not have the option
                pass
        return attempt, attempt.connect_ex(self._address.with_port(self._port))

    def established(self, deadline: Deadline) -> Generator[Wait, bool | None, int]:
        """Wait until the connection is made; returns 0, or the errno of its failure.

        If a first packet is lost, the next attempt is made long before the kernel sends it again. The first
        attempt with an outcome counts.
        """
        if self.failure not in _UNDER_WAY:
            return self.failure
        self.failure = errno.ETIMEDOUT
        attempts = [self.socket]
        try:
            for again_s in _AGAIN_S:
                if (yield _outcome(attempts, earlier(deadline, fixed(self._started + again_s)))):
                    return self._settle(attempts)
                attempts += self._another()
            if (yield _outcome(attempts, deadline)):
                return self._settle(attempts)
            return self.failure
        finally:
            for attempt in attempts:
                if attempt is not self.socket:
                    attempt.close()

    def _another(self) -> list[_socket.socket]:
        """One more attempt, or nothing if this machine has no socket for it."""
        try:
            attempt, failure = self._begin()
        except OSError:
            return []
        if failure in _UNDER_WAY:
            return [attempt]
        attempt.close()
        return []

    def _settle(self, attempts: list[_socket.socket]) -> int:
        """Keep the attempt that has an outcome; returns its errno."""
        poll = select.poll()
        for attempt in attempts:
            poll.register(attempt.fileno(), select.POLLOUT)
        ready = {descriptor for descriptor, _ in poll.poll(0)}
        self.socket = next(attempt for attempt in attempts if attempt.fileno() in ready)
        self.failure = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if self.failure == errno.ECONNRESET:
            self.failure = 0  # the connection was made, and data from before the reset can be read
        return self.failure

    def receive(self, max_bytes: int) -> bytes | None:
        """Up to `max_bytes` that have arrived; b"" at the end or after a reset, None if nothing has come."""
        try:
            return self.socket.recv(max_bytes)
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


def _outcome(attempts: list[_socket.socket], deadline: Deadline) -> Wait:
    return Wait(deadline, tuple(attempt.fileno() for attempt in attempts), select.POLLOUT)


def _numeric(family: int, socket_address: bytes) -> str:
    """The numeric address in a struct sockaddr_in or sockaddr_in6."""
    if family == _socket.AF_INET:
        return _socket.inet_ntop(family, socket_address[4:8])
    return _socket.inet_ntop(family, socket_address[8:24])

"""A TCP connection that is being made, and what to say of one that cannot be."""

from __future__ import annotations

import _socket
import errno
import os
import select

from .schedule import Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from .resolve import Address

_REFUSALS = {
    errno.ECONNREFUSED: ("refused the connection", "is distccd running there with --stats?"),
    errno.ETIMEDOUT: (
        "timed out after {timeout_s:g} s",
        "is the machine up, and does a firewall drop the port?",
    ),
    errno.EHOSTUNREACH: (
        "cannot be reached, no route to host",
        "is the machine up, and the network right?",
    ),
    errno.ENETUNREACH: ("cannot be reached, no route to its network", "is this machine's network up?"),
    errno.EMFILE: ("not asked, too many open files", "raise ulimit -n"),
}


class Connection:
    """A TCP connection that is being made, or has failed with `failure` (an errno).

    Raises `OSError` where not even a socket is to be had (too many open files, no IPv6 here).
    """

    def __init__(self, address: Address, port: int) -> None:
        self.socket = _socket.socket(address.family, _socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.failure = self.socket.connect_ex(address.with_port(port))

    def established(self, deadline: float) -> Generator[Wait, bool | None, int]:
        """Wait until it is made; returns 0, or the errno with which it failed."""
        if self.failure in (errno.EINPROGRESS, errno.EINTR):
            if (yield Wait(deadline, self.socket.fileno(), select.POLLOUT)):
                self.failure = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
                if self.failure == errno.ECONNRESET:
                    self.failure = 0  # it was made, and what came before the reset can be read
            else:
                self.failure = errno.ETIMEDOUT
        return self.failure

    def receive(self, most: int) -> bytes | None:
        """What has arrived, `most` bytes of it: b"" at its end or after a reset, None if nothing has yet."""
        try:
            return self.socket.recv(most)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Give the descriptor back."""
        self.socket.close()


def refusal(failure: int, timeout_s: float) -> tuple[str, str]:
    """What an errno of connect(2) or socket(2) means, and what to check."""
    cause, advice = _REFUSALS.get(failure, (f"failed: {os.strerror(failure)}", "check the host and the port"))
    return cause.format(timeout_s=timeout_s), advice

"""A machine that answers mDNS questions with any packets that a test wants, well-formed or not."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from .network import Network

_GROUP, _PORT = "224.0.0.251", 5353
_SERVICE = b"_distcc", b"_tcp", b"local"
_POINTER, _TEXT, _PLACE, _ADDRESS, _IPV6_ADDRESS = 12, 16, 33, 1, 28  # of RFC 1035, 2782 and 3596
_LIFE_S = 120


def announcement(
    service: bytes,
    host: bytes,
    addresses: Sequence[str],
    port: int = 3632,
    texts: Sequence[bytes] = (),
) -> bytes:
    """A packet that announces a distccd at some addresses, with a TXT record."""
    name, target = (service, *_SERVICE), (host, b"local")
    records = [
        _record(_SERVICE, _POINTER, _name(name)),
        _record(name, _PLACE, struct.pack("!HHH", 0, 0, port) + _name(target)),
        _record(name, _TEXT, b"".join(bytes([len(text)]) + text for text in texts) or b"\0"),
    ]
    for address in addresses:
        if ":" in address:
            records.append(_record(target, _IPV6_ADDRESS, socket.inet_pton(socket.AF_INET6, address)))
        else:
            records.append(_record(target, _ADDRESS, socket.inet_aton(address)))
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def _record(name: Sequence[bytes], kind: int, data: bytes) -> bytes:
    return _name(name) + struct.pack("!HHIH", kind, 1, _LIFE_S, len(data)) + data


def _name(labels: Sequence[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class Responder:
    """Sends packets from `address` in a network, whenever a question arrives."""

    def __init__(self, network: Network, address: str, packets: Sequence[bytes]) -> None:
        self._packets = packets
        self._socket = network.call(lambda: _joined(address))
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> Responder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(
            OSError
        ):  # the socket is not connected: shutdown fails, but ends the recv of the thread
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _answer(self) -> None:
        while question := self._socket.recv(65536):
            if question[2:4] == b"\0\0":  # a question, not an answer such as our own
                for packet in self._packets:
                    self._socket.sendto(packet, (_GROUP, _PORT))


def _joined(address: str) -> socket.socket:
    """A socket that receives and sends mDNS on the interface with this address."""
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    channel.bind(("", _PORT))
    numbers = socket.inet_aton(address)
    channel.setsockopt(
        socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton(_GROUP), numbers)
    )
    channel.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, numbers)
    channel.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    return channel

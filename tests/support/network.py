"""Private networks, joined by wires that can lose packets, delay them, or be cut.

A network is a namespace of the kernel that lives as long as a thread is in it. A wire is a pair of tun
devices, and this process carries the packets between them. So the machine's own network is not touched,
nothing is left when the process ends, and the kernel needs no queueing discipline. Only root may make
networks, and a user with all capabilities in a user namespace.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import selectors
import shutil
import socket
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

_Result = TypeVar("_Result")

_DEADLINE_S = 60.0
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_CLONE_NEWNS = 0x00020000
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_LARGEST_PACKET = 65536
_SYN = 0x02


def may_have_networks() -> bool:
    """Whether this process may make networks."""
    try:
        with Network():
            return True
    except OSError:
        return False


def may_have_wires() -> bool:
    """Whether this process may make networks, and tun devices in these networks."""
    try:
        with Network() as network:
            os.close(network.call(lambda: _tun("try")))
    except OSError:
        return False
    return True


class Network:
    """A network with only `lo`.

    Functions that `call` runs are inside it, and so are processes that they start.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        try:
            self.call(lambda: _leave(_CLONE_NEWNET))
            self.call(lambda: _ip("link", "set", "lo", "up"))
        except BaseException:
            self._thread.shutdown()
            raise

    def call(self, action: Callable[[], _Result]) -> _Result:
        """Call a function in the network; return its result or raise its exception."""
        return self._thread.submit(action).result(_DEADLINE_S)

    def run(self, *words: str, said: str = "") -> str:
        """Run a command in the network with `said` on standard input; return its output.

        The command must succeed.
        """
        return self.call(lambda: _output(words, said))

    def name(self, hosts: Path) -> None:
        """Let a file take the place of /etc/hosts in the network."""
        self.call(lambda: _leave(_CLONE_NEWNS))
        self.run("mount", "--make-rprivate", "/")
        self.run("mount", "--bind", str(hosts), "/etc/hosts")

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()


class Wire:
    """Joins the network `near` (at `near_address`) to `far` (at `far_address`), while the context is entered.

    `loss` is the share of packets that the wire drops, and `delay_s` the time that each takes in one
    direction. While `is_cut` is true, no packet passes. The next `lost_beginnings` connections lose their
    first packet. All four may change at any time. Of the packets that begin one connection, the wire drops
    only one: TCP sends it again after 1 s, but would wait 2 s more for a third attempt, which is longer than
    the programs wait.
    """

    def __init__(
        self, near: Network, far: Network, near_address: str, far_address: str, chance: random.Random
    ) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self.is_cut = False
        self.lost_beginnings = 0
        self.carried = 0
        self.dropped = 0
        self._chance = chance
        self._delayed: set[bytes] = set()
        self._flying: list[tuple[float, int, int, bytes]] = []
        name = f"w{far_address.rpartition('.')[2]}"
        self._ends = (
            near.call(lambda: _end(name, near_address, far_address)),
            far.call(lambda: _end(name, far_address, near_address)),
        )
        self._bell, self._ringer = os.pipe()
        self._thread = threading.Thread(target=self._carry)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._ringer)
        self._thread.join()
        for descriptor in (*self._ends, self._bell):
            os.close(descriptor)

    def _carry(self) -> None:
        near, far = self._ends
        with selectors.DefaultSelector() as selector:
            for descriptor in (near, far, self._bell):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ready = [key.fd for key, _ in selector.select(self._until_next())]
                if self._bell in ready:
                    return
                for source, target in ((near, far), (far, near)):
                    if source in ready:
                        self._take(source, target)
                self._deliver()

    def _until_next(self) -> float | None:
        return max(0.0, self._flying[0][0] - time.monotonic()) if self._flying else None

    def _take(self, source: int, target: int) -> None:
        packet = os.read(source, _LARGEST_PACKET)
        if self.is_cut or self._is_lost(packet):
            self.dropped += 1
            return
        self.carried += 1
        heapq.heappush(self._flying, (time.monotonic() + self.delay_s, self.carried, target, packet))

    def _is_lost(self, packet: bytes) -> bool:
        beginning = _beginning(packet)
        if beginning and self.lost_beginnings and beginning not in self._delayed:
            self.lost_beginnings -= 1
        elif self._chance.random() >= self.loss:
            return False
        if beginning in self._delayed:
            return False
        if beginning:
            self._delayed.add(beginning)
        return True

    def _deliver(self) -> None:
        while self._flying and self._flying[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(self._flying)
            os.write(target, packet)


def _beginning(packet: bytes) -> bytes:
    """The two ports, sorted, if the packet begins a TCP connection over IPv4; else nothing."""
    segment = packet[4 * (packet[0] & 0xF) :]
    if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP or not segment[13] & _SYN:
        return b""
    return b"".join(sorted((segment[:2], segment[2:4])))


def _leave(namespace: int) -> None:
    """Put the calling thread, and the processes that it will start, into a new namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(namespace):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _output(words: Sequence[str], said: str) -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # directories that are not on an ordinary user's PATH
    program = shutil.which(words[0], path=path) or words[0]
    done = subprocess.run(
        [program, *words[1:]], input=said, capture_output=True, text=True, check=False, timeout=_DEADLINE_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, timeout=_DEADLINE_S)


def _tun(name: str) -> int:
    """A new tun device in the network of the calling thread."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _end(name: str, address: str, peer: str) -> int:
    """One end of a wire: a tun device that has its address and is up."""
    descriptor = _tun(name)
    try:
        _ip("address", "add", address, "peer", peer, "dev", name)
        _ip("link", "set", name, "up")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

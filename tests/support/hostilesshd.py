"""SSH servers that misbehave on purpose, before a client has logged in and after that."""

from __future__ import annotations

import asyncio
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

import asyncssh

from . import servers
from .hostile import (
    NOISE,
    SHELL_TEXT,
    TERMINAL_TEXT,
    Behaviour,
    blurting,
    close_at_once,
    flood,
    lines_without_end,
    one_a_second,
    reset_at_once,
    tls,
)
from .ports import LOOPBACK

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from .servers import Answer
    from .sshd import Key

_VERSION = b"SSH-2.0-OpenSSH_9.2\r\n"
_DISCONNECT, _PROTOCOL_ERROR = 1, 2  # RFC 4253, section 11.1
_CLOSED = "SSH connection closed"  # asyncssh says this of a channel that the client never answered
_LONG = "x" * 30_000
_DEADLINE_S = 30.0

# The driver recognizes messages of ssh by these words. A hostile server may send the same words.
_SSH_TEXT = [
    b"@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @",
    b"Host key verification failed.",
    b"goodbye\nPermission denied (publickey).",
    b"channel 0: open failed: administratively prohibited: $(canary)",
]
_TEXTS = [*TERMINAL_TEXT, b"\n".join(SHELL_TEXT), *_SSH_TEXT]
_TEXT = b"\n".join(_TEXTS).replace(b"\0", b"").decode(errors="replace")  # ssh hangs up if there is a NUL


def _instead_of_keys(data: bytes) -> Answer:
    """Sends a correct version, then `data` in place of the exchange of keys, and waits."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(_VERSION + data)
        closing.wait()

    return answer


def _goodbye(text: bytes) -> bytes:
    """An unencrypted packet (RFC 4253, section 6) that ends the connection with a text."""
    payload = struct.pack(">BII", _DISCONNECT, _PROTOCOL_ERROR, len(text)) + text + bytes(4)
    padding = 16 - (len(payload) + 5) % 8
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


BEFORE_LOGIN = [
    Behaviour("says nothing", servers.hang, "ssh failed"),
    # If a byte comes just when ssh 9.2 would time out, ssh waits for ever, and the driver gives up after 10
    # s.
    Behaviour("one byte a second", one_a_second, "ssh "),
    Behaviour("closes at once", close_at_once, "ssh failed"),
    Behaviour("resets at once", reset_at_once, "ssh failed"),
    Behaviour("noise", blurting(NOISE), "ssh failed"),
    Behaviour("100 MB", flood, "ssh failed"),
    Behaviour("endless lines", lines_without_end, "ssh failed"),
    Behaviour("web server", servers.html, "ssh failed"),
    Behaviour("TLS", tls, "ssh failed"),
    Behaviour("texts before its version", blurting(b"\r\n".join([*_TEXTS, _VERSION])), "ssh failed"),
    Behaviour("text in its version", blurting(b"SSH-2.0-" + TERMINAL_TEXT[0] + b"\r\n"), "ssh failed"),
    Behaviour("an old version", blurting(b"SSH-1.5-" + TERMINAL_TEXT[0] + b"\r\n"), "ssh failed"),
    Behaviour("a version without end", blurting(b"SSH-2.0-" + b"x" * 100_000), "ssh failed"),
    Behaviour("noise for keys", _instead_of_keys(NOISE), "ssh failed"),
    Behaviour("says nothing instead of keys", _instead_of_keys(b""), "ssh timed out after 10 s"),
    Behaviour("a packet of 4 GiB", _instead_of_keys(b"\xff" * 64), "ssh failed"),
    *(
        Behaviour(f"says goodbye with text {number}", _instead_of_keys(_goodbye(text)), "ssh failed")
        for number, text in enumerate(_TEXTS)
    ),
]


class Malice(NamedTuple):
    """How a server that accepts every login misbehaves.

    It calls `greet` while a client logs in, `intrude` when the client has logged in, and `connect` when the
    client asks for a connection to a port. The driver's line about the host must contain `cause`.
    """

    name: str
    cause: str
    greet: Callable[[asyncssh.SSHServerConnection], Awaitable[None]] | None = None
    connect: Callable[[], object] | None = None
    intrude: Callable[[asyncssh.SSHServerConnection], Awaitable[None]] | None = None


async def _say_texts(connection: asyncssh.SSHServerConnection) -> None:
    connection.send_auth_banner(_TEXT)


async def _say_without_end(connection: asyncssh.SSHServerConnection) -> None:
    while not connection.is_closed():
        connection.send_auth_banner(_LONG)
        await asyncio.sleep(0.001)


def _refusing(text: str) -> Callable[[], object]:
    def connect() -> object:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, text)

    return connect


def _never() -> object:
    return asyncio.get_running_loop().create_future()


def _answering(data: bytes, times: int = 1) -> Callable[[], object]:
    async def serve(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        del reader
        for _ in range(times):
            writer.write(data)
            await writer.drain()
        writer.close()

    return lambda: serve


async def _leave(connection: asyncssh.SSHServerConnection) -> None:
    connection.disconnect(asyncssh.DISC_BY_APPLICATION, TERMINAL_TEXT[0].decode())


async def _open_channels(connection: asyncssh.SSHServerConnection) -> None:
    """Open channels of the two kinds by which a server could reach programs on the client's machine."""
    sshd = connection.get_extra_info("sshd")

    def to_port() -> Awaitable[object]:
        return connection.create_connection(asyncssh.SSHTCPSession, "127.0.0.1", 22, "127.0.0.1", 1)

    def to_agent() -> Awaitable[object]:
        return connection.create_agent_channel().open(asyncssh.SSHUNIXSession)

    while not connection.is_closed():
        for begin in (to_port, to_agent):
            try:
                await begin()
            except asyncssh.ChannelOpenError as error:
                if error.reason != _CLOSED:  # if it is _CLOSED, the client had disconnected
                    sshd.refused.add(begin.__name__)
            else:
                sshd.opened += 1
        await asyncio.sleep(0.001)  # so that asyncssh notices the end of the connection


AFTER_LOGIN = [
    Malice("texts in its banner", "host key has changed", greet=_say_texts),
    Malice("refuses with texts", "open failed", connect=_refusing(_TEXT)),
    Malice("refuses at length", "open failed", connect=_refusing("x" * 200_000)),
    Malice("never connects", "timed out", connect=_never),
    Malice("noise from every port", "not a distccd", connect=_answering(NOISE)),
    Malice("100 MB from every port", "not a distccd", connect=_answering(_LONG.encode(), 3500)),
    Malice("closes every port", "closed without a reply", connect=_answering(b"")),
    Malice("leaves with a text", "Received disconnect", intrude=_leave),
]
INTRUDER = Malice("opens channels", "open failed", connect=_refusing("no"), intrude=_open_channels)
ENDLESS_BANNER = Malice("endless banner", "ssh timed out after 10 s", greet=_say_without_end)


class _Login(asyncssh.SSHServer):
    def __init__(self, sshd: HostileSshd) -> None:
        self._sshd = sshd
        self._malice = sshd.malice

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._sshd.welcome(conn)

    async def begin_auth(self, username: str) -> bool:
        del username
        if self._malice.greet is not None:
            await self._malice.greet(self._connection)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username, key
        return True

    def auth_completed(self) -> None:
        self._sshd.logins += 1
        if self._malice.intrude is not None:
            self._sshd.begin(self._malice.intrude(self._connection))

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> asyncssh.SSHTCPSession[bytes]:
        del dest_host, dest_port, orig_host, orig_port
        assert self._malice.connect is not None
        return self._malice.connect()  # type: ignore[return-value]  # asyncssh takes other objects, too


class HostileSshd:
    """A server that accepts every login, and then misbehaves. It listens while the context is entered.

    `logins` counts the logins. `opened` counts the channels that clients let the server open, and `refused`
    has the kinds of channels that they refused.
    """

    def __init__(self, host_key: Key, malice: Malice) -> None:
        self.host_key = host_key
        self.malice = malice
        self.port = 0
        self.logins = 0
        self.opened = 0
        self.refused: set[str] = set()
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._tasks: set[asyncio.Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])

    def __enter__(self) -> HostileSshd:
        self._thread.start()
        assert self._listening.wait(_DEADLINE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_DEADLINE_S)
        self._loop.close()

    def welcome(self, connection: asyncssh.SSHServerConnection) -> None:
        """Remember a client that has connected."""
        connection.set_extra_info(sshd=self)
        self._connections.append(connection)

    def begin(self, work: Awaitable[None]) -> None:
        """Run a coroutine in the server's thread."""
        self._tasks.add(asyncio.ensure_future(work))

    async def _serve(self) -> None:
        keys = [str(self.host_key.private)]
        server = await asyncssh.create_server(lambda: _Login(self), LOOPBACK, 0, server_host_keys=keys)
        self.port = server.get_port()
        self._listening.set()
        await self._closing.wait()
        server.close()
        for connection in self._connections:
            connection.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

"""Workers that misbehave on purpose: what their ports do, and which cause the driver must name for it."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.samples import REPLY

from . import servers
from .ports import LOOPBACK, host_spec
from .servers import Server, saying

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .servers import Answer

SLOTS = 7
_FLOOD_BYTES = 100 * 1024 * 1024
_MIB = b"x" * 1024 * 1024
_BODY = REPLY.partition(b"\n\n")[2]
NOISE = random.Random(6).randbytes(4096)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a port does to a connection.

    The driver's line about the host must contain `cause`. If `cause` is empty, the driver must use the host,
    with SLOTS slots.
    """

    name: str
    answer: Answer
    cause: str = ""


def page(**values: bytes) -> bytes:
    """The reply of a real distccd, in which some keys have other values and new keys stand at the end."""
    lines = []
    for line in REPLY.split(b"\n"):
        key = line.partition(b" ")[0].decode()
        lines.append(key.encode() + b" " + values.pop(key) if key in values else line)
    added = [key.encode() + b" " + value for key, value in values.items()]
    return b"\n".join([*lines[:-2], *added, *lines[-2:]])


def http(status: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """A reply as web servers send it."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"", body])


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunks of `size` bytes, as in HTTP/1.1."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def one_a_second(connection: socket.socket, closing: threading.Event) -> None:
    """Sends a correct page, one byte each second."""
    for byte in REPLY:
        connection.sendall(bytes([byte]))
        if closing.wait(1):
            return


def flood(connection: socket.socket, closing: threading.Event) -> None:
    """Sends 100 MB as fast as the client reads them."""
    for _ in range(_FLOOD_BYTES // len(_MIB)):
        if closing.is_set():
            return
        connection.sendall(_MIB)


def lines_without_end(connection: socket.socket, closing: threading.Event) -> None:
    """Sends empty lines without end. They are the costliest input for a reader that splits lines."""
    connection.sendall(b"<distccstats>")
    while not closing.is_set():
        connection.sendall(b"\n" * 65536)


def close_at_once(connection: socket.socket, closing: threading.Event) -> None:
    """Closes without reading or sending anything."""
    del connection, closing


def reset_at_once(connection: socket.socket, closing: threading.Event) -> None:
    """Resets the connection without reading or sending anything."""
    del closing
    _cut_off(connection)


def resetting_after(reply: bytes) -> Answer:
    """Sends a reply without reading the request, then resets the connection."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.sendall(reply)
        _cut_off(connection)

    return answer


def blurting(reply: bytes) -> Answer:
    """Sends a reply without reading the request, then closes."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.sendall(reply)

    return answer


def page_and_flood(connection: socket.socket, closing: threading.Event) -> None:
    """Sends a correct page, and then 100 MB."""
    connection.sendall(REPLY)
    flood(connection, closing)


def staying(reply: bytes) -> Answer:
    """Sends a reply and does not close."""

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        saying(reply)(connection, closing)
        closing.wait()

    return answer


def compiler_saying(text: bytes) -> Answer:
    """Takes a job, and replies that the compiler failed with `text` on its standard error."""
    return answering(0x100, text)


def answering(status: int, text: bytes = b"", made: bytes = b"") -> Answer:
    """Takes a job, and replies with the compiler's wait status, its standard error, and its object file.

    The reply is in distcc's protocol 2 (`doc/protocol-2.txt` in the sources of distcc).
    """
    fields = [b"DONE00000002STAT%08x" % status]
    for name, data in ((b"SERR", text), (b"SOUT", b""), (b"DOTO", made)):
        packed = _packed(data)
        fields.append(name + b"%08x" % len(packed) + packed)
    reply = b"".join(fields)

    def answer(connection: socket.socket, closing: threading.Event) -> None:
        del closing
        connection.recv(4096)
        connection.sendall(reply)
        while connection.recv(65536):
            pass

    return answer


def _packed(data: bytes) -> bytes:
    """Data in the format of LZO1X, not compressed: a count, the bytes themselves, and the mark of the end."""
    if not data:
        return b""
    zeros, rest = divmod(len(data) - 19, 255)
    count = bytes([17 + len(data)]) if len(data) <= 200 else bytes(1 + zeros) + bytes([rest + 1])
    return count + data + b"\x11\0\0"


def tls(connection: socket.socket, closing: threading.Event) -> None:
    """A server that speaks only TLS. It has no certificate: no client gets far enough to ask for it."""
    del closing
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True):
        pass


def _cut_off(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# Texts that a shell or a terminal would obey. `canary` is a program that must never run.
SHELL_TEXT = [
    b"$(canary)",
    b"`canary`",
    b"; canary;",
    b"' ; canary; '",
    b'" ; canary; "',
    b"\\$(canary) | canary & canary > canary",
    b"${x:-$(canary)} <(canary) =(canary)",
]
TERMINAL_TEXT = [
    b"\x1b]0;owned\x07\x1b[2J\x1b[31m",
    b"\x9b2J\x9d0;owned\x9c",
    "\x9b2J\u202e\u2028".encode(),
    b"\r\x08\x08\x7f\x0b\x0c\x00\x05\x0e",
]

_NO_PAGE = "not a distccd stats page"
_NO_NUMBER = "not a whole number"
_SILENCE = "closed without a reply"
_TIMED_OUT = "timed out after"
_NO_SLOTS = "does not say dcc_max_kids"
_BEFORE_SLOTS = REPLY[: REPLY.index(b"dcc_max_kids") + len("dcc_max_kids 7")]
_TEXTS = [*SHELL_TEXT, *TERMINAL_TEXT]


def _number_faults() -> Iterator[Behaviour]:
    """Pages in which the slots, the memory or the load is no valid number."""
    slots = {
        "huge": (b"9" * 400, _NO_NUMBER),
        "too many": (b"4097", "4097 slots"),
        "beyond 32 bits": (b"4294967303", _NO_NUMBER),
        "negative": (b"-7", _NO_NUMBER),
        "zero": (b"0", "0 slots"),
        "fractional": (b"7.5", _NO_NUMBER),
        "exponent": (b"1e3", _NO_NUMBER),
        "hexadecimal": (b"0x10", _NO_NUMBER),
        "NUL in it": (b"7\x000", _NO_NUMBER),
        "empty": (b"", _NO_NUMBER),
        "Arabic": ("\u0667".encode(), _NO_NUMBER),
        "two of them": (b"7 8", _NO_NUMBER),
    }
    for name, (value, cause) in slots.items():
        yield Behaviour(f"slots: {name}", saying(page(dcc_max_kids=value)), cause)
    for name, value in {"huge": b"9" * 400, "negative": b"-5 MB", "NaN": b"nan MB", "NUL": b"1\0 MB"}.items():
        yield Behaviour(f"memory: {name}", saying(page(dcc_free_mem=value)), _NO_NUMBER)
    for name, value in {"huge": b"9" * 400, "infinite": b"inf", "NaN": b"nan", "NUL": b"0\0.5"}.items():
        yield Behaviour(f"load: {name}", saying(page(dcc_load2=value)), "not a number")


def _web_faults() -> Iterator[Behaviour]:
    """Replies of web servers with a stats page as their body. The driver must not accept that page."""
    for status in (
        b"404 Not Found",
        b"500 Internal Server Error",
        b"401 Unauthorized",
        b"206 Partial Content",
    ):
        yield Behaviour(f"HTTP {status.decode()}", saying(http(status, body=_BODY)), "HTTP status")
    yield Behaviour("HTTP nonsense", saying(b"HTTP/\x1b[2J \x1b[2J\n\n" + _BODY), "HTTP status")
    encoding = b"Transfer-Encoding: chunked"
    for size in (7, 1000):
        reply = http(b"200 OK", encoding, body=chunked(_BODY, size))
        yield Behaviour(f"chunks of {size}", saying(reply), "in chunks")
    packed = http(b"200 OK", b"Content-Encoding: gzip", body=gzip.compress(_BODY))
    yield Behaviour("gzip", saying(packed), _NO_PAGE)
    yield Behaviour("html", servers.html, _NO_PAGE)


def _text_faults() -> Iterator[Behaviour]:
    """Shell and terminal text in place of the number of slots, and in place of the whole page."""
    for number, text in enumerate(_TEXTS):
        yield Behaviour(f"slots are text {number}", saying(page(dcc_max_kids=text)), _NO_NUMBER)
        yield Behaviour(f"nothing but text {number}", saying(text * 20), _NO_PAGE)


STATS_FAULTS = [
    Behaviour("says nothing", servers.hang, _TIMED_OUT),
    Behaviour("trickles", servers.trickle, _TIMED_OUT),
    Behaviour("one byte a second", one_a_second, _TIMED_OUT),
    Behaviour("half a page, then nothing", staying(_BEFORE_SLOTS), _TIMED_OUT),
    Behaviour("endless page", servers.endless, "without end"),
    Behaviour("endless lines", lines_without_end, "without end"),
    Behaviour("100 MB", flood, "without end"),
    Behaviour("closes at once", close_at_once, _SILENCE),
    Behaviour("closes when asked", servers.empty, _SILENCE),
    Behaviour("resets at once", reset_at_once, _SILENCE),
    Behaviour("resets when asked", servers.reset, _SILENCE),
    Behaviour("resets before the slots", resetting_after(_BEFORE_SLOTS), _NO_SLOTS),
    Behaviour("noise", saying(NOISE), _NO_PAGE),
    Behaviour("noise in a page", saying(b"<distccstats>\n" + NOISE + b"\n</distccstats>"), _NO_SLOTS),
    Behaviour("tags the wrong way round", saying(b"</distccstats>\n<distccstats>\n"), _NO_SLOTS),
    Behaviour("no slots", saying(REPLY.replace(b"dcc_max_kids", b"dcc_other_kids")), _NO_SLOTS),
    Behaviour("UTF-16", saying(REPLY.decode().encode("utf-16")), _NO_PAGE),
    Behaviour("UTF-16, big end first", saying(REPLY.decode().encode("utf-16-be")), _NO_PAGE),
    Behaviour("TLS", tls, _SILENCE),
    Behaviour("TLS alert", saying(b"\x15\x03\x03\x00\x02\x02\x46"), _NO_PAGE),
    *_number_faults(),
    *_web_faults(),
    *_text_faults(),
]


class Worker:
    """A stats port and a job port on loopback, each with a behaviour.

    Both listen while the context is entered.
    If the job port acts without being asked, the stats port answers only after that. So the order of the two
    is the same in every run.
    """

    def __init__(self, stats: Answer, job: Answer, *, job_acts: bool = True) -> None:
        self._job_has_acted = threading.Event()
        if not job_acts:
            self._job_has_acted.set()
        self._answers = stats, job
        self.stats = Server(self._answer_stats)
        self.job = Server(self._answer_job)

    @property
    def spec(self) -> str:
        """The entry of DISTCC_AUTO_HOSTS."""
        return host_spec(LOOPBACK, self.job.port, self.stats.port)

    def __enter__(self) -> Worker:
        self.stats.__enter__()
        self.job.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._job_has_acted.set()
        self.stats.__exit__(*error)
        self.job.__exit__(*error)

    def _answer_stats(self, connection: socket.socket, closing: threading.Event) -> None:
        self._job_has_acted.wait()
        self._answers[0](connection, closing)

    def _answer_job(self, connection: socket.socket, closing: threading.Event) -> None:
        with _Announcing(connection, self._job_has_acted) as announcing:
            self._answers[1](announcing, closing)


class _Announcing(socket.socket):
    """A connection that sets `acted` when it has sent its first byte, or has been closed."""

    def __init__(self, connection: socket.socket, acted: threading.Event) -> None:
        super().__init__(fileno=connection.detach())
        self._acted = acted

    def sendall(self, data: Any, flags: int = 0) -> None:
        super().sendall(data[:1], flags)
        self._acted.set()
        super().sendall(data[1:], flags)

    def close(self) -> None:
        super().close()
        self._acted.set()


_FIELDS = [line.partition(b" ")[0].decode() for line in _BODY.split(b"\n") if line.startswith(b"dcc_")]
_SPARED = {"dcc_max_kids", "dcc_load1", "dcc_load2", "dcc_load3"}

STATS_QUIRKS = [
    Behaviour("does not close", staying(REPLY)),
    Behaviour("replies before it reads", blurting(REPLY)),
    Behaviour("resets after the reply", resetting_after(REPLY)),
    Behaviour("resets after the slots", resetting_after(_BEFORE_SLOTS + b"\ndcc_load1 0.")),
    Behaviour("floods after the reply", page_and_flood),
    Behaviour("slots twice", saying(page(dcc_max_kids=b"7\ndcc_max_kids 4096"))),
    Behaviour("a page twice", saying(REPLY + page(dcc_max_kids=b"4096"))),
    Behaviour("HTTP/1.1 with CR LF", saying(http(b"200 OK", body=_BODY.replace(b"\n", b"\r\n")))),
    *(
        Behaviour(
            f"text {number} in every field",
            saying(page(**dict.fromkeys(set(_FIELDS) - _SPARED, text), argv=text)),
        )
        for number, text in enumerate(_TEXTS)
    ),
    *(
        Behaviour(f"text {number} for a field's name", saying(REPLY.replace(b"dcc_other", b"dcc_" + text)))
        for number, text in enumerate(_TEXTS)
    ),
]

JOB_FAULTS = [
    Behaviour("closes at once", close_at_once, "closes connections at once"),
    Behaviour("resets at once", reset_at_once, "closes connections at once"),
    Behaviour("noise", blurting(NOISE), "speaks before it is asked"),
    Behaviour("100 MB", flood, "speaks before it is asked"),
    Behaviour("endless lines", lines_without_end, "speaks before it is asked"),
    Behaviour("one byte a second", one_a_second, "speaks before it is asked"),
    Behaviour("terminal text", blurting(b"".join(TERMINAL_TEXT)), "speaks before it is asked"),
    Behaviour("shell text", blurting(b"\n".join(SHELL_TEXT)), "speaks before it is asked"),
    Behaviour("a stats page", blurting(REPLY), "speaks before it is asked"),
    Behaviour("resets after a stats page", resetting_after(REPLY), "speaks before it is asked"),
]

# A real distccd is silent until it gets a job, too. So the driver cannot recognize these before a job.
JOB_QUIRKS = [
    Behaviour("says nothing", servers.hang),
    Behaviour("answers jobs with noise", saying(NOISE)),
    Behaviour("closes when it gets a job", servers.empty),
    Behaviour("resets when it gets a job", servers.reset),
    Behaviour("web server", servers.html),
    Behaviour("TLS", tls),
]

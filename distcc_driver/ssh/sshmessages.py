"""What ssh writes about a connection, and the `Rejection` that follows from it."""

from __future__ import annotations

import contextlib
import os

from ..core.facts import Failure, Rejection
from ..network.refusals import without_stats
from .sshcommand import target_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.hostspec import SshHost

_MAX_WORDS = 200
_PIPE_BYTES = 65536
_LOG_BYTES = 65536
_SERVER_TEXT = "Received disconnect from "  # all that follows is the server's text, which may have many lines
_DISCONNECTED = "Disconnected from "  # follows the line that says why
_CHANGED = "IDENTIFICATION HAS CHANGED"  # sshconnect.c of OpenSSH, check_host_key()
_REVOKED = "REVOKED HOST KEY DETECTED"
# "kex..." or, in old versions, "ssh_exchange_identification": before keys are exchanged.
_EARLY = ("_exchange_identification: ", "banner exchange: ")
_CLOSED = ("closed by remote host", "reset by peer", "Broken pipe")
# OpenSSH 10 writes only these texts, with an address. After a login it writes "Connection to" instead.
_CLOSED_BY = ("Connection closed by ", "Connection reset by ")
# When a proxy ends, ssh writes the same line. But then one of these texts says why.
_EXPLAINED = (
    "Permission denied",
    "open failed",
    "ssh: ",
    "verification failed",
    _CHANGED,
    _REVOKED,
    _SERVER_TEXT,
)

_AGENT_REFUSED = "agent refused operation"
_FORBIDDEN = "administratively prohibited"
_PORT_REFUSED = "open failed: connect failed"
_FORBIDDEN_ADVICE = "allow it in sshd_config there (AllowTcpForwarding, PermitOpen)"
_TUNNEL_ADVICE = "does a distccd with --stats run there, on these ports?"
_CLOSED_ADVICE = (
    "its sshd, or that of a jump host, may refuse this machine for some minutes after failed logins "
    "(PerSourcePenalties), or too many log in at once (MaxStartups): wait, and load your key with ssh-add"
)


class SshMessages:
    """The messages about one host: ssh's own in the file `log`, its helpers', and the server's banner.

    A server can write into them, without end: so only the first and the last 64 KiB are read. A false message
    of a server can at most exclude that server from the build.
    """

    def __init__(self, host: SshHost, log: str) -> None:
        self.log = log
        self._host = host
        self._errors = ""

    def forget(self) -> None:
        """Empty the messages. An ssh that still runs goes on writing to the file."""
        open(self.log, "wb").close()
        self._errors = ""

    @contextlib.contextmanager
    def errors(self) -> Iterator[int]:
        """A pipe for the standard error of an ssh that ends in this context; keeps as much as the pipe holds.

        A server's banner may have no end. And the ssh of a `ProxyJump` keeps the pipe as long as the tunnel
        lives: it must neither wait for a reader nor die of a missing one. So the pipe is a FIFO that is open
        for reading and writing, without blocking.
        """
        path = f"{self.log}.errors"
        os.mkfifo(path, 0o600)
        try:
            pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        finally:
            os.unlink(path)
        try:
            yield pipe
            self._errors += _drain(pipe)
        finally:
            os.close(pipe)

    def last(self, about: str = "") -> str:
        """The last informative line that contains `about`; "" if there is no such line."""
        return _last_line(self._text(), about)

    def count(self, about: str) -> int:
        """How many lines contain `about`."""
        return sum(about in line for line in self._text().splitlines())

    def complaint(self) -> str:
        """The last line on standard error: the ssh that asks for a forward writes to no file."""
        return _last_line(self._errors)

    def show_wrong_host_key(self) -> bool:
        """Whether the host key is changed or revoked, although ssh logged in (`StrictHostKeyChecking no`).

        ssh refuses its forwards then, but does not know at the login that forwards will be wanted.
        """
        text = self._text()
        return _CHANGED in text or _REVOKED in text

    def closed_before_login(self) -> bool:
        """Whether a server closed the connection before the login, and did not say why."""
        text = self._text()
        if any(words in text for words in _EXPLAINED):
            return False
        return any(map(_tells_of_an_end, text.splitlines()))

    def refusal(self, locked: str = "") -> Rejection:
        """Why ssh did not log in; `locked` is the file of a key whose passphrase it did not have."""
        text = self._text().partition(_SERVER_TEXT)[0]
        words = self.last() or "ssh failed without a word"
        by_hand = self._by_hand()
        if _REVOKED in text:
            return Rejection(self._host, f"its host key is revoked ({words})", "ask who revoked it, and why")
        if _CHANGED in text:
            offending = [line[:_MAX_WORDS] for line in text.splitlines() if line.startswith("Offending")][:1]
            advice = f"if that is right, remove the old one (ssh-keygen -R), then connect by hand: {by_hand}"
            cause = f"its host key has changed ({'; '.join([*offending, words])})"
            return Rejection(self._host, cause, advice)
        if "Host key verification failed" in text:
            return self._question(f"its host key is not known ({words})", f"connect once by hand: {by_hand}")
        if "Permission denied" in text:
            if locked:
                return self.locked(locked)
            if _AGENT_REFUSED in text:
                cause = f"the agent refused to sign ({self.last(_AGENT_REFUSED)})"
                return self._question(cause, "confirm the key there when it asks")
            return self._question(f"ssh would have to ask ({words})", _login_advice(text))
        if self.closed_before_login():
            return Rejection(self._host, f"ssh failed twice before the login ({words})", _CLOSED_ADVICE)
        return Rejection(self._host, f"ssh failed ({words})", f"try it by hand: {by_hand}")

    def locked(self, path: str) -> Rejection:
        """The rejection of a host whose key needs its passphrase."""
        cause = f"ssh would have to ask for the passphrase of {path[:_MAX_WORDS]}"
        return self._question(cause, "load the key with ssh-add, or build at a terminal")

    def cut_off(self) -> Rejection:
        """The rejection of a host whose connection ended before it had its forwards."""
        words = _last_line(self._own())
        cause = "ssh logged in, and was cut off"
        return Rejection(
            self._host, f"{cause} ({words})" if words else cause, f"try it by hand: {self._by_hand()}"
        )

    def _question(self, cause: str, advice: str) -> Rejection:
        """The rejection of a host at which ssh would have to ask a person."""
        return Rejection(self._host, cause, advice, Failure.QUESTION)

    def _by_hand(self) -> str:
        """The command by which a person logs in to the host."""
        return "ssh " + " ".join(word for word in target_arguments(self._host) if word != "--")

    def _text(self) -> str:
        """All messages, ssh's own at the end."""
        return f"{self._errors}\n{self._own()}"

    def _own(self) -> str:
        with open(self.log, "rb") as file:
            own = file.read(_LOG_BYTES)
            if len(own) == _LOG_BYTES:
                file.seek(max(_LOG_BYTES, os.fstat(file.fileno()).st_size - _LOG_BYTES))
                own += b"\n" + file.read(_LOG_BYTES)
        return own.decode("utf-8", "replace")


def _tells_of_an_end(line: str) -> bool:
    """Whether a line of ssh says that the connection ended before the login."""
    if line.startswith(_CLOSED_BY):
        return True
    return any(words in line for words in _EARLY) and any(words in line for words in _CLOSED)


def explained_by(messages: SshMessages, rejection: Rejection) -> Rejection:
    """The rejection of a host behind a tunnel, completed by what ssh has written about the forwards."""
    host = rejection.host
    words = messages.last("open failed")
    is_one_port_refused = messages.count(_PORT_REFUSED) == 1
    if is_one_port_refused and rejection.kind in (Failure.REFUSED, Failure.NO_REPLY):
        cause, advice = without_stats(host.job_port, host.stats_port)
        return Rejection(host, f"behind ssh, {cause}", advice)
    cause = f"{rejection.cause} (ssh: {words})" if words else rejection.cause
    return Rejection(
        host, f"behind ssh, {cause}", _FORBIDDEN_ADVICE if _FORBIDDEN in words else _TUNNEL_ADVICE
    )


def _login_advice(text: str) -> str:
    """What to do about a refused login, according to the methods that the server still offers.

    ssh writes them behind its complaint: `Permission denied (publickey,password).`
    """
    left = text.rpartition("Permission denied (")[2].partition(")")[0].split(",")
    if "publickey" in left:
        return "load your key into ssh-agent, or install one with ssh-copy-id"
    # The server takes no keys, or it has taken the key and wants a second factor.
    return "a key is not enough there: build at a terminal, or let it be enough (AuthenticationMethods)"


def _last_line(text: str, about: str = "") -> str:
    """The beginning of the last informative line that contains `about`; "" if there is no such line."""
    lines = [line.strip() for line in text.splitlines() if about in line and line.strip()]
    informative = [line for line in lines if not line.startswith(_DISCONNECTED)] or lines
    return informative[-1][:_MAX_WORDS] if informative else ""


def _drain(pipe: int) -> str:
    try:
        return os.read(pipe, _PIPE_BYTES).decode("utf-8", "replace")
    except BlockingIOError:
        return ""  # the pipe is empty

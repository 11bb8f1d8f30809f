"""What ssh writes about a connection, and what it means: to `Rejection`."""

from __future__ import annotations

import contextlib
import os

from ..core.facts import Failure, Rejection
from .sshcommand import target_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.hostspec import SshHost

_MAX_WORDS = 200
_PIPE_BYTES = 65536
_LOG_BYTES = 65536
_GOODBYE = "Received disconnect from "  # what follows is the server's text, lines and all
_FAREWELL = "Disconnected from "  # behind the line that says why
_CHANGED = "IDENTIFICATION HAS CHANGED"  # sshconnect.c of OpenSSH, check_host_key()
_REVOKED = "REVOKED HOST KEY DETECTED"


_EARLY = "_exchange_identification: "  # of kex or, in old versions, ssh: before there are keys
_CLOSED = ("closed by remote host", "reset by peer", "Broken pipe")
# What ends a proxy looks the same, and explains itself.
_EXPLAINED = (
    "Permission denied",
    "open failed",
    "ssh: ",
    "verification failed",
    _CHANGED,
    _REVOKED,
    _GOODBYE,
)

_REFUSED = "agent refused operation"
_CLOSED_ADVICE = (
    "its sshd, or that of a jump host, may refuse this machine for some minutes after failed logins "
    "(PerSourcePenalties), or too many log in at once (MaxStartups): wait, and load your key with ssh-add"
)


class Messages:
    """About one host: ssh's own, in the file `log`, and what its helpers and servers' banners say.

    A server has a say in them, and as much of it as it likes: the first and the last 64 KiB count. What
    it claims of itself costs it at most its place in the build.
    """

    def __init__(self, host: SshHost, log: str) -> None:
        self.log = log
        self._host = host
        self._errors = ""

    def forget(self) -> None:
        """Begin anew; ssh goes on at the end of its file, now empty."""
        open(self.log, "wb").close()
        self._errors = ""

    @contextlib.contextmanager
    def errors(self) -> Iterator[int]:
        """The standard error of an ssh that ends in this context: what a pipe holds, without the rest.

        A server's banner may have no end; and the ssh of a `ProxyJump`, which has it as long as the
        tunnel is there, must neither wait for a reader nor die because there is none.
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
        """The last line that says something, `about` in it; "" if none."""
        return _last_line(self._text(), about)

    def count(self, about: str) -> int:
        """How many lines have `about` in them."""
        return sum(about in line for line in self._text().splitlines())

    def complaint(self) -> str:
        """The last line that is not ssh's own, "" if none; the ssh that asks for a forward has no file."""
        return _last_line(self._errors)

    def tell_of_another_key(self) -> bool:
        """Whether ssh, though it logged in, would forward nothing there for the host's key.

        That is what it does with `StrictHostKeyChecking no`; it does not know that we want a forward.
        """
        text = self._text()
        return _CHANGED in text or _REVOKED in text

    def closed_before_login(self) -> bool:
        """Whether a server closed the connection before anybody could log in, and did not say why."""
        text = self._text()
        if any(words in text for words in _EXPLAINED):
            return False
        return any(_EARLY in line and any(words in line for words in _CLOSED) for line in text.splitlines())

    def refusal(self, locked: str = "") -> Rejection:
        """Why ssh did not log in; `locked` is the file of a key that it could not use."""
        text = self._text().partition(_GOODBYE)[0]
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
            if _REFUSED in text:
                cause = f"the agent refused to sign ({self.last(_REFUSED)})"
                return self._question(cause, "confirm the key there when it asks")
            return self._question(f"ssh would have to ask ({words})", _login_advice(text))
        if self.closed_before_login():
            return Rejection(self._host, f"ssh failed twice before the login ({words})", _CLOSED_ADVICE)
        return Rejection(self._host, f"ssh failed ({words})", f"try it by hand: {by_hand}")

    def locked(self, path: str) -> Rejection:
        """That a passphrase is needed."""
        cause = f"ssh would have to ask for the passphrase of {path[:_MAX_WORDS]}"
        return self._question(cause, "load the key with ssh-add, or build at a terminal")

    def cut_off(self) -> Rejection:
        """That the connection did not live until it had forwards."""
        words = _last_line(self._own())
        cause = "ssh logged in, and was cut off"
        return Rejection(
            self._host, f"{cause} ({words})" if words else cause, f"try it by hand: {self._by_hand()}"
        )

    def _question(self, cause: str, advice: str) -> Rejection:
        """A rejection of a host whose ssh would have to ask a person."""
        return Rejection(self._host, cause, advice, Failure.QUESTION)

    def _by_hand(self) -> str:
        """The command that a person would type."""
        return "ssh " + " ".join(word for word in target_arguments(self._host) if word != "--")

    def _text(self) -> str:
        """All of it, ssh's own at the end."""
        return f"{self._errors}\n{self._own()}"

    def _own(self) -> str:
        with open(self.log, "rb") as file:
            own = file.read(_LOG_BYTES)
            if len(own) == _LOG_BYTES:
                file.seek(max(_LOG_BYTES, os.fstat(file.fileno()).st_size - _LOG_BYTES))
                own += b"\n" + file.read(_LOG_BYTES)
        return own.decode("utf-8", "replace")


def _login_advice(text: str) -> str:
    """What to do where a login was refused, by what the server would still take: `(publickey,password)`."""
    left = text.rpartition("Permission denied (")[2].partition(")")[0].split(",")
    if "publickey" in left:
        return "load your key into ssh-agent, or install one with ssh-copy-id"
    # It takes no key, or it has taken one: then it does not name that way any more.
    return "a key is not enough there: build at a terminal, or let it be enough (AuthenticationMethods)"


def _last_line(text: str, about: str = "") -> str:
    """The beginning of the last line that says something, `about` in it; "" if there is none."""
    lines = [line.strip() for line in text.splitlines() if about in line and line.strip()]
    telling = [line for line in lines if not line.startswith(_FAREWELL)] or lines
    return telling[-1][:_MAX_WORDS] if telling else ""


def _drain(pipe: int) -> str:
    try:
        return os.read(pipe, _PIPE_BYTES).decode("utf-8", "replace")
    except BlockingIOError:
        return ""  # it is empty

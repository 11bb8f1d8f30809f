"""What a rejection says after the messages of ssh, in files as ssh writes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from distcc_driver.core.facts import Failure, Rejection
from distcc_driver.core.hostspec import SshHost, parse_host
from distcc_driver.ssh.sshmessages import SshMessages, explained_by

if TYPE_CHECKING:
    from pathlib import Path

HOST = parse_host("ssh://worker")
CHANGED = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @"


@pytest.fixture
def messages(tmp_path: Path) -> SshMessages:
    assert isinstance(HOST, SshHost)
    messages = SshMessages(HOST, str(tmp_path / "0.log"))
    messages.forget()
    return messages


def written(messages: SshMessages, text: str) -> SshMessages:
    with open(messages.log, "a", encoding="utf-8") as file:
        file.write(text)
    return messages


def fill(pipe: int) -> None:
    while True:
        os.write(pipe, b"x" * 4096)


def test_beginning_and_end_of_a_huge_file_are_read(messages: SshMessages) -> None:
    written(messages, f"{CHANGED}\n" + "channel 3: open failed: no\n" * 1_000_000 + "the end\n")
    assert messages.last() == "the end"
    assert messages.show_wrong_host_key()
    assert messages.last("open failed") == "channel 3: open failed: no"


def test_long_lines_are_cut_in_a_rejection(messages: SshMessages) -> None:
    written(messages, f"{CHANGED}\n" + f"Offending key {'x' * 1000}\n" * 1000 + "y" * 100_000)
    assert len(messages.last()) == 200
    assert len(messages.refusal().cause) < 500


@pytest.mark.parametrize(
    ("text", "cause", "would_ask"),
    [
        ("me@worker: Permission denied (publickey).", "ssh would have to ask", True),
        ("Host key verification failed.", "its host key is not known", True),
        (CHANGED, "its host key has changed", False),
        ("WARNING: REVOKED HOST KEY DETECTED!", "its host key is revoked", False),
        ("Connection refused", "ssh failed (Connection refused)", False),
        ("", "ssh failed (ssh failed without a word)", False),
    ],
)
def test_cause_comes_from_ssh_and_not_from_the_servers_last_words(
    messages: SshMessages, text: str, cause: str, would_ask: bool
) -> None:
    refusal = written(messages, text).refusal()
    assert refusal.cause.startswith(cause)
    assert (refusal.kind == Failure.QUESTION) is would_ask
    messages.forget()
    written(
        messages, f"Received disconnect from 127.0.0.1 port 22:2: bye\n{text}\nDisconnected from 127.0.0.1"
    )
    assert messages.refusal().cause.startswith("ssh failed (")


def test_standard_error_that_is_full_does_not_block(messages: SshMessages) -> None:
    with messages.errors() as errors:
        os.write(errors, b"proxy: no way\n")
        with pytest.raises(BlockingIOError):
            fill(errors)
    assert messages.complaint().startswith("x")
    messages.forget()
    with messages.errors() as errors:
        os.write(errors, b"proxy: no way\n")
    assert messages.complaint() == "proxy: no way"
    assert messages.cut_off().cause == "ssh logged in, and was cut off"


def test_error_while_ssh_runs_is_raised(messages: SshMessages) -> None:
    with pytest.raises(BlockingIOError), messages.errors():
        raise BlockingIOError("fork: try again")


@pytest.mark.parametrize(
    ("methods", "advice"),
    [
        ("publickey", "ssh-copy-id"),
        ("publickey,password", "ssh-copy-id"),
        ("keyboard-interactive", "AuthenticationMethods"),
        ("password,keyboard-interactive", "AuthenticationMethods"),
        ("hostbased", "AuthenticationMethods"),
    ],
)
def test_advice_fits_the_methods_that_the_server_still_offers(
    messages: SshMessages, methods: str, advice: str
) -> None:
    """A server that has accepted the key, and wants a second factor, no longer offers `publickey`."""
    refusal = written(messages, f"me@worker: Permission denied ({methods}).").refusal()
    assert refusal.kind == Failure.QUESTION
    assert advice in refusal.advice
    assert ("ssh-copy-id" in refusal.advice) is (advice == "ssh-copy-id")


CLOSED = "kex_exchange_identification: Connection closed by remote host\nConnection closed by "


@pytest.mark.parametrize(
    ("errors", "text", "expected"),
    [
        ("", f"{CLOSED}127.0.0.1 port 22", True),
        ("", "kex_exchange_identification: read: Connection reset by peer", True),
        ("", "ssh_exchange_identification: write: Broken pipe", True),
        ("", f"{CLOSED}UNKNOWN port 65535", True),
        (f"{CLOSED}127.0.0.1 port 22", f"{CLOSED}UNKNOWN port 65535", True),
        ("me@jump: Permission denied (publickey).", f"{CLOSED}UNKNOWN port 65535", False),
        ("channel 0: open failed: connect failed: no", f"{CLOSED}UNKNOWN port 65535", False),
        ("ssh: Could not resolve hostname jump: no", f"{CLOSED}UNKNOWN port 65535", False),
        ("Host key verification failed.", f"{CLOSED}UNKNOWN port 65535", False),
        ("", "me@worker: Permission denied (publickey).", False),
        ("", "Connection closed by 127.0.0.1 port 22", True),
        ("", "Connection reset by 127.0.0.1 port 22", True),
        ("", "banner exchange: Connection to UNKNOWN port 65535: Broken pipe", True),
        ("", "Connection to worker closed by remote host.", False),
        ("", "ssh: connect to host worker port 22: Connection refused", False),
        ("", "kex_exchange_identification: banner line too long", False),
    ],
)
def test_connection_that_was_closed_before_the_login(
    messages: SshMessages, errors: str, text: str, expected: bool
) -> None:
    with messages.errors() as pipe:
        os.write(pipe, errors.encode())
    assert written(messages, text).closed_before_login() is expected


REFUSED = "channel 2: open failed: connect failed: Connection refused\n"
FORBIDDEN = "channel 2: open failed: administratively prohibited: open failed\n"


@pytest.mark.parametrize(
    ("kind", "text", "cause", "advice"),
    [
        (Failure.NO_REPLY, REFUSED, "job port 3632 answers and stats port 3633 refuses", "docs/workers.md"),
        (Failure.OTHER, REFUSED, "closed (ssh: channel 2: open failed: connect failed", "--stats"),
        (Failure.NO_REPLY, REFUSED * 2, "closed (ssh: channel 2: open failed: connect failed", "--stats"),
        (Failure.NO_REPLY, FORBIDDEN, "closed (ssh: channel 2: open failed: admin", "AllowTcpForwarding"),
        (Failure.NO_REPLY, "", "closed", "--stats"),
    ],
)
def test_rejection_of_a_host_behind_a_tunnel_says_what_ssh_wrote_about_its_forwards(
    messages: SshMessages, kind: str, text: str, cause: str, advice: str
) -> None:
    assert isinstance(HOST, SshHost)
    rejection = explained_by(written(messages, text), Rejection(HOST, "closed", "check", kind))
    assert rejection.cause.startswith(f"behind ssh, {cause}")
    assert advice in rejection.advice

"""Whether ssh must ask for a passphrase: files that ssh-keygen has written, and a real agent."""

from __future__ import annotations

import binascii
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from distcc_driver.ssh.lockedkeys import agent_keys, locked_key, read_identity
from distcc_driver.ssh.sshconfig import parse_config
from tests.support.agent import Agent
from tests.support.sshd import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeKey = Callable[..., Key]


@pytest.fixture
def make_key(tmp_path: Path) -> MakeKey:
    def make(name: str, passphrase: str, form: str = "") -> Key:
        key = Key(tmp_path, name, passphrase, "rsa" if form else "ed25519")
        if form:
            words = ["ssh-keygen", "-q", "-p", "-m", form, "-P", passphrase, "-N", passphrase]
            subprocess.run([*words, "-f", str(key.private)], check=True, capture_output=True)
        return key

    return make


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent")
    yield agent
    agent.stop()


def public(key: Key) -> bytes:
    return binascii.a2b_base64(key.text.split()[1])


@pytest.mark.parametrize("form", ["", "RFC4716", "PEM", "PKCS8"])
@pytest.mark.parametrize("passphrase", ["", "open sesame"], ids=["free", "locked"])
def test_private_key_with_a_passphrase_is_locked(form: str, passphrase: str, make_key: MakeKey) -> None:
    key = make_key("key", passphrase, form)
    identity = read_identity(str(key.private))
    assert (identity.is_private, identity.is_locked) == (True, bool(passphrase))
    if passphrase:
        assert identity.public == public(key)


def test_public_key_and_missing_file_are_no_private_keys(make_key: MakeKey, tmp_path: Path) -> None:
    key = make_key("key", "")
    assert read_identity(str(key.public)) == (False, False, public(key))
    assert read_identity(str(tmp_path / "missing")) == (False, False, b"")


def config(*identities: object, **options: str) -> str:
    lines = [f"identityfile {identity}" for identity in identities]
    usual = {"pubkeyauthentication": "true", "identitiesonly": "yes"}
    return "\n".join([*lines, *(f"{key} {value}" for key, value in {**usual, **options}.items())])


def found(*identities: object, environ: dict[str, str] | None = None, **options: str) -> str:
    return locked_key(parse_config(config(*identities, **options)), environ or {})


def test_question_is_sure_only_if_there_is_no_other_way_to_log_in(make_key: MakeKey, tmp_path: Path) -> None:
    locked, free = make_key("locked", "open sesame").private, make_key("free", "").private
    assert found(locked) == str(locked)
    assert found(tmp_path / "missing", locked) == str(locked)
    assert found(locked, free) == ""
    assert found() == ""
    assert found(tmp_path / "missing") == ""
    assert found(f"{tmp_path}/%h", locked) == ""
    assert found(f"{tmp_path}/${{X}}", locked) == ""
    assert found(locked, pubkeyauthentication="no") == ""
    assert found(locked, hostbasedauthentication="yes") == ""
    assert found(locked, pkcs11provider="/usr/lib/token.so") == ""
    assert found(locked, gssapiauthentication="yes", environ={"KRB5CCNAME": "x"}) == ""
    assert locked_key(parse_config(""), {}) == ""


def test_broken_file_or_fifo_makes_the_question_unsure(make_key: MakeKey, tmp_path: Path) -> None:
    locked = make_key("locked", "open sesame").private
    broken = tmp_path / "broken"
    for text in (
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n\x00\n-----END",
    ):
        broken.write_text(text)
        assert found(broken, locked) == ""
    cut = locked.read_text().splitlines()[:2]
    broken.write_text("\n".join(cut))
    assert found(broken) in ("", str(broken))
    os.mkfifo(tmp_path / "fifo")
    assert found(tmp_path / "fifo", locked) == ""


def test_key_in_the_agent_needs_no_question(agent: Agent, make_key: MakeKey, tmp_path: Path) -> None:
    locked, other = make_key("locked", "open sesame"), make_key("other", "")
    path, environ = str(agent.socket), {"SSH_AUTH_SOCK": str(agent.socket)}
    assert agent_keys(path) == set()
    assert found(locked.private, environ=environ) == str(locked.private)
    agent.add(other)
    assert found(locked.private, environ=environ) == str(locked.private)
    assert found(locked.private, environ=environ, identitiesonly="no") == ""
    assert found(locked.private, environ=environ, identitiesonly="no", identityagent="none") != ""
    agent.add(locked, "open sesame")
    assert agent_keys(path) == {public(other), public(locked)}
    assert found(locked.private, environ=environ) == ""
    assert found(locked.private, environ={"X": path}, identityagent="$X") == ""
    assert found(locked.private, identityagent=path) == ""
    assert found(locked.private, identityagent=str(tmp_path / "missing")) == str(locked.private)
    assert found(locked.private, environ=environ, identityagent="none") == str(locked.private)

"""Whether a login needs the passphrase of a private key: reads key files, asks the agent.

The answer is yes only if it is certain. It is no if there may be any way to log in without a question.
"""

from __future__ import annotations

import _socket
import binascii
import contextlib
import os
import pwd
import stat

from ..core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .sshconfig import SshConfig

_MAX_BYTES = 65536
_AGENT_S = 1.0
_REQUEST_IDENTITIES = b"\0\0\0\1\x0b"  # draft-ietf-sshm-ssh-agent, section 3.5
_IDENTITIES = 12
_MAGIC = b"openssh-key-v1\0"  # PROTOCOL.key of OpenSSH
_NEW = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_OLD_LOCKED = (b"\nProc-Type: 4,ENCRYPTED", b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
_KERBEROS = "/etc/krb5.conf"


class Identity(Record):
    """What a file holds: is it a private key, and has it a passphrase? `public` is the key's public half.

    `public` is b"" if the file does not tell.
    """

    is_private: bool
    is_locked: bool
    public: bytes


class _UnknownError(Exception):
    """There may be a way to log in without a question."""


def locked_key(config: SshConfig, environ: Mapping[str, str]) -> str:
    """The file of a private key whose passphrase ssh will ask for; "" if ssh may not have to ask."""
    try:
        return _locked_key(config, environ)
    except (_UnknownError, OSError, ValueError, IndexError):
        return ""


def _locked_key(config: SshConfig, environ: Mapping[str, str]) -> str:
    if _has_other_ways(config, environ):
        return ""
    found = [(name, read_identity(_path(name))) for name in config.options.get("identityfile", [])]
    if any(one.is_private and not one.is_locked for _, one in found):
        return ""
    locked = [name for name, one in found if one.is_locked]
    if not locked:
        return ""
    loaded = agent_keys(_agent(config, environ))
    if loaded and config.value("identitiesonly") != "yes":
        return ""
    return "" if any(one.public in loaded for _, one in found) else locked[0]


def _has_other_ways(config: SshConfig, environ: Mapping[str, str]) -> bool:
    """Whether ssh may log in without a key file or an agent, or uses no keys at all."""
    has_kerberos = os.path.exists(_KERBEROS) or "KRB5CCNAME" in environ or "KRB5_CONFIG" in environ
    return (
        config.value("pubkeyauthentication") in ("", "no", "false")
        or config.value("pkcs11provider") != ""
        or config.value("hostbasedauthentication") == "yes"
        or (config.value("gssapiauthentication") == "yes" and has_kerberos)
    )


def _path(name: str) -> str:
    """Expand `~/` as ssh does. Raises `_UnknownError` for tokens and variables (ssh_config(5))."""
    if "%" in name or "${" in name:
        raise _UnknownError
    home = pwd.getpwuid(os.getuid()).pw_dir  # ssh does not look at HOME
    return os.path.join(home, name[2:]) if name.startswith("~/") else name


def _agent(config: SshConfig, environ: Mapping[str, str]) -> str:
    """The socket of the agent that ssh will ask; "" if it asks no agent."""
    words = config.options.get("identityagent", ["SSH_AUTH_SOCK"])[0]
    if words == "none":
        return ""
    if words == "SSH_AUTH_SOCK" or words.startswith("$"):
        return environ.get(words.lstrip("$"), "")
    return _path(words)


def read_identity(path: str) -> Identity:
    """Read an identity file; a missing file is no private key. Raises `ValueError` if the file is broken."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _UnknownError  # reading a pipe or a device may never end
        with open(path, "rb") as file:
            text = file.read(_MAX_BYTES)
    except OSError:
        return Identity(False, False, b"")
    if text.startswith(_NEW):
        return _new_identity(text)
    if b"PRIVATE KEY-----" not in text:
        return Identity(False, False, _public(text))
    if not any(mark in text for mark in _OLD_LOCKED):
        return Identity(True, False, b"")
    return Identity(True, True, read_identity(f"{path}.pub").public)


def _new_identity(text: bytes) -> Identity:
    data = binascii.a2b_base64(text.split(b"-----")[2])
    if not data.startswith(_MAGIC):
        raise ValueError
    cipher, rest = _string(data[len(_MAGIC) :])
    _, rest = _string(rest)  # the key derivation
    _, rest = _string(rest)  # its options
    public, _ = _string(rest[4:])  # 4 bytes are the number of keys
    return Identity(True, cipher != b"none", public)


def _public(text: bytes) -> bytes:
    words = text.split()
    return binascii.a2b_base64(words[1]) if len(words) > 1 else b""


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Split off a string that has its length in front (RFC 4251). Raises `ValueError` if it is cut off."""
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < end:
        raise ValueError
    return data[4:end], data[end:]


def agent_keys(path: str) -> set[bytes]:
    """The public keys that an agent holds; empty without an agent. Raises `OSError` if it does not answer."""
    if not path:
        return set()
    with contextlib.closing(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)) as agent:
        agent.settimeout(_AGENT_S)
        try:
            agent.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return set()
        agent.send(_REQUEST_IDENTITIES)
        size = int.from_bytes(_received(agent, 4), "big")
        answer = _received(agent, min(size, _MAX_BYTES * 16))
    if answer[0] != _IDENTITIES:
        return set()
    keys, rest = set[bytes](), answer[5:]
    while rest:
        key, rest = _string(rest)
        _, rest = _string(rest)  # the comment
        keys.add(key)
    return keys


def _received(agent: _socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = agent.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data

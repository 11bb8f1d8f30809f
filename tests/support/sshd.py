"""A real sshd on loopback, and the ssh of a user who logs in there with keys."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .ports import LOOPBACK, free_ports
from .processes import descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER = pwd.getpwuid(os.geteuid()).pw_name
SSH = shutil.which("ssh") or "/usr/bin/ssh"
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "/usr/sbin/sshd"
_SEPARATION = Path("/run/sshd")
_DEADLINE_S = 30.0
_ATTEMPTS = 20


class Key:
    """A key pair; `private` and `public` are its files."""

    def __init__(self, directory: Path, name: str, passphrase: str = "", kind: str = "ed25519") -> None:
        self.private = directory / name
        self.public = directory / f"{name}.pub"
        words = ["ssh-keygen", "-q", "-t", kind, "-C", name, "-N", passphrase, "-f", str(self.private)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=_DEADLINE_S)

    @property
    def text(self) -> str:
        """The type and the key, without the comment behind them."""
        return " ".join(self.public.read_text().split()[:2])


class Server(Protocol):
    """An SSH server on loopback."""

    host_key: Key
    port: int


class Sshd:
    """An sshd for one user and some keys. It listens when the constructor returns.

    `options` are lines of sshd_config(5) that win over the ones here. `log()` shows what clients
    have asked for.
    """

    def __init__(self, host_key: Key, authorized: Sequence[Key], options: Sequence[str] = ()) -> None:
        self.host_key = host_key
        self._authorized = authorized
        self._options = options
        self.directory = Path(tempfile.mkdtemp(prefix="sshd-"))
        self.log_file = self.directory / "log"
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def cut_connections(self) -> None:
        """End every login. The server still accepts new ones."""
        _kill(descendants(self.pid))

    def kill(self) -> None:
        """Kill the server and every login: the port refuses connections from now on."""
        logins = descendants(self.pid)
        self._process.kill()
        self._process.wait(_DEADLINE_S)
        _kill(logins)

    def stop(self) -> None:
        """End the server and its logins."""
        logins = descendants(self.pid) if self._process.poll() is None else []
        self._process.terminate()
        self._process.wait(_DEADLINE_S)
        _kill(logins)
        shutil.rmtree(self.directory)

    def _start(self) -> None:
        for _ in range(_ATTEMPTS):
            (self.port,) = free_ports(1)
            config = write_sshd_config(
                self.directory,
                self.host_key,
                self._authorized,
                [*self._options, f"ListenAddress {LOOPBACK}:{self.port}"],
            )
            with self.log_file.open("wb") as log:
                self._process = subprocess.Popen(
                    [SSHD, "-D", "-e", "-f", str(config)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={"PATH": os.defpath},
                    cwd=self.directory,
                    start_new_session=True,
                )
            is_listening = False
            try:
                is_listening = self._is_listening()
            finally:  # Ctrl-C may interrupt the wait
                if not is_listening:
                    self._process.kill()
                    self._process.wait()
            if is_listening:
                return
        raise RuntimeError(f"sshd does not start: {self.log()}")

    def _is_listening(self) -> bool:
        """True if sshd listens. False if it has ended, as when another program took its port."""
        deadline = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline:
            if f"Server listening on {LOOPBACK}" in self.log():
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.01)
                return False
        return False


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def write_sshd_config(
    directory: Path, host_key: Key, authorized: Sequence[Key], options: Sequence[str]
) -> Path:
    """Write a configuration that depends on nothing of this machine.

    sshd takes the first value of an option.
    """
    if os.geteuid() == 0:
        _SEPARATION.mkdir(mode=0o755, exist_ok=True)  # the system's start script makes it, too
    keys = directory / "authorized_keys"
    keys.write_text("".join(f"{key.text}\n" for key in authorized))
    config = directory / "sshd_config"
    lines = [
        *options,
        *_without_penalties(),
        f"HostKey {host_key.private}",
        f"AuthorizedKeysFile {keys}",
        f"PidFile {directory / 'pid'}",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "AllowTcpForwarding yes",
        "AllowAgentForwarding yes",
        "X11Forwarding yes",
        "PermitTTY yes",
        "LogLevel DEBUG1",
    ]
    if not any(option.startswith("MaxStartups") for option in options):  # of two, sshd takes the last
        lines.append("MaxStartups 100")
    config.write_text("".join(f"{line}\n" for line in lines))
    return config


@functools.cache
def _without_penalties() -> Sequence[str]:
    """An option for OpenSSH 9.8 and later, which refuse an address for a while after failed logins there.

    All logins of the tests come from one address.
    """
    option = "PerSourcePenalties no"
    command = [SSHD, "-t", "-f", os.devnull, "-o", option]
    tried = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)
    return [] if "Bad configuration option" in tried.stderr else [option]


class SshUser:
    """A user of ssh, with a configuration, known hosts, and `ssh` on PATH.

    ssh ignores HOME and looks for its files in the home that the account database says. So the `ssh`
    on PATH is a script that names the configuration by `-F`. If there are two `-F`, ssh takes the last.
    """

    def __init__(self, directory: Path, key: Key) -> None:
        directory.mkdir()
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.wrapper = self.bin / "ssh"
        self.known_hosts = directory / "known_hosts"
        self.known_hosts.touch()
        self._config = directory / "config"
        self._blocks: list[str] = []
        self._defaults = {
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "none",
            "IdentityFile": str(key.private),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
        }
        self.write_wrapper()
        self._write()

    def write_wrapper(self, before: str = "") -> None:
        """Write the script `ssh`, which runs some shell commands first, then the real ssh."""
        self.wrapper.write_text(f'#!/bin/sh\n{before}\nexec {SSH} -F {self._config} "$@"\n')
        self.wrapper.chmod(0o755)

    def default(self, **options: str) -> None:
        """Set options for all hosts that do not set them."""
        self._defaults.update(options)
        self._write()

    def host(self, alias: str, sshd: Server | None = None, **options: str | Sequence[str]) -> str:
        """Add a `Host` block; return the alias. ssh takes the first value of an option."""
        target: dict[str, str | Sequence[str]] = {}
        if sshd is not None:
            target = {"HostName": LOOPBACK, "Port": str(sshd.port)}
        self._blocks.append(f"Host {alias}\n{_option_lines({**target, **options})}")
        self._write()
        return alias

    def match(self, criteria: str) -> None:
        """Add a `Match` block without options. ssh runs its command to find out whether the block matches."""
        self._blocks.append(f"Match {criteria}\n")
        self._write()

    def trust(self, sshd: Server, key: Key | None = None) -> None:
        """Write the host key of an sshd, or another `key` in its place, into the known hosts."""
        with self.known_hosts.open("a") as file:
            file.write(f"[{LOOPBACK}]:{sshd.port} {(key or sshd.host_key).text}\n")

    def worker(self, alias: str, sshd: Server, **options: str | Sequence[str]) -> str:
        """Add a host block for an sshd, and its host key to the known hosts; return the alias."""
        self.trust(sshd)
        return self.host(alias, sshd, **options)

    def run(self, *arguments: str) -> int:
        """Run ssh as the user would by hand, outside of any build; return its status."""
        finished = subprocess.run(
            [str(self.wrapper), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_DEADLINE_S,
        )
        return finished.returncode

    def _write(self) -> None:
        text = "\n".join([*self._blocks, f"Host *\n{_option_lines(self._defaults)}"])
        self._config.write_text(text, errors="surrogateescape")


def _option_lines(options: Mapping[str, str | Sequence[str]]) -> str:
    lines = []
    for name, value in options.items():
        lines += [f"    {name} {text}\n" for text in ([value] if isinstance(value, str) else value)]
    return "".join(lines)

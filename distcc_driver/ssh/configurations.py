"""The ssh configuration of each SSH host and of the jump hosts on the way to it: `ssh -G`, once each."""

from __future__ import annotations

import contextlib
import os
import threading

from ..core.record import Record
from .lockedkeys import locked_key
from .sshcommand import configuration_arguments, hop_arguments, target_arguments
from .sshconfig import SshConfig, parse_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.hostspec import SshHost
    from .sshprocess import SshProcesses

_PATIENCE_S = 5.0  # `ssh -G` may run commands (ssh_config(5), Match exec)
_MAX_HOPS = 8  # the jump hosts of a configuration may form a circle


class LockedKey(Record):
    """A private key whose passphrase ssh would ask for: at the host itself, or at a jump host."""

    path: str
    is_of_jump_host: bool


class Configurations:
    """Runs `ssh -G` for the hosts of one build, and keeps the answers."""

    def __init__(self, processes: SshProcesses) -> None:
        self._processes = processes
        self._hosts: dict[SshHost, SshConfig] = {}
        self._hops: dict[str, SshConfig] = {}
        self._asking = threading.Lock()

    def known(self, host: SshHost) -> SshConfig:
        """The configuration of a host as far as it is known by now; empty if ssh has not answered."""
        return self._hosts.get(host, SshConfig({}))

    def ask(self, host: SshHost, control: str) -> SshConfig:
        """The user's configuration of a host; empty if ssh does not answer in 5 s."""
        if host not in self._hosts:
            self._hosts[host] = self._answer(host, control, target_arguments(host))
        return self._hosts[host]

    def locked_key(self, host: SshHost, control: str) -> LockedKey | None:
        """The first key on the way to a host whose passphrase ssh must ask for; None without such a key."""
        for config in self._on_the_way(host, control):
            if path := locked_key(config, os.environ):
                return LockedKey(path, True)
        path = locked_key(self.ask(host, control), os.environ)
        return LockedKey(path, False) if path else None

    def _on_the_way(self, host: SshHost, control: str) -> list[SshConfig]:
        """The configurations of the jump hosts, in the order in which ssh connects to them."""
        found: list[SshConfig] = []
        waiting = self.ask(host, control).hops
        with self._asking if waiting else contextlib.nullcontext():
            while waiting and len(found) < _MAX_HOPS:
                hop, *waiting = waiting
                if hop not in self._hops:
                    self._hops[hop] = self._answer(host, control, hop_arguments(hop))
                found.append(self._hops[hop])
                waiting = self._hops[hop].hops + waiting
        return found

    def _answer(self, host: SshHost, control: str, target: list[str]) -> SshConfig:
        words = configuration_arguments(control, target)
        output = self._processes.query(host, words, _PATIENCE_S)
        return parse_config(output.decode("utf-8", "replace"))

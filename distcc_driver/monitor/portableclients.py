"""Clients of distcc where there is no /proc, as on macOS: the one build that the environment tells of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..machine.processtable import command_lines
from .clientprocesses import BuildProcess, Client, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

_NOTE = (
    "this system has no /proc: the monitor shows the hosts of its own DISTCC_HOSTS and DISTCC_DIR, all "
    "builds as one, and links as compilations"
)


class PortableClients:
    """What ps(1) tells of the processes of this user."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        directory = os.getcwd()
        self._build = BuildProcess(0, 0, directory, (), environ, key_of(directory, environ))
        self._pids: set[int] = set()
        self.notes: tuple[str, ...] = (_NOTE,)

    def scan(self, holding: Set[int]) -> None:
        """Ask ps once."""
        del holding
        self._pids = {pid for pid, words in command_lines() if os.path.basename(words[0]) == "distcc"}

    @property
    def builds(self) -> set[BuildProcess]:
        """The one build, if it has a client."""
        return {self._build} if self._pids else set()

    def clients(self) -> dict[int, BuildProcess]:
        """The clients of the last scan."""
        return dict.fromkeys(self._pids, self._build)

    def client(self, pid: int) -> Client:
        """A client that holds a slot."""
        del pid
        return Client(self._build, None)

    def is_running(self, build: BuildProcess) -> bool:
        """Whether it has a client."""
        del build
        return bool(self._pids)

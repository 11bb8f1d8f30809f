"""Finds the processes, session directories and files of builds with tunnels, and whether they are gone."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import arguments_of, has_in_environment, is_alive, listening_ports, pids, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK_HEX = "0100007F"


def tunnel_ports(distcc_hosts: str) -> list[int]:
    """The local ports of the tunnels to job ports, from a DISTCC_HOSTS that has only tunnels."""
    return [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)/", distcc_hosts)]


class Traces:
    """Finds all that the driver started with a test's environment, even if its parent has ended."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mark = os.fsencode(f"HOME={environ['HOME']}")

    def processes(self) -> dict[int, list[str]]:
        """The argument list of every ssh and every Python program of the driver, by pid."""
        found = {}
        for pid in pids():
            arguments = arguments_of(pid)
            is_ours = any(word.endswith(("distcc_driver", "distcc_driver/__main__.py")) for word in arguments)
            is_ssh = "ssh" in map(os.path.basename, arguments[:2])
            if (is_ours or is_ssh) and is_alive(pid) and has_in_environment(pid, self._mark):
                found[pid] = arguments
        return found

    def masters(self) -> list[int]:
        """Pids of the ssh masters, in the order of the host list."""
        found = self.processes()
        controls = {pid: words[words.index("-S") + 1] for pid, words in found.items() if "-N" in words}
        return sorted(controls, key=controls.__getitem__)

    def guard(self) -> int:
        (pid,) = self.guards()
        return pid

    def guards(self) -> list[int]:
        return [pid for pid, words in self.processes().items() if "guard" in words]

    def owner(self) -> int:
        """The pid of the build's sub-shell, taken from the arguments of the guard."""
        words = self.processes()[self.guard()]
        return int(words[words.index("guard") + 2])

    def plans(self) -> list[int]:
        return [pid for pid, words in self.processes().items() if "plan" in words]

    def shells(self) -> list[int]:
        """Pids of the shells, and of sub-shells that outlived them."""
        shells = ("bash", "zsh")
        return [
            pid
            for pid in pids()
            if os.path.basename("".join(arguments_of(pid)[:1])) in shells
            and is_alive(pid)
            and has_in_environment(pid, self._mark)
        ]

    def sessions(self) -> list[Path]:
        """The session directories, in XDG_RUNTIME_DIR and TMPDIR."""
        bases = [Path(self._environ[name]) for name in ("XDG_RUNTIME_DIR", "TMPDIR") if name in self._environ]
        return [path for base in bases for path in sorted(base.glob("distcc-driver.*"))]

    def slot_files(self) -> list[str]:
        """Files in distcc's state directory that are named after a loopback port."""
        lock = Path(self._environ["DISTCC_DIR"]) / "lock"
        return [path.name for path in sorted(lock.glob("*_127.0.0.1_*"))]

    def all(self) -> list[str]:
        """All processes, session directories and slot files, as lines for people to read."""
        running = [f"{pid}: {' '.join(words)}" for pid, words in self.processes().items()]
        return [*running, *map(str, self.sessions()), *self.slot_files()]

    def assert_none(self, distcc_hosts: str = "") -> None:
        """Nothing is left, and no program listens at the ports of the tunnels in DISTCC_HOSTS."""
        left = self.all()
        assert not left, "\n".join(left)
        assert set(tunnel_ports(distcc_hosts)) & set(listening_ports()) == set()

    def wait_for_none(self, distcc_hosts: str = "") -> None:
        """Wait until nothing is left.

        For builds whose end the test cannot see, as when the shell was killed.
        """
        wait_until(lambda: not self.all(), "everything of the build is gone")
        self.assert_none(distcc_hosts)

    def wait_for_closed_tunnels(self) -> None:
        """Wait until no ssh and no session directory is left.

        A guard may stay, if its build has lost its shell.
        """
        wait_until(lambda: not self.masters() and not self.sessions(), "the tunnels are closed")

    def wait_for_shells(self) -> None:
        """Wait until no sub-shell is left that could still start a process."""
        wait_until(lambda: not self.shells(), "every shell has ended")

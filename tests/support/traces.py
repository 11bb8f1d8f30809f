"""What builds with tunnels have running and lying about, and what of it is left when they end."""

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
    """The local ends of the job ports in a DISTCC_HOSTS that has only tunnels."""
    return [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)/", distcc_hosts)]


class Traces:
    """Finds everything of ours that was started with a test's environment, whoever is its parent now."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mark = os.fsencode(f"HOME={environ['HOME']}")

    def processes(self) -> dict[int, list[str]]:
        """Argument lists of every ssh, and every Python program of ours, by pid."""
        found = {}
        for pid in pids():
            arguments = arguments_of(pid)
            is_ours = any(word.endswith(("distcc_driver", "distcc_driver/__main__.py")) for word in arguments)
            is_ssh = "ssh" in map(os.path.basename, arguments[:2])
            if (is_ours or is_ssh) and is_alive(pid) and has_in_environment(pid, self._mark):
                found[pid] = arguments
        return found

    def masters(self) -> list[int]:
        """Pids of the ssh connections, in the order of the host list."""
        found = self.processes()
        controls = {pid: words[words.index("-S") + 1] for pid, words in found.items() if "-N" in words}
        return sorted(controls, key=controls.__getitem__)

    def guard(self) -> int:
        (pid,) = self.guards()
        return pid

    def guards(self) -> list[int]:
        return [pid for pid, words in self.processes().items() if "guard" in words]

    def owner(self) -> int:
        """The pid of the sub-shell that a build runs in, as the guard has it."""
        words = self.processes()[self.guard()]
        return int(words[words.index("guard") + 2])

    def plans(self) -> list[int]:
        return [pid for pid, words in self.processes().items() if "plan" in words]

    def shells(self) -> list[int]:
        """Pids of the shells, and of sub-shells that they have left."""
        shells = ("bash", "zsh")
        return [
            pid
            for pid in pids()
            if os.path.basename("".join(arguments_of(pid)[:1])) in shells
            and is_alive(pid)
            and has_in_environment(pid, self._mark)
        ]

    def sessions(self) -> list[Path]:
        """The session directories, in all places that the environment names."""
        bases = [Path(self._environ[name]) for name in ("XDG_RUNTIME_DIR", "TMPDIR") if name in self._environ]
        return [path for base in bases for path in sorted(base.glob("distcc-driver.*"))]

    def slot_files(self) -> list[str]:
        """Files in distcc's state directory that are named after a loopback port."""
        lock = Path(self._environ["DISTCC_DIR"]) / "lock"
        return [path.name for path in sorted(lock.glob("*_127.0.0.1_*"))]

    def all(self) -> list[str]:
        """Everything at once, for people to read."""
        running = [f"{pid}: {' '.join(words)}" for pid, words in self.processes().items()]
        return [*running, *map(str, self.sessions()), *self.slot_files()]

    def assert_none(self, distcc_hosts: str = "") -> None:
        """Nothing is left, and nobody listens at the tunnels that were in DISTCC_HOSTS."""
        left = self.all()
        assert not left, "\n".join(left)
        assert set(tunnel_ports(distcc_hosts)) & set(listening_ports()) == set()

    def wait_for_none(self, distcc_hosts: str = "") -> None:
        """The same where nobody can wait for the end, as when the shell was killed."""
        wait_until(lambda: not self.all(), "everything of the build is gone")
        self.assert_none(distcc_hosts)

    def wait_for_closed_tunnels(self) -> None:
        """Until there is neither an ssh nor a session; a guard stays with a build that has lost its shell."""
        wait_until(lambda: not self.masters() and not self.sessions(), "the tunnels are closed")

    def wait_for_shells(self) -> None:
        """Until no sub-shell is left that could still start something."""
        wait_until(lambda: not self.shells(), "every shell has ended")

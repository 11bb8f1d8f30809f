"""A real ssh-agent, with the keys that a test gives it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from .processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .sshd import Key

_DEADLINE_S = 30.0


class Agent:
    """An agent that listens when the constructor returns.

    `askpass` is the program that asks for confirmations.
    """

    def __init__(self, directory: Path, askpass: Path | None = None) -> None:
        directory.mkdir()
        self.socket = directory / "socket"
        self._directory = directory
        environ = {"PATH": os.environ["PATH"]}
        if askpass is not None:
            environ |= {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        self._process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.socket)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self.socket.exists, "the agent listens")

    def add(self, key: Key, passphrase: str = "", options: Sequence[str] = ()) -> None:
        """Load a key, with options such as `-c`."""
        askpass = self._directory / "passphrase"
        askpass.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
        askpass.chmod(0o755)
        environ = {"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": str(self.socket)}
        environ |= {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        words = ["ssh-add", "-q", *options, str(key.private)]
        subprocess.run(
            words, env=environ, check=True, stdin=subprocess.DEVNULL, timeout=_DEADLINE_S, capture_output=True
        )

    def stop(self) -> None:
        """End the agent."""
        self._process.terminate()
        self._process.wait(_DEADLINE_S)

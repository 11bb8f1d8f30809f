"""A worker in its own network namespace: only an sshd that is started inside can reach its distccd."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .namespaces import NSENTER, UNSHARE
from .ports import LOOPBACK
from .processes import descendants, is_alive, wait_until
from .sshd import SSHD, write_sshd_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sshd import Key

_DEADLINE_S = 30.0


class IsolatedWorker:
    """A distccd at the usual ports 3632 and 3633, in a network namespace that has only `lo`."""

    def __init__(self, host_key: Key, authorized: Sequence[Key], jobs: int = 4) -> None:
        self.host_key = host_key
        self.directory = Path(tempfile.mkdtemp(prefix="distccd-"))
        self.directory.chmod(0o777)
        self._sshd_config = write_sshd_config(self.directory, host_key, authorized, [])
        self._sshd_log = self.directory / "sshd.log"
        self._log = self.directory / "distccd.log"
        words = ["distccd", "--no-detach", "--daemon", "--stats", "--log-level", "info", "--jobs", str(jobs)]
        words += ["--listen", LOOPBACK, "--allow", LOOPBACK, "--log-file", str(self._log)]
        self._process = subprocess.Popen(
            [*UNSHARE, "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *words],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(self.directory), "HOME": str(self.directory)},
            cwd=self.directory,
            start_new_session=True,
        )
        wait_until(self._is_listening, "the isolated distccd listens")

    @property
    def login_command(self) -> str:
        """A command for `ProxyCommand`: it starts an sshd that serves one connection on stdin and stdout."""
        namespaces = [f"--net=/proc/{self._process.pid}/ns/net"]
        if os.geteuid() != 0:
            namespaces.append(f"--user=/proc/{self._process.pid}/ns/user")
        sshd = [SSHD, "-i", "-f", str(self._sshd_config), "-E", str(self._sshd_log)]
        return shlex.join([*NSENTER, *namespaces, "--", *sshd])

    @property
    def compiled(self) -> int:
        """How many files this worker has compiled without an error."""
        return self._log.read_text(errors="replace").count("COMPILE_OK")

    @property
    def network(self) -> str:
        return os.readlink(f"/proc/{self._process.pid}/ns/net")

    def stop(self) -> None:
        children = descendants(self._process.pid)
        self._process.terminate()
        self._process.wait(_DEADLINE_S)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(map(is_alive, children)), "the isolated distccd's children have ended")
        shutil.rmtree(self.directory)

    def _is_listening(self) -> bool:
        assert self._process.poll() is None, "the isolated distccd ended"
        table = Path(f"/proc/{self._process.pid}/net/tcp").read_text()
        return all(f":{port:04X} 00000000:0000 0A" in table for port in (3632, 3633))

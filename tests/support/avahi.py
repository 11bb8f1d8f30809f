"""A real avahi-daemon with a private message bus, in a network that the test has made."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import wait_until

if TYPE_CHECKING:
    from types import TracebackType

    from .network import Network

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_CLONE_NEWUTS = 0x04000000
_SBIN = f"{os.defpath}:/usr/sbin:/sbin"

_BUS = """\
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
_AVAHI = """\
[server]
host-name={name}
use-ipv4=yes
use-ipv6=yes
allow-point-to-point=yes
[publish]
publish-workstation=no
"""


class Avahi:
    """The avahi-daemon of the machine `name`. Enter it when the network has all of its wires.

    The daemon keeps files in /run and reads /etc/avahi, so the network gets an empty directory for each.
    Programs find the daemon by the variables in `environ`.
    """

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name
        self._stack = ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="avahi-"))
        self.directory.chmod(0o755)
        self._stack.callback(shutil.rmtree, self.directory)
        self.environ = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/bus"}
        self._log = self.directory / "log"

    def __enter__(self) -> Avahi:
        with ExitStack() as stack:
            stack.push(self._stack.pop_all())
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        bus, avahi = self.directory / "bus.conf", self.directory / "avahi.conf"
        bus.write_text(_BUS.format(socket=self.directory / "bus"))
        avahi.write_text(_AVAHI.format(name=self._name))
        self._network.call(lambda: _become(self._name))
        for place in ("/run", "/etc/avahi"):
            self._network.run("mount", "-t", "tmpfs", "tmpfs", place)
        stack.callback(_end, self._spawn("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={bus}"))
        wait_until((self.directory / "bus").exists, "a message bus")
        stack.callback(
            _end,
            self._spawn("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", f"--file={avahi}"),
        )
        wait_until(self._is_established, "avahi-daemon is ready")

    def _is_established(self) -> bool:
        return "Server startup complete" in self._log.read_text(errors="replace")

    def _spawn(self, *words: str) -> subprocess.Popen[bytes]:
        def start() -> subprocess.Popen[bytes]:
            with self._log.open("ab") as log:
                return subprocess.Popen(
                    [shutil.which(words[0], path=_SBIN) or words[0], *words[1:]],
                    env={"PATH": _SBIN, **self.environ},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

        return self._network.call(start)


def _become(name: str) -> None:
    """Give the thread that calls this its own mounts and its own host name."""
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = name.encode()
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWUTS) or libc.sethostname(encoded, len(encoded)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)

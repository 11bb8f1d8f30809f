"""What `distcc-driver monitor` costs: the share of a core that its live view takes, beside real clients.

The clients are distcc's own, at workers that take a file and never answer. Some of them are ended and others
started all the time, as in a build; the rest stands still.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.commands import driver_command
from ..support.farm import address_of
from ..support.ports import port_of
from ..support.processes import wait_until
from ..support.terminal import Terminal
from .result import Result
from .shells import user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .result import Case

_SLOTS_OF_A_WORKER = 32
_MEASURE_S = 20.0
_CHANGE_S = 0.05
_AT_ONCE = 16
_FEW_RUNS = 3
_MAKEFILE = """\
all: $(shell seq -f part%.0f.o 20000)
%.o:
\tdistcc gcc -c part.c -o $@
"""
_SIZE = "stty cols 120 rows 50"


def live_view(runs: int, slots: int, allowed_percent: float) -> Iterator[Result]:
    """The live view of one build, all of whose slots are taken."""
    percents = []
    with _Clients(slots) as clients:
        for _ in range(min(runs, _FEW_RUNS)):
            percents.append(_share_of_a_core(clients))
    yield Result(
        case=f"{slots} slots, all taken",
        way="live view",
        measured="of a core",
        measured_runs=percents,
        reference="allowed",
        reference_runs=[allowed_percent],
        limit=1.0,
        unit="%",
    )


CASES: dict[str, Case] = {
    "view-64": partial(live_view, slots=64, allowed_percent=1.0),
    "view-1024": partial(live_view, slots=1024, allowed_percent=5.0),
}


class _Clients:
    """A build that has clients in all slots, from entering to leaving."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._stack = ExitStack()

    def __enter__(self) -> _Clients:
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        listener = self._stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=4096))
        port = port_of(listener)
        workers = -(-self._slots // _SLOTS_OF_A_WORKER)
        hosts = [f"{address_of(number)}:{port}/{_SLOTS_OF_A_WORKER}" for number in range(workers)]
        (self.directory / "state").mkdir()
        (self.directory / "part.c").write_text("int part;\n")
        (self.directory / "Makefile").write_text(_MAKEFILE)
        self.environ = user_environ() | {
            "DISTCC_DIR": str(self.directory / "state"),
            "DISTCC_HOSTS": " ".join(["--localslots_cpp=16", *hosts]),
            "DISTCC_FALLBACK": "0",
            "TMPDIR": str(self.directory),
            "TERM": "xterm-256color",
        }
        make = subprocess.Popen(
            ["make", "-k", f"-j{self._slots}"],
            env=self.environ,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stack.callback(_end, make)
        try:
            for count in range(0, self._slots + 1, _AT_ONCE):
                wait_until(lambda: len(self._pids()) >= count, f"{count} slots are taken")  # noqa: B023
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def change(self) -> None:
        """End one; make starts another."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(self._pids()), signal.SIGTERM)

    def _pids(self) -> list[int]:
        """Those that have a record."""
        with contextlib.suppress(FileNotFoundError):
            return [int(name.rpartition("_")[2]) for name in os.listdir(self.directory / "state" / "state")]
        return []


def _end(make: subprocess.Popen[bytes]) -> None:
    os.killpg(make.pid, signal.SIGTERM)
    make.wait()


def _share_of_a_core(clients: _Clients) -> float:
    """In percent, of the time after its first pictures."""
    monitor = driver_command("monitor", str(clients.directory))
    command = ["sh", "-c", f'{_SIZE}; exec "$@"', "sh", *monitor]
    with Terminal(command, clients.environ, clients.directory) as terminal:
        terminal.expect("now: ")  # the line below the workers: it has found the build
        before_s, began_s = _processor_s(terminal.pid), time.monotonic()
        while time.monotonic() < began_s + _MEASURE_S:
            clients.change()
            time.sleep(_CHANGE_S)
            terminal.read_on()
        used_s, passed_s = _processor_s(terminal.pid) - before_s, time.monotonic() - began_s
        terminal.send("q")
        terminal.wait()
    return 100 * used_s / passed_s


def _processor_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9

"""Runs one plan in a terminal, as a shell does, and measures its memory."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .place import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEADLINE_S = 60
# A child begins with the peak memory of its parent. So a small process must start the driver.
_MEASURED = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), b"%d" % usage.ru_maxrss)
os._exit(os.waitstatus_to_exitcode(status) % 256)
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """How a plan ended: its `text` for the shell, the bytes `shown` in the terminal, its peak memory."""

    status: int
    text: bytes
    shown: bytes
    peak_mib: float

    @property
    def lines(self) -> list[str]:
        """The lines shown in the terminal. Fails if a line has characters that a terminal obeys."""
        shown = self.shown.decode()
        assert shown.endswith("\r\n") or not shown
        lines = shown.split("\r\n")[:-1]
        for line in lines:
            assert line.isprintable(), ascii(line)
            assert line.startswith("distcc-driver: "), line
        return lines


def planned(environ: Mapping[str, str], words: Sequence[str] = ("plan",)) -> Planned:
    """Run `python -m distcc_driver plan`, or other `words`. Fails if it does not end by itself."""
    master, slave = pty.openpty()
    peak, peak_in = os.pipe()
    shown = bytearray()
    reader = threading.Thread(target=_read_all, args=[master, shown])
    driver = [sys.executable, "-ESs", "-m", "distcc_driver", *words]
    process = subprocess.Popen(
        [sys.executable, "-ISs", "-c", _MEASURED, str(peak_in), *driver],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environ,
        cwd=ROOT,
        pass_fds=[peak_in],
        start_new_session=True,
    )
    os.close(slave)
    os.close(peak_in)
    reader.start()
    try:
        text, _ = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise
    finally:
        reader.join()
        os.close(master)
        with open(peak, "rb") as file:
            peak_kib = file.read()
    return Planned(process.returncode, text, bytes(shown), int(peak_kib) / 1024)


def _read_all(master: int, shown: bytearray) -> None:
    """Read until no process has the terminal open. On Linux, reading then fails."""
    with contextlib.suppress(OSError):
        while select.select([master], [], [])[0]:
            data = os.read(master, 4096)
            if not data:
                return
            shown += data

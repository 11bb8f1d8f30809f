"""One plan, made as a shell makes it, in a terminal: what it prints, what is shown, what it takes."""

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
# Only a small process can see how small its child stays: a child begins with its parent's peak.
_MEASURED = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), b"%d" % usage.ru_maxrss)
os._exit(os.waitstatus_to_exitcode(status) % 256)
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """`text` for the shell, `shown` as raw bytes of the terminal, the peak of resident memory."""

    status: int
    text: bytes
    shown: bytes
    peak_mib: float

    @property
    def lines(self) -> list[str]:
        """What is shown, line by line; fails if a terminal would take any of it for a command."""
        shown = self.shown.decode()
        assert shown.endswith("\r\n") or not shown
        lines = shown.split("\r\n")[:-1]
        for line in lines:
            assert line.isprintable(), ascii(line)
            assert line.startswith("distcc-driver: "), line
        return lines


def planned(environ: Mapping[str, str], words: Sequence[str] = ("plan",)) -> Planned:
    """Run `python -m distcc_driver plan`, or other `words`; fails if it does not end by itself."""
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
    """Until nobody has the terminal open, which on Linux is an error."""
    with contextlib.suppress(OSError):
        while select.select([master], [], [])[0]:
            data = os.read(master, 4096)
            if not data:
                return
            shown += data

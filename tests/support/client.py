"""Runs distcc's client, and reads in its log what it does with a command line."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .distccd import Distccd

_SOURCES = ("a.c", "b.c", "a.cc", "a.s", "conftest.c", "a.i", "a.m")


@dataclass(frozen=True, slots=True)
class ClientRun:
    """Whether the client sent the job to a worker, the client's log, and its exit status."""

    is_sent: bool
    log: str
    status: int


class Client:
    """The distcc on PATH, with one worker in DISTCC_HOSTS, in a directory with sources."""

    def __init__(self, directory: Path, environ: Mapping[str, str], worker: Distccd) -> None:
        self.directory = directory
        for name in _SOURCES:
            (directory / name).write_text("" if name == "a.s" else "int f(void) { return 0; }\n")
        self._environ = {
            **environ,
            "DISTCC_HOSTS": worker.distcc_host,
            "DISTCC_VERBOSE": "1",
            "DISTCC_BACKOFF_PERIOD": "1",
        }

    def run(self, words: Sequence[str]) -> ClientRun:
        """Run `distcc WORDS`; the first word is the compiler."""
        done = subprocess.run(
            ["distcc", *words],
            env=self._environ,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        self._forget_failures()
        is_sent = re.search(r"^distcc\[\d+\] exec on (?!localhost)", done.stderr, re.MULTILINE) is not None
        return ClientRun(is_sent, done.stderr, done.returncode)

    def _forget_failures(self) -> None:
        """Remove the client's back-off marks, so that its next run asks the worker again at once."""
        lock = os.path.join(self._environ["DISTCC_DIR"], "lock")
        for name in os.listdir(lock):
            if name.startswith("backoff"):
                os.remove(os.path.join(lock, name))

"""Random texts that a shell, a terminal or a parser might take for commands."""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING

from tests.unit.samples import REPLY

from .hostile import SHELL_TEXT, TERMINAL_TEXT, chunked, http

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

_FRAGMENTS = [os.fsdecode(text).replace("\0", "") for text in [*SHELL_TEXT, *TERMINAL_TEXT]]
_FRAGMENTS += [
    "a[$(canary)]",
    "=canary",
    "!canary",
    "{canary,canary}",
    "&&canary",
    "||canary\n",
    "\ncanary\n",
]
_FRAGMENTS += [
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    "\n",
    "\t",
    " ",
    "$",
    "$$",
    "$'",
    "`",
    "%s",
    "%n",
    "*",
    "?",
    "[",
    "~",
]
_FRAGMENTS += [
    "-",
    "--",
    "-n",
    "#",
    ":",
    "/",
    "@",
    ",",
    "=",
    "é",
    "\udcff",
    "\U0001f600",
    "(",
    ")",
    "<",
    ">",
    "|",
]
_PORTS = ["1", "3632", "65535", "0", "65536", "-1", "", "x", "\u0663"]
_NAMES = ["worker", "WORKER-2", "10.0.0.7", "[::1]", "[fe80::1%eth0]", "localhost", "a.b_c", "-o", "", "[x]"]
_SCHEMES = ["", "", "", "tcp://", "TCP://", "ssh://", "ssh://me@", "http://", "ssh://-l@"]
_NUMBERS = [
    b"0",
    b"1",
    b"7",
    b"4096",
    b"4097",
    b"-1",
    b"1.5",
    b"-1.00",
    b"9" * 30,
    b"1e3",
    b"inf",
    b"",
    b"5 MB",
]
_KEYS = [line.partition(b" ")[0] for line in REPLY.split(b"\n") if line.startswith(b"dcc_")] + [
    b"dcc_free_mem"
]


class Evil:
    """Makes inputs from a source of random numbers: the same seed gives the same inputs."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._mutations: list[Callable[[bytes], bytes]] = [
            self._with_value,
            self._with_value,
            self._without_a_piece,
            self._with_a_piece_twice,
            lambda reply: http(b"200 OK", body=reply.partition(b"\n\n")[2]),
            lambda reply: chunked(reply, self._chance.randrange(1, 500)),
            lambda reply: reply.replace(b"\n", b"\r\n"),
            lambda reply: reply + reply,
        ]

    def text(self, longest: int = 6) -> str:
        """A text for the value of a variable or for an argument: anything but NUL."""
        return "".join(self._piece() for _ in range(self._chance.randrange(longest + 1)))

    def file_name(self) -> str:
        """A name that a directory can have, of at most 40 bytes."""
        name = os.fsencode(self.text()).replace(b"/", b"")[:40]
        return "x" + os.fsdecode(name) if name in (b"", b".", b"..") else os.fsdecode(name)

    def variable(self) -> str:
        """The name of an environment variable. A shell may not accept it as the name of a variable."""
        return "THEIR_" + self.text(2).replace("=", "")

    def entry(self) -> str:
        """A text that looks like an entry of a host list, and may be malformed."""
        if self._chance.random() < 0.2:
            return self.text()
        ports = "".join(
            self._chance.choice(":::/") + self._chance.choice(_PORTS)
            for _ in range(self._chance.randrange(4))
        )
        return self._chance.choice(_SCHEMES) + self._chance.choice(_NAMES) + ports

    def host_list(self) -> str:
        return " ".join(self.entry() for _ in range(self._chance.randrange(1, 6)))

    def reply(self) -> bytes:
        """A reply of a stats port, often malformed."""
        reply = REPLY
        for _ in range(self._chance.randrange(5)):
            reply = self._chance.choice(self._mutations)(reply)
        return reply

    def _piece(self) -> str:
        kind = self._chance.random()
        if kind < 0.7:
            return self._chance.choice(_FRAGMENTS)
        if kind < 0.9:
            return self._chance.choice(string.printable)
        return os.fsdecode(self._chance.randbytes(3).replace(b"\0", b""))

    def _with_value(self, reply: bytes) -> bytes:
        key = self._chance.choice(_KEYS)
        value = self._chance.choice([*_NUMBERS, os.fsencode(self.text()), self._chance.randbytes(4)])
        lines = [
            b"%s %s" % (key, value) if line.startswith(key + b" ") else line for line in reply.split(b"\n")
        ]
        if key == b"dcc_free_mem":
            lines.insert(-2, b"%s %s" % (key, value))
        return b"\n".join(lines)

    def _without_a_piece(self, reply: bytes) -> bytes:
        start = self._chance.randrange(len(reply) + 1)
        return reply[:start] + reply[start + self._chance.randrange(40) :]

    def _with_a_piece_twice(self, reply: bytes) -> bytes:
        start = self._chance.randrange(len(reply) + 1)
        end = start + self._chance.randrange(200)
        return reply[:end] + os.fsencode(self.text()) + reply[start:]


class Canary:
    """A program called `canary` in a directory for PATH: it must never run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "bin"
        self.directory.mkdir(parents=True)
        self._trace = directory / "it has run"
        program = self.directory / "canary"
        program.write_text(f"#!/bin/sh\n: >'{self._trace}'\n")
        program.chmod(0o755)

    @property
    def has_run(self) -> bool:
        return self._trace.exists()

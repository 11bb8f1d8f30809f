"""Searches by atheris for inputs that take new paths through a parser.

`python -m tests.stress.fuzz NAME RUNS SEED DIRECTORY` runs in its own process, because atheris ends the
process. It fails on an exception that is not ours, and on an input that takes more than 5 s.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(
    include=["distcc_driver.core.stats", "distcc_driver.core.hostspec", "distcc_driver.core.settings"]
):
    from distcc_driver.core import hostspec, settings, stats
    from distcc_driver.core.errors import ConfigError, StatsError

_WORDS = {
    "reply": [
        "<distccstats>",
        "</distccstats>",
        "dcc_max_kids ",
        "dcc_load1 ",
        "dcc_free_mem ",
        " MB",
        "HTTP/1.0 200",
    ],
    "hosts": ["tcp://", "ssh://", "localhost", "127.0.0.1", "[::1]", ":65535", "/3632", "@", "%eth0", "::"],
    "number": ["DISTCC", "0.5", "00000", "999999999", "debug", "-1"],
}
_LONGEST = 4096


def read_reply(data: bytes) -> None:
    """Read an input as a reply of a stats port, or, for half of the inputs, as the body of a page."""
    for reply in (data, b"<distccstats>\ndcc_max_kids 7\n" + data):
        with contextlib.suppress(StatsError):
            stats.parse_stats(reply)


def read_hosts(data: bytes) -> None:
    """Read an input as a host list from the environment."""
    hosts, bad = hostspec.parse_list(data.decode("utf-8", "surrogateescape"))
    assert all(host.text and host.name for host in hosts)
    assert all(1 <= entry.column <= len(entry.text) + 1 for entry in bad)


def read_numbers(data: bytes) -> None:
    """Read an input as the value of each variable except the host list."""
    text = data.decode("utf-8", "surrogateescape")
    for name in ("COMPILER_MEMORY", "CONNECT_TIMEOUT", "LOG_LEVEL"):
        with contextlib.suppress(ConfigError):
            settings.read_settings({"DISTCC_AUTO_HOSTS": "worker", f"DISTCC_AUTO_{name}": text})


_READERS = {"reply": read_reply, "hosts": read_hosts, "number": read_numbers}


def main(name: str, runs: str, seed: str, directory: str) -> None:
    """Try `runs` inputs of the kind `name`, with files in `directory`. atheris then ends the process."""
    words = Path(directory) / "words"
    words.write_text("".join(f'"{word}"\n' for word in _WORDS[name]))
    options = [f"-atheris_runs={runs}", f"-seed={seed}", f"-max_len={_LONGEST}", f"-dict={words}"]
    options += ["-timeout=5", f"-artifact_prefix={directory}/"]
    atheris.Setup([sys.argv[0], *options], _READERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

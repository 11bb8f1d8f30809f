"""Finds events for people in the log of distccd (at level `info`), line by line. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"distccd\[(\d+)\] (.*)")
_SOURCE = re.compile(r"compile from (.*) to .*")
_SUMMARY = re.compile(
    r"\(dcc_job_summary\) client: (\S+) ([A-Z_]+) exit:(\d+) sig:(\d+) core:\d+ ret:\d+ time:(-?\d+)ms ?(.*)"
)
_DENIED = re.compile(r"\(dcc_check_client\) ERROR: connection from client '(\S+)' denied by access list")
_FORBIDDEN = re.compile(r"\(dcc_check_compiler_whitelist\) CRITICAL! (.+?) not in .* whitelist\.?")
_COMPLAINT = re.compile(r"^distccd\[\d+\] \(\w+\) (?:ERROR:|CRITICAL!) (.+)$", re.MULTILINE)
_READY = "(dcc_stats_server) HTTP server started"
_MAPPED = "::ffff:"
_MAX_JOBS = 1000

_OUTCOMES = {
    "COMPILE_OK": "compiled",
    "COMPILE_ERROR": "failed",
    "COMPILE_TIMEOUT": "stopped, it took too long",
    "CLI_DISCONN": "given up by the client",
    "REJ_BAD_REQ": "refused, bad request",
    "REJ_OVERLOAD": "refused, overload",
    "OTHER": "refused",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has ended. `client` is an address; `compiler` is "" if it is unknown."""

    client: str
    outcome: str
    elapsed_ms: int
    compiler: str
    source: str


@dataclass(frozen=True, slots=True)
class Denied:
    """A connection of a client that may not use the worker."""

    client: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Both ports take connections now."""


Event = Job | Denied | Ready


class JobLog:
    """Reads the log. Keeps facts about each running job that the last line about it lacks."""

    def __init__(self) -> None:
        self._sources: dict[str, str] = {}
        self._forbidden: dict[str, str] = {}

    def read(self, line: str) -> Event | None:
        """The event of a line, None if it is not for people."""
        if not (matched := _LINE.fullmatch(line.rstrip("\n"))):
            return None
        pid, text = matched.groups()
        if text.startswith(_READY):
            return Ready()
        if source := _SOURCE.fullmatch(text):
            self._keep(self._sources, pid, source[1])
        elif forbidden := _FORBIDDEN.fullmatch(text):
            self._keep(self._forbidden, pid, forbidden[1])
        elif denied := _DENIED.fullmatch(text):
            return Denied(_address(denied[1]))
        elif summary := _SUMMARY.fullmatch(text):
            return self._job(pid, summary)
        return None

    def _job(self, pid: str, summary: re.Match[str]) -> Job | None:
        """The job of a summary line; None for a connection without a job, such as that of a plan."""
        source = self._sources.pop(pid, None)
        forbidden = self._forbidden.pop(pid, "")
        client, result, code, number, elapsed_ms, command = summary.groups()
        if source is None:
            return None
        outcome = _OUTCOMES.get(result, result)
        if forbidden:
            outcome = f"refused, no link of {forbidden} in /usr/lib/distcc"
        elif result == "COMPILE_ERROR":
            outcome = f"failed, signal {number}" if number != "0" else f"failed, status {code}"
        return Job(
            _address(client), outcome, int(elapsed_ms), _compiler(command, source) or forbidden, source
        )

    @staticmethod
    def _keep(place: dict[str, str], pid: str, text: str) -> None:
        """Keep a text. A killed process leaves its text behind, so at the limit the oldest text goes."""
        place.pop(pid, None)
        if len(place) >= _MAX_JOBS:
            del place[next(iter(place))]
        place[pid] = text


def _compiler(command: str, source: str) -> str:
    """The compiler in a command that ends with the path of its source; "" if the command ends otherwise."""
    before = command.removesuffix(source)
    return before.partition(" ")[0] if before.endswith("/") else before.rstrip() if before != command else ""


def complaint(log: str) -> str:
    """The last error in a log, without process and function; the whole log if it has no error."""
    found: list[str] = _COMPLAINT.findall(log)
    return found[-1] if found else log.strip()


def _address(text: str) -> str:
    """The address of `ADDRESS:PORT`; an IPv4 address may be wrapped in IPv6."""
    return text.rpartition(":")[0].removeprefix(_MAPPED)

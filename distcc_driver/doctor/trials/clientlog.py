"""What distcc's client shows of a compilation, in its log (`DISTCC_VERBOSE=1`) and its output. Pure.

How it shows a worker's trouble was found out with distccd 3.4: a compiler that is
missing there has distccd's own words on stderr; one that its masquerade list or DISTCC_CMDLIST
lacks makes it hang up without a word, as a client outside `--allow` does, and a disk without room.
"""

from __future__ import annotations

import re

_HANGS_UP = re.compile(
    r"ERROR: (?:unexpected eof on fd|failed to (?:read|write): (?:Connection reset by peer|Broken pipe))"
)


def sent_compiler(log: str) -> str:
    """The compiler that distcc asked a worker for: it turns `gcc` into the name of its target."""
    match = re.search(r"exec on (?!localhost: )\S+: (\S+)", log)
    return match[1] if match else ""


def added_target(log: str) -> str:
    """The target that distcc added to clang's words, for it takes none with `--target=` for given."""
    match = re.search(r"Adding '-target (\S+)' to support clang", log)
    return match[1] if match else ""


def compile_ms(log: str) -> float | None:
    """From connecting to the whole object, as the client has measured it."""
    match = re.search(r" compiled on \S+ in (\d+\.\d+)s", log)
    return float(match[1]) * 1000 if match else None


def has_hung_up(log: str) -> bool:
    """Whether the worker closed the connection before it had answered."""
    return bool(_HANGS_UP.search(log))


def missing_compiler(said: str) -> str:
    """The compiler that a worker has not, from the words of its distccd; "" if it has."""
    for line in said.split("\n"):  # one expression for all of it would take days for what a worker may say
        speaker, _, rest = line.partition("failed to exec ")
        name, end, _ = rest.rpartition(": No such file")
        if end and "distccd[" in speaker:
            return name
    return ""


def connect_failure(log: str) -> str:
    """Why there was no connection to a worker; "" if there was."""
    for line in log.split("\n"):
        _, is_about_it, rest = line.partition("connect to ")
        _, has_failed, cause = rest.rpartition(" failed: ")
        if is_about_it and has_failed:
            return cause
        if "timeout while connecting" in line:
            return "timed out"
    return ""


def error_line(text: str) -> str:
    """The line with the error, else the first that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")


def trouble(log: str) -> str:
    """What distcc's log says of the cause, without its process number."""
    lines = re.findall(r"^distcc\[\d+\] (?:\(\w+\) )?((?:ERROR|CRITICAL|Warning)\S* .*)$", log, re.MULTILINE)
    return lines[0] if lines else ""

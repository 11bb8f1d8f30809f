"""Reads the log (`DISTCC_VERBOSE=1`) and the output of distcc's client about one compilation. Pure.

Tried with distccd 3.4. If the worker lacks the compiler, the output has distccd's own message about it.
The worker hangs up without a message if its masquerade list or DISTCC_CMDLIST lacks the compiler, if
`--allow` lacks the client, or if its disk is full.
"""

from __future__ import annotations

import re

_HANGS_UP = re.compile(
    r"ERROR: (?:unexpected eof on fd|failed to (?:read|write): (?:Connection reset by peer|Broken pipe))"
)


def sent_compiler(log: str) -> str:
    """The compiler that distcc asked a worker for, such as `x86_64-linux-gnu-gcc` in place of `gcc`."""
    match = re.search(r"exec on (?!localhost: )\S+: (\S+)", log)
    return match[1] if match else ""


def added_target(log: str) -> str:
    """The target that distcc added to a command of clang, which it does even if `--target=` gives one."""
    match = re.search(r"Adding '-target (\S+)' to support clang", log)
    return match[1] if match else ""


def compile_ms(log: str) -> float | None:
    """The time from the connection to the whole object file, as the client measured it."""
    match = re.search(r" compiled on \S+ in (\d+\.\d+)s", log)
    return float(match[1]) * 1000 if match else None


def has_hung_up(log: str) -> bool:
    """Whether the worker closed the connection before its answer was complete."""
    return bool(_HANGS_UP.search(log))


def missing_compiler(output: str) -> str:
    """The compiler that the worker lacks, from the message of its distccd; "" if there is no such message."""
    # A worker may send any text. One regular expression could take days on it, so split it by hand.
    for line in output.split("\n"):
        speaker, _, rest = line.partition("failed to exec ")
        name, end, _ = rest.rpartition(": No such file")
        if end and "distccd[" in speaker:
            return name
    return ""


def connect_failure(log: str) -> str:
    """Why the client could not connect to a worker; "" if it could."""
    for line in log.split("\n"):
        _, is_about_it, rest = line.partition("connect to ")
        _, has_failed, cause = rest.rpartition(" failed: ")
        if is_about_it and has_failed:
            return cause
        if "timeout while connecting" in line:
            return "timed out"
    return ""


def error_line(text: str) -> str:
    """The first line with the word "error", else the first line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")


def first_error(log: str) -> str:
    """The first error or warning in distcc's log, without the process number."""
    lines = re.findall(r"^distcc\[\d+\] (?:\(\w+\) )?((?:ERROR|CRITICAL|Warning)\S* .*)$", log, re.MULTILINE)
    return lines[0] if lines else ""

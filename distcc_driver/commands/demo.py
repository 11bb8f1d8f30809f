"""`distcc-driver demo`: builds a small project on two real workers of this machine."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from ..machine.children import Interrupts, end_posix_session, start_posix_session
from ..machine.installation import find_shim
from .distccd.localdistccd import start_daemon
from .distccd.workdirectory import make_work_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .distccd.localdistccd import Daemon

_SLOTS = (4, 2)
_PARTS = 23
_COUNTERS_S = 3.0
_PROGRAMS = {
    "distcc": "distcc",
    "distccd": "distcc",
    "gcc": "gcc",
    "make": "make",
    "bash": "bash",
    "ps": "procps",
}

_MAKEFILE = """\
CC = distcc gcc
CFLAGS = -O2 -Wall
parts = $(patsubst %.c,%.o,$(wildcard *.c))

sum: $(parts)
	$(CC) -o $@ $(parts)
	./sum
"""

_PART = """\
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int part{number}(void)
{{
    char text[16];
    snprintf(text, sizeof text, "%d", {number});
    return atoi(text);
}}
"""

_MAIN = """\
#include <stdio.h>

{declarations}

int main(void)
{{
    printf("The parts add up to %d.\\n", {sum});
    return 0;
}}
"""


def run_demo() -> int:
    """Build the project on the workers. Returns the exit code of the build.

    Raises `ConfigError` if something is missing, `SignalError`, and `DriverError` if the
    workers do not start. In any case no process and no file is left behind.
    """
    _check_programs()
    interrupts = Interrupts()
    with ExitStack() as stack:
        directory = make_work_directory("distcc-driver-demo.", os.geteuid() == 0, stack)
        daemons = [
            start_daemon(slots, _subdirectory(directory, f"worker-{number}"), interrupts, stack)
            for number, slots in enumerate(_SLOTS, 1)
        ]
        project = _subdirectory(directory, "project")
        _write_project(project)
        _say("two workers on this machine, as in")
        _say(f'    export DISTCC_AUTO_HOSTS="{_hosts(daemons)}"')
        _say(f"    cd {project} && distcc_build make")
        # Neither start files nor exported functions of the user are to change what the demo does.
        script = '. "$1" && distcc_build make'
        command = ["bash", "--noprofile", "--norc", "-c", script, "bash", find_shim("bash")]
        build = start_posix_session(command, _environ(daemons, directory), project)
        stack.callback(end_posix_session, build)
        code = interrupts.wait(build)
        files = sum(name.endswith(".o") for name in os.listdir(project))
        _report(daemons, _counters(daemons, files, interrupts), files)
    return code


def _check_programs() -> None:
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise ConfigError(program, "not found on PATH", f"install the package {package}")


def _subdirectory(directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    os.mkdir(path)
    return path


def _write_project(directory: str) -> None:
    numbers = range(1, _PARTS + 1)
    files = {f"part{number:02}.c": _PART.format(number=number) for number in numbers}
    files["Makefile"] = _MAKEFILE
    files["main.c"] = _MAIN.format(
        declarations="\n".join(f"int part{number}(void);" for number in numbers),
        sum=" + ".join(f"part{number}()" for number in numbers),
    )
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="ascii") as file:
            file.write(text)


def _hosts(daemons: Sequence[Daemon]) -> str:
    return " ".join(daemon.host for daemon in daemons)


def _environ(daemons: Sequence[Daemon], directory: str) -> dict[str, str]:
    """The user's environment without its variables for distcc, make and bash.

    distcc and compilers keep their files in `directory`.
    """
    unwanted = ("DISTCC_", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS", "BASH_ENV", "BASH_FUNC_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return environ | {
        "DISTCC_AUTO_HOSTS": _hosts(daemons),
        "DISTCC_AUTO_COMPILER_MEMORY": "0",  # so that both workers take part, even if little memory is free
        "DISTCC_AUTO_FALLBACK_LOCAL_JOBS": "0",
        "DISTCC_DIR": _subdirectory(directory, "state"),
        "DISTCC_DRIVER_PYTHON": sys.executable,
        "DISTCC_FALLBACK": "0",
        "TMPDIR": _subdirectory(directory, "temporary"),
    }


def _counters(daemons: Sequence[Daemon], files: int, interrupts: Interrupts) -> list[int | None]:
    """How many files each worker has compiled. A counter may follow its object file after a moment."""
    deadline = time.monotonic() + _COUNTERS_S
    while True:
        counters = [daemon.compiled() for daemon in daemons]
        if sum(counter or 0 for counter in counters) >= files or time.monotonic() > deadline:
            return counters
        interrupts.sleep()


def _report(daemons: Sequence[Daemon], counters: Sequence[int | None], files: int) -> None:
    _say(f"{files} files compiled; the workers' own counters say:")
    for daemon, counter in zip(daemons, counters, strict=True):
        said = "no answer" if counter is None else f"{counter} compiled"
        _say(f"    worker at port {daemon.job_port} with {daemon.slots} slots: {said}")


def _say(text: str) -> None:
    sys.stdout.write(f"demo: {text}\n")
    sys.stdout.flush()

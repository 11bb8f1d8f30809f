"""Records the pictures of README.md and its pages: real commands in a real terminal, on real workers.

    python docs/pictures.py

Only root may: the workers are called worker-1 and worker-2 by an /etc/hosts of their own, in a
network that has nothing but `lo`. Nothing outside of these two namespaces changes, but docs/*.svg.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from distcc_driver.machine.children import end_posix_session, start_posix_session
from tests.support.place import ROOT
from tests.support.processes import wait_until
from tests.support.shells import MASQUERADE
from tests.support.terminal import Terminal
from tests.support.toolchains import Toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = 108
_PATH = "/usr/bin:/bin"
# A progress display, from hiding the cursor to its own erasure.
_PROGRESS = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h\r\x1b\[1A\x1b\[2K", re.DOTALL)
# What shells tell terminals of their prompts (OSC 133), which shows nothing.
_MARK = "\x1b]133;A\x07"
_HOSTS = {"worker-1": "127.0.0.11", "worker-2": "127.0.0.12", "worker-3": "127.0.0.13"}
_SLOTS = {"worker-1": 16, "worker-2": 8}  # no distccd runs on worker-3
_OTHER_COMPILER = "GCC: (GNU) 11.4.0"
_COMPILE_S = 1.2  # so that the build is one that gets a report
_WATCHED_COMPILE_S = 4
_LIBRARIES = ("audio", "codec", "format", "video")
_PARTS = 10

_START_FILE = """\
stty cols {columns} rows 50
unset HISTFILE
bind 'set enable-bracketed-paste off'
source {root}/distcc.sh
PS1='\\[{mark}\\e[1;32m\\]$\\[\\e[0m\\] '
"""

_SLOW = """\
#!/bin/sh
/bin/sleep {duration_s}
exec {compiler} "$@"
"""

_MAKEFILE = """\
CC = gcc
libraries = {libraries}

player: main.o $(libraries:%=lib%.a)
	@$(CC) $^ -o $@
	@echo '  LD  $@'

%.a:
	@ar rcs $@ $^
	@echo '  AR  $@'

%.o: %.c
	@$(CC) -O2 -c $< -o $@

clean:
	@rm -f player *.a *.o */*.o

"""
_OF_LIBRARY = "lib{library}.a: $(patsubst %.c,%.o,$(wildcard {library}/*.c))\n"

# That of rich without the fonts that it fetches from elsewhere, and without clipping, for nothing sticks out.
_FORMAT = """\
<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px;
line-height: {line_height}px;
white-space: pre;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A command as it is typed, the file of its picture, and what must be in it to be worth keeping."""

    name: str
    command: str
    shown: str


_WORKERS = Picture("workers", "distcc-driver workers", "left out")
_DOCTOR = Picture("doctor", "distcc-driver doctor", "compiles with GCC 11.4.0, this machine has")
_BUILD = Picture("build", "distcc_build make", "41 compilations on worker-1")
_MONITOR = Picture("monitor", "distcc-driver monitor . --once", "all slots busy")


def record(directory: Path) -> None:
    """Record all pictures, with everything that they need in `directory`."""
    project = directory / "home" / "player"
    _write_project(project)
    slow, same, other = (Toolchain(directory / name) for name in ("slow", "same", "other"))
    slow.add_script("gcc", _SLOW.format(duration_s=_COMPILE_S, compiler=shutil.which("gcc")))
    for name in ("gcc", "g++"):
        same.add(name)
        other.add_other_version(name, _OTHER_COMPILER)
    with _workers(directory, slow, slow), _shell(project) as terminal:
        _save(_BUILD, _type(terminal, _BUILD.command))
        _type(terminal, "make clean")
        slow.add_script("gcc", _SLOW.format(duration_s=_WATCHED_COMPILE_S, compiler=shutil.which("gcc")))
        _save(_MONITOR, _watch(terminal, project))
    with _workers(directory, same, other), _shell(project) as terminal:
        _type(terminal, _BUILD.command)  # that their counters have something to tell
        _save(_WORKERS, _type(terminal, _WORKERS.command))
        _save(_DOCTOR, _type(terminal, _DOCTOR.command))


def _write_project(directory: Path) -> None:
    """Libraries of some files each, and a Makefile that says one line for each of them."""
    for library in _LIBRARIES:
        (directory / library).mkdir(parents=True)
        for number in range(_PARTS):
            text = f"int {library}_{number}(void)\n{{\n    return {number};\n}}\n"
            (directory / library / f"part{number}.c").write_text(text)
    (directory / "main.c").write_text("int main(void)\n{\n    return 0;\n}\n")
    rules = [_MAKEFILE.format(libraries=" ".join(_LIBRARIES))]
    rules += [_OF_LIBRARY.format(library=library) for library in _LIBRARIES]
    (directory / "Makefile").write_text("".join(rules))


@contextlib.contextmanager
def _workers(directory: Path, *toolchains: Toolchain) -> Iterator[None]:
    """The workers, with a compiler each, from entering to leaving."""
    with contextlib.ExitStack() as stack:
        for (name, slots), toolchain in zip(_SLOTS.items(), toolchains, strict=True):
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=directory)))
            work.chmod(0o777)
            process = start_posix_session(
                _distccd(_HOSTS[name], slots), _worker_environ(work, toolchain), str(work)
            )
            stack.callback(end_posix_session, process)
            _wait_for(_HOSTS[name])
        yield


def _distccd(address: str, slots: int) -> list[str]:
    words = ["distccd", "--daemon", "--no-detach", "--stats", "--log-file", "distccd.log"]
    return [*words, "--listen", address, "--allow", "127.0.0.1", "--jobs", str(slots)]


def _worker_environ(work: Path, toolchain: Toolchain) -> dict[str, str]:
    return {"PATH": f"{toolchain.directory}:{_PATH}", "TMPDIR": str(work), "HOME": str(work)}


def _wait_for(address: str) -> None:
    wait_until(lambda: all(_accepts(address, port) for port in (3632, 3633)), f"{address} listens")


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _shell(project: Path) -> Terminal:
    """A user's bash in a directory, at its prompt."""
    home = project.parent
    start_file = home / ".bashrc"
    start_file.write_text(_START_FILE.format(columns=_COLUMNS, root=shlex.quote(str(ROOT)), mark=_MARK))
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / "distcc-driver").unlink(missing_ok=True)
    (home / "bin" / "distcc-driver").symlink_to(Path(sys.executable).with_name("distcc-driver"))
    environ = {
        "PATH": f"{home}/bin:{MASQUERADE}:{_PATH}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "DISTCC_AUTO_HOSTS": " ".join(_HOSTS),
    }
    terminal = Terminal(["bash", "--rcfile", str(start_file), "-i"], environ, project)
    terminal.expect(_MARK)
    return terminal


def _type(terminal: Terminal, command: str) -> str:
    """Type a command; returns what is then between its prompt and the next one."""
    terminal.send(f"{command}\r")
    return terminal.expect(_MARK)


def _watch(terminal: Terminal, project: Path) -> str:
    """Build once more, and look at that from another terminal until there is something to see."""
    terminal.send(f"{_BUILD.command}\r")
    with _shell(project) as beside:
        shown = ""
        while _MONITOR.shown not in shown:
            shown = _type(beside, _MONITOR.command)
    terminal.expect(_MARK)
    return shown


def _save(picture: Picture, shown: str) -> None:
    """Write the picture of what a terminal has shown, if that is what the picture is for."""
    left = _PROGRESS.sub("", shown).replace("\r\n", "\n").rstrip("\n")
    text = Text.from_ansi(left)
    if picture.shown not in text.plain or not text.plain.replace("\n", "").isprintable():
        sys.exit(f"{picture.name}: not as it should be, which is with {picture.shown!r}; there was:\n{left}")
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    console.print(text, soft_wrap=True)
    svg = console.export_svg(title=picture.command, code_format=_FORMAT, unique_id=picture.name)
    svg = re.sub(r' clip-path="[^"]*"', "", re.sub(r"<text [^>]*>\s*</text>", "\n", svg))
    lines = [line.strip() for line in svg.splitlines() if line.strip()]
    (ROOT / "docs" / f"{picture.name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _main() -> None:
    if os.geteuid() != 0:
        sys.exit("docs/pictures.py: only root may give the workers names of their own; run it as root")
    here = os.readlink("/proc/self/ns/mnt")
    outside = "".join(sys.argv[1:])
    if not outside.startswith("mnt:") or outside == here:
        # S606: itself once more, told where not to be
        os.execvp("unshare", ["unshare", "--mount", "--net", sys.executable, __file__, here])  # noqa: S606
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pictures-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        hosts = directory / "hosts"
        lines = [f"{address} {host}\n" for host, address in {"localhost": "127.0.0.1", **_HOSTS}.items()]
        hosts.write_text("".join(lines))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        record(directory)


if __name__ == "__main__":
    _main()

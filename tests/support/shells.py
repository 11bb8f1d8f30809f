"""Real bash and zsh that source a shim, as a user's shell does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytestshellutils.customtypes import EnvironDict
from pytestshellutils.shell import ScriptSubprocess

from .place import SHIMS
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytestshellutils.utils.processes import ProcessResult

SHELLS = ("bash", "zsh")
MASQUERADE = "/usr/lib/distcc"
PROMPT = "READY> "
_TIMEOUT_S = 240
_NO_START_FILES = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "dash": []}


class UserShell:
    """A user's shell, by name, with an environment and a current directory that tests may change.

    Each `run` starts a new process, which sources the shim first. The shell reads the script as
    text, so quote data with `shlex.join`.
    """

    def __init__(self, name: str, environ: dict[str, str], cwd: Path, root: Path = SHIMS) -> None:
        self.name = name
        self.environ = environ
        self.cwd = cwd
        self.root = root

    @property
    def shim(self) -> Path:
        return self.root / {"bash": "distcc.sh", "zsh": "distcc.zsh"}[self.name]

    @property
    def sourcing(self) -> str:
        """The line that a user has in a start file: it sources the shim."""
        return f"source {shlex.quote(str(self.shim))}"

    def command(self, script: bytes, options: Sequence[str] = ()) -> list[str]:
        """The argument list that runs a script, without sourcing the shim.

        The script is in a file, which a shell reads line by line. zsh would read a text behind `-c` as a
        whole, before an alias or option in that text can take effect.
        """
        file = Path(self.environ["HOME"]) / "script"
        file.write_bytes(script)
        return [self.name, *_NO_START_FILES[self.name], *options, str(file)]

    def run(
        self,
        script: str,
        *,
        before: str = "",
        options: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> ProcessResult:
        """Run `before`, source the shim, then run `script`. The output is text."""
        return self.run_bare(f"{before}\n{self.sourcing}\n{script}", options=options, environ=environ)

    def run_bare(
        self, script: str, *, options: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> ProcessResult:
        """Run a script without sourcing the shim first."""
        name, *arguments = self.command(os.fsencode(script), options)
        return ScriptSubprocess(
            script_name=name,
            base_script_args=arguments,
            environ=EnvironDict({**self.environ, **(environ or {})}),
            cwd=self.cwd,
            timeout=_TIMEOUT_S,
            system_encoding="utf-8",
        ).run()

    def interactive(self, before: str = "") -> Terminal:
        """A terminal with the shell at its prompt, after `before` and the line that sources the shim."""
        terminal = Terminal(
            [self.name, *_NO_START_FILES[self.name], "-i"], {**self.environ, "PS1": PROMPT}, self.cwd
        )
        terminal.expect(PROMPT)
        for line in [*before.splitlines(), self.sourcing]:
            terminal.send(f"{line}\r")
            terminal.expect(PROMPT)
        return terminal

    def run_bytes(self, script: bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Source the shim and run a script of bytes with `stdin` as its input. The output is bytes."""
        return subprocess.run(
            self.command(os.fsencode(self.sourcing) + b"\n" + script),
            input=stdin,
            capture_output=True,
            env=self.environ,
            cwd=self.cwd,
            timeout=_TIMEOUT_S,
            check=False,
        )


class Recorder:
    """A command that records, byte for byte, its arguments and its environment."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "recorder"
        self._output = directory / "recorded"
        self.path.write_text(
            # Not the Python of .venv: the path of the clone may have a blank, which a `#!` line cannot have.
            f"#!{os.path.realpath(sys.executable)} -ISs\n"
            "import os, sys\n"
            f"with open({str(self._output)!r}, 'wb') as file:\n"
            "    for text in sys.argv[1:]:\n"
            "        file.write(b'argument' + os.fsencode(text) + b'\\0')\n"
            "    for name, value in os.environb.items():\n"
            "        file.write(b'variable' + name + b'=' + value + b'\\0')\n"
        )
        self.path.chmod(0o755)

    @property
    def word(self) -> str:
        """The command, as a word for a shell."""
        return shlex.quote(str(self.path))

    @property
    def has_run(self) -> bool:
        return self._output.exists()

    @property
    def arguments(self) -> list[bytes]:
        return [entry.removeprefix(b"argument") for entry in self._entries(b"argument")]

    @property
    def environ(self) -> dict[str, str]:
        pairs = [os.fsdecode(entry.removeprefix(b"variable")) for entry in self._entries(b"variable")]
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

    @property
    def jobs(self) -> int:
        """The N of the `-j N` at the end of the arguments."""
        option, number = self.arguments[-2:]
        assert option == b"-j"
        return int(number)

    def _entries(self, kind: bytes) -> list[bytes]:
        return [entry for entry in self._output.read_bytes().split(b"\0") if entry.startswith(kind)]


def write_c_project(directory: Path, files: int = 6) -> Path:
    """Write a C project of some files with a Makefile.

    `make` builds `program`, and an object for each file.
    """
    directory.mkdir(parents=True)
    names = [f"part{number}" for number in range(files)]
    for name in names:
        (directory / f"{name}.c").write_text(f"int {name}(void);\nint {name}(void) {{ return 1; }}\n")
    calls = " + ".join(f"{name}()" for name in names[1:])
    declarations = "".join(f"int {name}(void);\n" for name in names[1:])
    (directory / f"{names[0]}.c").write_text(f"{declarations}int main(void) {{ return 42 - ({calls}); }}\n")
    objects = " ".join(f"{name}.o" for name in names)
    (directory / "Makefile").write_text(
        f"CC = gcc\nprogram: {objects}\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -c -o $@ $<\n"
    )
    return directory

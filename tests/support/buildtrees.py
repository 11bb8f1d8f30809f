"""Build directories of real build tools: what the doctor says about one, and what its build does."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .doctor import doctor_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .distccd import Distccd
    from .shells import UserShell


class Leaves(str, Enum):
    """Whether the compilations of a build leave this machine."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    UNTOLD = "cannot be told"


@dataclass(frozen=True, slots=True)
class Row:
    """A build directory; `leave` of the `of` compilations of its build leave this machine.

    `configure` and `build` are commands for a shell in the directory of `files`. The doctor is asked about
    `directory`. `environ` and `first_on_path` count for the doctor and the build, not for `configure`.
    `is_told` is false if the files do not tell the doctor enough. `status` is the status of the build.
    """

    name: str
    files: Mapping[str, str]
    configure: str
    build: str
    leave: int
    of: int
    directory: str = "build"
    environ: Mapping[str, str] = field(default_factory=dict)
    first_on_path: str = ""
    is_told: bool = True
    status: int = 0

    @property
    def leaves(self) -> Leaves:
        if self.leave == 0:
            return Leaves.NONE
        return Leaves.ALL if self.leave == self.of else Leaves.SOME


@dataclass(frozen=True, slots=True)
class Built:
    """The end of a build, and the number of files that the worker compiled."""

    status: int
    compiled: int
    output: str


class Tree:
    """The build directory of a row, configured in the directory of a user's shell."""

    def __init__(self, row: Row, shell: UserShell, worker: Distccd) -> None:
        self._row, self._shell, self._worker = row, shell, worker
        write(row.files, shell.cwd)
        self.configure(row.configure)
        shell.environ.update(row.environ)
        if row.first_on_path:
            shell.environ["PATH"] = f"{row.first_on_path}:{shell.environ['PATH']}"

    def configure(self, command: str) -> None:
        """Run a command that uses no worker."""
        environ = self._shell.environ | {"DISTCC_HOSTS": "localhost"}
        words = ["sh", "-ec", command]
        done = subprocess.run(
            words, cwd=self._shell.cwd, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, directory: str = "") -> dict[str, Any]:
        """The JSON document of the doctor."""
        words = ("--build-dir", directory or self._row.directory)
        return doctor_document(self._shell.environ, self._shell.cwd, *words)[1]

    def build(self, command: str = "") -> Built:
        """Build under distcc_build."""
        before = self._worker.compiled
        result = self._shell.run(f"distcc_build {command or self._row.build}")
        compiled = self._worker.compiled - before
        return Built(result.returncode, compiled, f"{result.stdout}{result.stderr}")


def write(files: Mapping[str, str], directory: Path) -> None:
    """Write files and the directories that they need; files with a first line for the kernel can be run."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)


def told(document: Mapping[str, Any]) -> Leaves:
    """What a document says about the compilations of the build directory."""
    tree = document["build_directory"]
    if tree["unknown"] or tree["system"] == "none":
        return Leaves.UNTOLD
    reach_distcc = [compiler["is_distributed"] for compiler in tree["compilers"]]
    if not any(reach_distcc):
        return Leaves.NONE
    stay = _stay(document)
    return stay if all(reach_distcc) or stay is Leaves.NONE else Leaves.SOME


def _stay(document: Mapping[str, Any]) -> Leaves:
    """The compilations that leave, of those that reach distcc: some stay here, and some fail on workers."""
    tree = document["build_directory"]
    counts = [option["compilations"] for option in tree["options"] if option["effect"] == "fails"]
    if tree["kept"] is not None and None not in counts:
        stay = tree["kept"] + sum(counts)
        return Leaves.ALL if stay == 0 else Leaves.NONE if stay >= tree["compilations"] else Leaves.SOME
    texts = [step["text"] for step in document["steps"] if step["part"] == "build directory"]
    if any(" all compilations " in f"{text} " for text in texts):
        return Leaves.NONE
    return Leaves.SOME if any(" some compilations " in f"{text} " for text in texts) else Leaves.ALL


def words(document: Mapping[str, Any]) -> str:
    """The findings about the build directory, and all warnings and problems, as text."""
    steps = [
        f"{step['part']}: {step['result']}: {step['text']}; {step['advice']}"
        for step in document["steps"]
        if step["result"] != "ok" or step["part"] == "build directory"
    ]
    return "\n".join([f"result: {document['result']}", *steps])

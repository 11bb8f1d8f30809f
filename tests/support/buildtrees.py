"""Build trees that are configured for real: what the doctor says of one, and what its build then does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .toolchains import doctor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .distccd import Distccd
    from .shells import UserShell


class Leaves(str, Enum):
    """How many compilations of a build leave this machine."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    UNTOLD = "cannot be told"


@dataclass(frozen=True, slots=True)
class Row:
    """A build tree, and how many compilations of its build (`of`) leave this machine (`leave`).

    `configure` and `build` are commands for a shell in the directory of `files`; the doctor is asked about
    `directory`. The doctor and the build see `environ` and `first_on_path`, `configure` does not.
    `is_told` is false where the files that the doctor reads cannot tell. `status` is that of the build.
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
    """What a build did: `compiled` files on a worker."""

    status: int
    compiled: int
    output: str


class Tree:
    """A row in the directory of a user's shell, configured."""

    def __init__(self, row: Row, shell: UserShell, worker: Distccd) -> None:
        self._row, self._shell, self._worker = row, shell, worker
        write(row.files, shell.cwd)
        self.configure(row.configure)
        shell.environ.update(row.environ)
        if row.first_on_path:
            shell.environ["PATH"] = f"{row.first_on_path}:{shell.environ['PATH']}"

    def configure(self, command: str) -> None:
        """Run a command that no worker sees."""
        environ = self._shell.environ | {"DISTCC_HOSTS": "localhost"}
        words = ["sh", "-ec", command]
        done = subprocess.run(
            words, cwd=self._shell.cwd, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, directory: str = "") -> dict[str, Any]:
        """The document of the doctor."""
        done = subprocess.run(
            doctor("--build-dir", directory or self._row.directory, "--json"),
            env=self._shell.environ,
            cwd=self._shell.cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    def build(self, command: str = "") -> Built:
        """Build under distcc_build."""
        before = self._worker.compiled
        result = self._shell.run(f"distcc_build {command or self._row.build}")
        compiled = self._worker.compiled - before
        return Built(result.returncode, compiled, f"{result.stdout}{result.stderr}")


def write(files: Mapping[str, str], directory: Path) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)


def told(document: Mapping[str, Any]) -> Leaves:
    """What the doctor says of the build directory."""
    tree = document["build_directory"]
    if tree["unknown"] or tree["system"] == "none":
        return Leaves.UNTOLD
    reach_distcc = [compiler["is_distributed"] for compiler in tree["compilers"]]
    if not any(reach_distcc):
        return Leaves.NONE
    stay = _stay(document)
    return stay if all(reach_distcc) or stay is Leaves.NONE else Leaves.SOME


def _stay(document: Mapping[str, Any]) -> Leaves:
    """What leaves of that which reaches distcc: it keeps compilations here, or they fail on workers."""
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
    """What the doctor says of the build directory, and what else is not well, for people."""
    steps = [
        f"{step['part']}: {step['result']}: {step['text']}; {step['advice']}"
        for step in document["steps"]
        if step["result"] != "ok" or step["part"] == "build directory"
    ]
    return "\n".join([f"result: {document['result']}", *steps])

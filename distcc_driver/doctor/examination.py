"""What the doctor has found out so far, and the findings that follow from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..commands.rows import HostRow
    from ..core.hostspec import BadEntry
    from ..machine.compilers import Command
    from .findings.finding import Finding
    from .rules.buildverdicts import Verdict
    from .trees.buildtree import BuildTree
    from .trials.trial import Trial


@dataclass(slots=True)
class Examination:
    """One run of the doctor in the environment `environ`, on the build directory `tree`.

    `commands` are the compilers of `--compiler`, of the environment, or of PATH. `tree_commands` are the
    compilers of the build directory. `verdicts` say what distcc does with its compile commands.
    """

    environ: Mapping[str, str]
    tree: BuildTree
    client: str | None = None
    client_version: str | None = None
    commands: list[Command] = field(default_factory=list)
    tree_commands: list[Command] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    bad_entries: Sequence[BadEntry] = ()
    hosts: list[HostRow] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def search_path(self) -> str:
        """PATH of the environment."""
        return self.environ.get("PATH", os.defpath)

    @property
    def is_tree_distributed(self) -> bool:
        """Whether the build directory has compilers, and all of them call distcc."""
        return bool(self.tree_commands) and all(command.is_distributed for command in self.tree_commands)

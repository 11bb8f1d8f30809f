"""The build directory and compilers in the JSON document of the doctor, as docs/json.md has them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rules.buildverdicts import counted, option_effects
from .rules.clientrules import KeepReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..machine.compilers import Command
    from .rules.buildverdicts import OptionEffect, Verdict
    from .trees.buildtree import BuildTree


def command_document(command: Command) -> dict[str, Any]:
    """A compiler command, followed to its end."""
    return {
        "command": command.text,
        "kind": command.kind.value,
        "path": command.path,
        "real_path": command.real_path,
        "is_distributed": command.is_distributed,
    }


def tree_document(
    tree: BuildTree, commands: Sequence[Command], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """A build directory, its compilers, and what distcc makes of its compile commands."""
    return {
        "directory": tree.directory,
        "system": tree.system.value,
        "file": tree.file,
        "unknown": tree.unknown or None,
        "compilers": [
            {"setting": configured.setting, **command_document(command)}
            for configured, command in zip(tree.compilers, commands, strict=True)
        ],
        "compilations": counted(verdicts) if verdicts else None,
        "kept": counted([verdict for verdict in verdicts if verdict.stays]) if verdicts else None,
        "options": [_option(found) for found in option_effects(verdicts)],
    }


def _option(found: OptionEffect) -> dict[str, Any]:
    cause = found.cause
    if isinstance(cause, KeepReason):
        effect, about = "stays", cause.reason
    else:
        effect, about = cause.effect.value, cause.what
    return {
        "option": cause.word or None,
        "effect": effect,
        "about": about,
        "places": found.places,
        "compilations": counted(found.verdicts),
    }

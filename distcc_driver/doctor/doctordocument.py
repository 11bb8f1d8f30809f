"""The JSON document of `distcc-driver doctor --json`, as docs/json.md describes it. Pure."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..commands.document import VERSION
from .findings.finding import worst
from .rules.buildverdicts import counted, option_effects
from .rules.clientrules import KeepReason
from .trials.objectfile import compiler_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..machine.compilers import Command
    from .examination import Examination
    from .findings.finding import Finding
    from .rules.buildverdicts import OptionEffect, Verdict
    from .trees.buildtree import BuildTree
    from .trials.trial import Trial


def document_of(examination: Examination) -> dict[str, Any]:
    """The whole document."""
    return {
        "version": VERSION,
        "command": "doctor",
        "result": worst(examination.findings).value,
        "steps": [_step(finding) for finding in examination.findings],
        "client": {"path": examination.client, "version": examination.client_version},
        "compilers": [_compiler(command) for command in examination.commands],
        "build_directory": build_directory(examination.tree, examination.tree_commands, examination.verdicts),
        "bad_entries": [entry._asdict() for entry in examination.bad_entries],
        "hosts": [asdict(row) for row in examination.hosts],
        "trials": [_trial(trial) for trial in examination.trials],
    }


def build_directory(
    tree: BuildTree, commands: Sequence[Command], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """A build directory, its compilers, and what distcc does with its compile commands."""
    return {
        "directory": tree.directory,
        "system": tree.system.value,
        "file": tree.file,
        "unknown": tree.unknown or None,
        "compilers": [
            {"setting": configured.setting, **_compiler(command)}
            for configured, command in zip(tree.compilers, commands, strict=True)
        ],
        "compilations": counted(verdicts) if verdicts else None,
        "kept": counted([verdict for verdict in verdicts if verdict.stays]) if verdicts else None,
        "options": [_option(effect) for effect in option_effects(verdicts)],
    }


def _step(finding: Finding) -> dict[str, Any]:
    return {
        "part": finding.part,
        "subjects": list(finding.subjects),
        "result": finding.result.value,
        "text": finding.text,
        "advice": finding.advice or None,
    }


def _compiler(command: Command) -> dict[str, Any]:
    return {
        "command": command.text,
        "kind": command.kind.value,
        "path": command.path,
        "real_path": command.real_path,
        "is_distributed": command.is_distributed,
    }


def _option(option: OptionEffect) -> dict[str, Any]:
    cause = option.cause
    if isinstance(cause, KeepReason):
        effect, about = "stays", cause.reason
    else:
        effect, about = cause.effect.value, cause.what
    return {
        "option": cause.word or None,
        "effect": effect,
        "about": about,
        "places": option.places,
        "compilations": counted(option.verdicts),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    comment = trial.object_file.compiler if trial.object_file else None
    family, version = compiler_version(comment) if comment is not None else (None, None)
    return {
        "host": trial.worker.endpoint.host.text if trial.worker else "",
        "compiler": shlex.join(trial.command.compiler),
        "sent": trial.sent,
        "outcome": trial.outcome.value,
        "elapsed_ms": None if trial.elapsed_ms is None else round(trial.elapsed_ms, 1),
        "architecture": trial.object_file.architecture if trial.object_file else None,
        "family": family,
        "compiler_version": version or None,
        "words": trial.message or None,
    }

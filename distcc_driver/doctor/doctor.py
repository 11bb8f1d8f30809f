"""`distcc-driver doctor`: finds out whether a build would be distributed, and if not, why not."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..commands.display import Progress, status_line, write_lines
from ..commands.document import VERSION
from ..commands.rows import HostRow, host_rows
from ..commands.survey import Survey
from ..core.errors import ConfigError
from ..core.settings import check_hosts, read_settings, read_unknown
from ..core.wording import bad_entry_line
from ..machine.children import Interrupts
from ..machine.compilers import USUAL, Command, examine, is_cxx, safe_to_run
from ..machine.log import Log
from . import steps
from .buildtraps import scons_file, trap_steps
from .checklist import plain_lines, terminal_view
from .clientstate import troubles
from .optionorigins import read_origins
from .optionsteps import option_steps
from .rules.buildverdicts import Verdict, judge
from .steps import Result, Step, worst
from .treedocument import command_document, tree_document
from .trees.buildtree import BuildTree, System, read_tree
from .trials.objectfile import compiler_version
from .trials.secondlooks import look_again
from .trials.trial import Trial, TrialOutcome, Trials, deadline_s
from .trials.trialenviron import NO_REWRITE, inherited
from .trials.trialoptions import option_commands, without_less
from .trialsteps import local_steps, trial_steps, untried_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..commands.survey import Answers
    from ..core.hostspec import BadEntry
    from ..core.settings import Settings

_VERSION_S = 5.0


@dataclass(slots=True)
class _Case:
    """What is known so far, and the steps that follow from it."""

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
    steps: list[Step] = field(default_factory=list)

    @property
    def search_path(self) -> str:
        return self.environ.get("PATH", os.defpath)

    @property
    def is_tree_distributed(self) -> bool:
        """Whether the build directory is known to call distcc."""
        return bool(self.tree_commands) and all(command.is_distributed for command in self.tree_commands)


def run_doctor(compilers: Sequence[str], build_directory: str, as_json: bool) -> int:
    """Look at everything in the order of a build, say what is, and what to do.

    `compilers` are commands to look at in place of the usual names. Returns 0, or 1 if there is a
    warning or a problem. Where a build would end with a `ConfigError` that is the last step, and
    its exit code is returned; with `as_json` it is raised. Raises `SignalError`.
    """
    case = _Case(dict(os.environ), read_tree(build_directory, os.environ))
    _examine_machine(case, compilers)
    try:
        _examine_workers(case, _settings(case, as_json), is_chosen=bool(compilers))
    except ConfigError as error:
        if as_json:
            raise
        case.steps.append(steps.error_step(str(error)))
        _show(case)
        return error.exit_code
    if as_json:
        write_lines([json.dumps(_document(case), indent=2)])
    else:
        _show(case)
    return int(worst(case.steps) is not Result.OK)


def _settings(case: _Case, as_json: bool) -> Settings:
    """What the variables say; raises `ConfigError`, with `as_json` after a line for each bad entry."""
    settings = read_settings(case.environ)
    case.steps += steps.entry_steps(settings.bad_entries)
    for entry in settings.bad_entries if as_json and not settings.hosts else ():
        Log(settings.log_level).error(bad_entry_line(entry))
    check_hosts(settings)
    return settings


def _examine_machine(case: _Case, compilers: Sequence[str]) -> None:
    """All that can be told without a worker."""
    case.client = shutil.which("distcc", path=case.search_path)
    case.client_version = _client_version(case.client, case.environ)
    case.steps.append(steps.client_step(case.client, case.client_version))
    case.steps += steps.state_steps(troubles(case.environ))
    names = compilers or _of_environment(case) or _usual(case)
    case.commands = [examine(_words(name), case.search_path) for name in names]
    case.tree_commands = [examine(configured.words, case.search_path) for configured in case.tree.compilers]
    case.steps += steps.compiler_steps(case.commands, case.environ, case.is_tree_distributed)
    traps = trap_steps(case.tree)
    if not (traps and case.tree.system is System.NONE):
        case.steps += steps.tree_steps(case.tree, case.tree_commands)
    case.steps += traps
    case.verdicts = [judge(command) for command in case.tree.commands]
    case.steps += option_steps(case.tree, case.verdicts, read_origins(case.tree, case.environ))


def _usual(case: _Case) -> list[str]:
    return [name for name in USUAL if shutil.which(name, path=case.search_path)]


def _of_environment(case: _Case) -> list[str]:
    """The compilers that most builds take from the environment, if the build's own cannot be told."""
    if case.tree.compilers or case.tree.configured or scons_file(case.tree.directory):
        return []  # scons has its own
    return [value for name in ("CC", "CXX") if (value := case.environ.get(name, "").strip())]


def _words(command: str) -> list[str]:
    with contextlib.suppress(ValueError):  # a quote without its partner
        if words := shlex.split(command):
            return words
    return [command]


def _client_version(client: str | None, environ: Mapping[str, str]) -> str | None:
    """What `distcc --version` says; None if it says none."""
    if client is None:
        return None
    try:
        output = subprocess.run(
            [client, "--version"],
            env=inherited(environ),  # else it writes to the user's DISTCC_LOG
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_VERSION_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"distcc (\S+)", output.decode("utf-8", "replace"))
    return match[1] if match else None


def _examine_workers(case: _Case, settings: Settings, is_chosen: bool) -> None:
    """The host list, what each host says, and what it does with a trial compilation."""
    progress = Progress(len(settings.hosts))
    case.steps += [steps.setting_step(warning) for warning in read_unknown(case.environ)]
    with Survey(
        settings, case.environ, Log(settings.log_level), progress.answered, progress.hidden
    ) as survey:
        with progress.shown():
            answers = survey.ask()
        case.bad_entries = settings.bad_entries
        case.hosts = host_rows(settings, [*answers.workers, *answers.rejections], answers.plan)
        case.steps += steps.host_steps(case.hosts)
        case.steps.append(steps.plan_step(answers))
        if case.client is not None:
            _try_compilers(case, answers, is_chosen)


def _try_compilers(case: _Case, answers: Answers, is_chosen: bool) -> None:
    """Compile here, then on all workers with what compiles here."""
    trials = Trials(case.environ, Interrupts())
    commands, others = _to_try(case, is_chosen)
    case.steps += untried_steps(others)
    with_options = [] if is_chosen else option_commands(case.verdicts, case.search_path)
    with status_line("compiling on this machine"):
        local = trials.try_here([*commands, *(one for one in with_options if one not in commands)])
    case.steps += local_steps([trial for trial in local if trial.command in commands])
    local = [trial for trial in local if trial.outcome is TrialOutcome.COMPILED]
    local = without_less(local, with_options)
    with _shown_progress(len(answers.workers)) as done:
        found = trials.try_workers(answers.workers, [trial.command for trial in local], done)
        case.trials = look_again(trials, found, local, case.environ)
    case.steps += trial_steps(case.trials, local, deadline_s(case.environ))


def _to_try(case: _Case, is_chosen: bool) -> tuple[list[Command], list[Command]]:
    """The compilers of the build directory, else those on PATH; what is asked for, in any case.

    And those of the build directory that are not run, for whoever wrote it might have them do anything. Of
    names for the same program the last one is tried: distcc asks for `gcc` where it is called as `cc`, unless
    `DISTCC_NO_REWRITE_CROSS` is set.
    """
    others = []
    tried = []
    for command in [] if is_chosen else case.tree_commands:
        if command.can_be_tried:
            harmless = safe_to_run(command, case.search_path)
            if harmless is None:
                others.append(command)
            else:
                tried.append(harmless)
    found = {}
    for command in tried or case.commands:
        if command.can_be_tried:
            is_plain = len(command.compiler) == 1 and os.sep not in command.compiler[0]
            is_renamed = NO_REWRITE not in command.changes.applied(case.environ)
            name = command.real_path if is_plain and is_renamed else command.compiler
            found[name, is_cxx(command.compiler[0]), command.changes] = command
    return list(found.values()), others


@contextlib.contextmanager
def _shown_progress(workers: int) -> Iterator[Callable[[], None]]:
    """Tell on a terminal how many workers are through; yields what to call for each of them."""
    through = 0

    def done() -> None:
        nonlocal through
        through += 1
        if status is not None:
            status.update(f"compiling on {workers} workers, {through} done")

    with status_line(f"compiling on {workers} workers") as status:
        yield done


def _show(case: _Case) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have what this terminal has not
    is_known = bool(case.verdicts)
    if not sys.stdout.isatty():
        write_lines(plain_lines(case.steps, is_known))
        return
    console = Console(highlight=False)
    console.print(terminal_view(case.steps, is_known, console.encoding.startswith("utf")))


def _document(case: _Case) -> dict[str, Any]:
    """The document of `distcc-driver doctor --json`, as docs/json.md has it."""
    return {
        "version": VERSION,
        "command": "doctor",
        "result": worst(case.steps).value,
        "steps": [_step(step) for step in case.steps],
        "client": {"path": case.client, "version": case.client_version},
        "compilers": [command_document(command) for command in case.commands],
        "build_directory": tree_document(case.tree, case.tree_commands, case.verdicts),
        "bad_entries": [entry._asdict() for entry in case.bad_entries],
        "hosts": [asdict(row) for row in case.hosts],
        "trials": [_trial(trial) for trial in case.trials],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "part": step.part,
        "subjects": list(step.subjects),
        "result": step.result.value,
        "text": step.text,
        "advice": step.advice or None,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    comment = trial.made.compiler if trial.made else None
    family, version = compiler_version(comment) if comment is not None else (None, None)
    return {
        "host": trial.worker.endpoint.host.text if trial.worker else "",
        "compiler": shlex.join(trial.command.compiler),
        "sent": trial.sent,
        "outcome": trial.outcome.value,
        "elapsed_ms": None if trial.elapsed_ms is None else round(trial.elapsed_ms, 1),
        "architecture": trial.made.architecture if trial.made else None,
        "family": family,
        "compiler_version": version or None,
        "words": trial.words or None,
    }

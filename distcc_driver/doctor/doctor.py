"""`distcc-driver doctor`: finds out whether a build would be distributed, and why not."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from ..commands.output import write_lines
from ..commands.progress import Progress, status_line
from ..commands.rows import host_rows
from ..commands.survey import Survey
from ..core.errors import ConfigError
from ..core.settings import check_hosts, read_settings, read_unknown
from ..core.wording import bad_entry_line
from ..machine.children import Interrupts
from ..machine.compilers import USUAL, examine
from ..machine.log import Log
from .doctordocument import document_of
from .doctortext import plain_lines, terminal_view
from .examination import Examination
from .findings.buildtoolfindings import build_tool_findings, scons_file
from .findings.clientfindings import client_finding, client_version, directory_findings
from .findings.compilerfindings import build_directory_findings, compiler_findings
from .findings.finding import Result, worst
from .findings.hostfindings import entry_findings, error_finding, host_findings, plan_finding, setting_finding
from .findings.optionfindings import option_findings
from .findings.optionorigins import read_origins
from .findings.trialfindings import local_findings, trial_findings, untried_findings
from .rules.buildverdicts import judge
from .trees.buildtree import System, read_tree
from .trials.failurecauses import with_causes
from .trials.trial import TrialOutcome
from .trials.trialcommands import commands_to_try, option_commands, without_bare_compilers
from .trials.trialrunner import TrialRunner, deadline_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..commands.survey import Answers
    from ..core.settings import Settings


def run_doctor(compilers: Sequence[str], build_directory: str, as_json: bool) -> int:
    """Examine everything in the order of a build, and show the findings.

    `compilers` are commands to examine in place of the usual names. Returns 0, or 1 if there is a
    warning or a problem. A `ConfigError` that would end every build is the last finding, and its exit code
    is returned; with `as_json` the error is raised. Raises `SignalError`.
    """
    known = Examination(dict(os.environ), read_tree(build_directory, os.environ))
    _examine_machine(known, compilers)
    try:
        _examine_workers(known, _settings(known, as_json), is_chosen=bool(compilers))
    except ConfigError as error:
        if as_json:
            raise
        known.findings.append(error_finding(error.message))
        _show(known)
        return error.exit_code
    if as_json:
        write_lines([json.dumps(document_of(known), indent=2)])
    else:
        _show(known)
    return int(worst(known.findings) is not Result.OK)


def _examine_machine(known: Examination, compilers: Sequence[str]) -> None:
    """Examine what needs no worker: distcc's client, the compilers, the build directory."""
    known.client = shutil.which("distcc", path=known.search_path)
    known.client_version = client_version(known.client, known.environ) if known.client else None
    known.findings.append(client_finding(known.client, known.client_version))
    known.findings += directory_findings(known.environ)
    names = compilers or _compilers_of_environment(known) or _compilers_of_path(known)
    known.commands = [examine(_words(name), known.search_path) for name in names]
    known.tree_commands = [examine(found.words, known.search_path) for found in known.tree.compilers]
    known.findings += compiler_findings(known.commands, known.environ, known.is_tree_distributed)
    of_tools = build_tool_findings(known.tree)
    if not (of_tools and known.tree.system is System.NONE):
        known.findings += build_directory_findings(known.tree, known.tree_commands)
    known.findings += of_tools
    known.verdicts = [judge(command) for command in known.tree.commands]
    known.findings += option_findings(known.tree, known.verdicts, read_origins(known.tree, known.environ))


def _compilers_of_environment(known: Examination) -> list[str]:
    """CC and CXX, which most builds take from the environment.

    CC and CXX do not count with scons, or if build files name the compilers, here or in a directory below.
    """
    if known.tree.compilers or known.tree.configured or scons_file(known.tree.directory):
        return []
    return [value for name in ("CC", "CXX") if (value := known.environ.get(name, "").strip())]


def _compilers_of_path(known: Examination) -> list[str]:
    return [name for name in USUAL if shutil.which(name, path=known.search_path)]


def _words(command: str) -> list[str]:
    with contextlib.suppress(ValueError):  # a quote is never closed
        if words := shlex.split(command):
            return words
    return [command]


def _settings(known: Examination, as_json: bool) -> Settings:
    """Read the variables; raises `ConfigError` if no build can start with them.

    With `as_json` the error replaces the document, which would show the bad entries: so log them.
    """
    settings = read_settings(known.environ)
    known.findings += entry_findings(settings.bad_entries)
    for entry in settings.bad_entries if as_json and not settings.hosts else ():
        Log(settings.log_level).error(bad_entry_line(entry))
    check_hosts(settings)
    return settings


def _examine_workers(known: Examination, settings: Settings, is_chosen: bool) -> None:
    """Examine the host list, the answer of each host, and trial compilations."""
    progress = Progress(len(settings.hosts))
    known.findings += [setting_finding(warning) for warning in read_unknown(known.environ)]
    with Survey(
        settings, known.environ, Log(settings.log_level), progress.answered, progress.hidden
    ) as survey:
        with progress.shown():
            answers = survey.ask()
        known.bad_entries = settings.bad_entries
        known.hosts = host_rows(settings, answers.results, answers.plan)
        known.findings += host_findings(known.hosts)
        known.findings.append(plan_finding(answers))
        if known.client is not None:
            _try_compilers(known, answers, is_chosen)


def _try_compilers(known: Examination, answers: Answers, is_chosen: bool) -> None:
    """Compile on this machine, then on all workers with the compilers that work here."""
    runner = TrialRunner(known.environ, Interrupts())
    of_tree = [] if is_chosen else known.tree_commands
    commands, untried = commands_to_try(of_tree, known.commands, known.environ)
    known.findings += untried_findings(untried)
    with_options = [] if is_chosen else option_commands(known.verdicts, known.search_path)
    with status_line("compiling on this machine"):
        local = runner.try_here([*commands, *(one for one in with_options if one not in commands)])
    known.findings += local_findings([trial for trial in local if trial.command in commands])
    local = [trial for trial in local if trial.outcome is TrialOutcome.COMPILED]
    local = without_bare_compilers(local, with_options)
    with _progress_of_trials(len(answers.workers)) as one_is_done:
        found = runner.try_workers(answers.workers, [trial.command for trial in local], one_is_done)
        known.trials = with_causes(runner, found, local, known.environ)
    known.findings += trial_findings(known.trials, local, deadline_s(known.environ))


@contextlib.contextmanager
def _progress_of_trials(workers: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many workers are done; yields the function to call for each of them."""
    done = 0

    def one_is_done() -> None:
        nonlocal done
        done += 1
        if status is not None:
            status.update(f"compiling on {workers} workers, {done} done")

    with status_line(f"compiling on {workers} workers") as status:
        yield one_is_done


def _show(known: Examination) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal may lack characters of names
    has_commands = bool(known.verdicts)
    if not sys.stdout.isatty():
        write_lines(plain_lines(known.findings, has_commands))
        return
    console = Console(highlight=False)
    console.print(terminal_view(known.findings, has_commands, console.encoding.startswith("utf")))

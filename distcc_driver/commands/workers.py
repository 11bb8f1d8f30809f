"""`distcc-driver workers`: asks all hosts as a build would, and shows what they say."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from ..core.settings import check_hosts, read_log_level, read_settings, read_unknown
from ..core.wording import bad_entry_line
from ..machine.log import Log
from .document import workers_document
from .output import write_lines
from .progress import Progress
from .rows import host_rows
from .screen import Screen
from .survey import Survey
from .tables import plain_lines, terminal_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.settings import Settings
    from .survey import Answers


def run_workers(hosts: Sequence[str], watch_s: float | None, as_json: bool) -> int:
    """Show `hosts`, or those of the environment, once or every `watch_s` seconds.

    Returns 0, or 1 if one of them is left out. Raises `ConfigError` in the same cases as a build.
    """
    environ = _environ(hosts)
    settings = _settings(environ)
    progress = Progress(len(settings.hosts))
    log = Log(settings.log_level)
    with Survey(settings, environ, log, progress.answered, progress.hidden) as survey:
        with progress.shown():
            answers = survey.ask()
        if watch_s is None:
            _show(settings, answers, as_json)
        else:
            _watch(survey, settings, answers, watch_s, as_json)
    return _exit_code(settings, answers)


def _environ(hosts: Sequence[str]) -> dict[str, str]:
    """The environment, in which `hosts` replace those of the list."""
    environ = dict(os.environ)
    if hosts:
        environ["DISTCC_AUTO_HOSTS"] = " ".join(hosts)
    return environ


def _settings(environ: Mapping[str, str]) -> Settings:
    log = Log(read_log_level(environ))
    for warning in read_unknown(environ):
        log.warning(warning.line)
    settings = read_settings(environ)
    for entry in settings.bad_entries if not settings.hosts else ():  # with hosts, the table shows them
        log.error(bad_entry_line(entry))
    check_hosts(settings)
    return settings


def _show(settings: Settings, answers: Answers, as_json: bool, indent: int | None = 2) -> None:
    if as_json:
        write_lines([json.dumps(_document(settings, answers), indent=indent)])
    elif _is_terminal():
        console = Console(highlight=False)
        console.print(terminal_view(settings, answers))
    else:
        write_lines(plain_lines(settings, answers))


def _watch(survey: Survey, settings: Settings, answers: Answers, pause_s: float, as_json: bool) -> None:
    """Show the answers and ask again, until a signal comes."""
    console = Console(highlight=False)
    screen = Screen(console)
    is_live = _is_terminal() and not as_json and not console.is_dumb_terminal
    try:
        while True:
            if is_live:
                footer = f"asked at {time.strftime('%H:%M:%S')}, every {pause_s:g} s; Ctrl-C ends it"
                screen.show(terminal_view(settings, answers), footer)
            else:
                _show(settings, answers, as_json, indent=None)
            time.sleep(pause_s)
            answers = survey.ask()
    finally:
        screen.leave()


def _document(settings: Settings, answers: Answers) -> dict[str, object]:
    return workers_document(settings, answers.results, answers.plan, answers.refusal.line)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _exit_code(settings: Settings, answers: Answers) -> int:
    rows = host_rows(settings, answers.results, answers.plan)
    return int(bool(settings.bad_entries) or any(row.is_missed for row in rows))

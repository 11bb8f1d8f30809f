"""The entry point of builds: reads the environment, asks the workers, makes a plan and prints it."""

from __future__ import annotations

import os
import sys
import time
from errno import EAGAIN, EMFILE, ENFILE, ENOMEM

from .core.balance import Outcome, Plan, balance
from .core.errors import DriverError, internal_error
from .core.facts import Endpoint, split_results
from .core.selection import select
from .core.settings import (
    Settings,
    check_hosts,
    read_log_level,
    read_settings,
    read_warnings,
    wait_warning,
)
from .core.shellcode import release_command, report_words, shell_code
from .core.wording import (
    bad_entry_line,
    describe,
    limit_message,
    memory_cause,
    rejection_lines,
    summarise,
)
from .machine import stdout
from .machine.backoff import remove_marks
from .machine.capacity import local_capacity
from .machine.ccacheprefix import ccache_prefix
from .machine.log import Log
from .network.probe import ask_all
from .network.timelimit import TimeLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from .core.facts import Rejection, Worker
    from .network.waiting import Waiting


def shell_text(outcome: Outcome) -> str:
    """The text that `distcc_build` evaluates."""
    path = outcome.session_path
    return shell_code(
        outcome.plan,
        outcome.settings,
        release_command(sys.executable, path) if path else "",
        report_words(sys.executable, outcome.plan, outcome.settings, time.monotonic()),
        ccache_prefix(),
    )


def plan_build(
    environ: Mapping[str, str],
    shell_pid: int | None = None,
    text_of: Callable[[Outcome], str] = shell_text,
) -> None:
    """Print the plan of a build, as `text_of` writes it, and say on standard error how it was made.

    `shell_pid` is the `$$` of the shell that evaluates the text. Raises `ConfigError` or
    `NoCapacityError` if no build is possible; then all tunnels are closed.
    """
    log = Log(read_log_level(environ))
    for warning in read_warnings(environ):
        log.warning(warning.line)
    settings = read_settings(environ)
    for entry in settings.bad_entries:
        log.error(bad_entry_line(entry))
    check_hosts(settings)
    if about_waiting := wait_warning(settings):
        log.warning(about_waiting.line)
    waiting = _waiting(settings, log)
    direct = [Endpoint.direct(host) for host in settings.tcp_hosts]
    if settings.ssh_hosts:
        while not _plan_with_tunnels(direct, settings, environ, log, shell_pid, text_of, waiting):
            pass
        return
    if waiting:
        results = waiting.ask_direct(direct)
    else:
        results = ask_all(direct, TimeLimit(settings.connect_timeout_s))
    outcome = _plan(results, settings, log)
    _remove_backoff_marks(outcome.plan, environ, log)
    stdout.write(text_of(outcome))


def _waiting(settings: Settings, log: Log) -> Waiting | None:
    if not settings.wait_for or not settings.wait_timeout_s:
        return None
    from .network.waiting import Waiting  # only for a build that waits

    return Waiting(settings, log)


def _plan_with_tunnels(
    direct: Sequence[Endpoint],
    settings: Settings,
    environ: Mapping[str, str],
    log: Log,
    shell_pid: int | None,
    text_of: Callable[[Outcome], str],
    waiting: Waiting | None,
) -> bool:
    """Print the plan. False if too few workers answered: it has waited, and is to be called again."""
    from .ssh.buildtunnels import BuildTunnels  # takes long, so only for SSH hosts

    with BuildTunnels(settings.ssh_hosts, environ, shell_pid) as tunnels:
        results = ask_all(direct, TimeLimit(settings.connect_timeout_s))
        tunnels.connect(log)
        results += tunnels.ask_all(TimeLimit(settings.connect_timeout_s))
        if waiting and waiting.pause(results):
            return False
        outcome = _plan(results, settings, log)
        _remove_backoff_marks(outcome.plan, environ, log)
        path = tunnels.keep(outcome.plan, settings.log_level)
        stdout.write(text_of(outcome._replace(session_path=path)))
        tunnels.hand_over()
    return True


def _plan(results: Sequence[Worker | Rejection], settings: Settings, log: Log) -> Outcome:
    """Make a plan for the hosts that answered, and say which hosts are left out."""
    stdout.end_if_gone()  # else the lines would follow the next prompt of the shell
    in_order = select(settings.hosts, results)
    workers, rejections = split_results(in_order)
    for line in rejection_lines([rejection for rejection in rejections if not rejection.same_as]):
        log.warning(line)
    for rejection in rejections:
        if rejection.same_as:
            log.debug(f"{rejection.host.text}: {rejection.cause}")
    for worker in workers:
        log.debug(f"{worker.endpoint.host.text}: {describe(worker)}")
    plan = balance(settings, workers, local_capacity())
    _say_plan(plan, settings, log)
    return Outcome(settings, in_order, plan)


def _remove_backoff_marks(plan: Plan, environ: Mapping[str, str], log: Log) -> None:
    """Remove distcc's back-off marks of the plan's workers, which have just answered."""
    for share in remove_marks(environ, plan.shares):
        name = share.worker.endpoint.host.text
        log.debug(f"{name}: distcc had a mark to avoid it after a failure; removed")


def _say_plan(plan: Plan, settings: Settings, log: Log) -> None:
    """Say how many jobs the build gets, and which workers that answered are left out."""
    for worker in plan.dropped:
        log.debug(f"{worker.endpoint.host.text}: {memory_cause(worker, settings)}; left out")
    if plan.unlisted:
        log.warning(
            f"DISTCC_HOSTS: full at 128 KiB; the {len(plan.unlisted)} worst workers are left out, "
            f"{plan.unlisted[0].endpoint.host.text} the first of them"
        )
    if plan.shares and settings.backoff_warning:
        log.warning(settings.backoff_warning.line)
    summary = summarise(plan)
    if not plan.shares:
        log.warning(f"{summary}: no worker is available; run distcc-driver doctor to find out why")
    elif plan.limit:
        log.warning(limit_message(plan, plan.limit).line)
    else:
        log.info(summary)
    log.debug(f"distcc runs up to {plan.local_slots} jobs here that it cannot distribute")
    log.debug(f"distcc pauses {plan.pause_ms} ms when every slot is taken")


def main(shell_pid: int | None = None, *, text_of: Callable[[Outcome], str] = shell_text) -> NoReturn:
    """Print the plan of this environment. Ends the process with 0, 96, 97, or 128 + a signal's number."""
    try:
        plan_build(os.environ, shell_pid, text_of)
        code = 0
    except DriverError as error:
        Log("error").error(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except SystemExit as interrupted:
        code = int(interrupted.code or 0)
    except Exception as error:
        Log("error").error(_unexpected(error))
        code = 96
    os._exit(code)  # at once: a thread may still wait for a name server


def _unexpected(error: Exception) -> str:
    """The line about an error that no module handles: a limit of this machine, or a bug of the driver."""
    too_many = isinstance(error, OSError) and error.errno in (EAGAIN, EMFILE, ENFILE, ENOMEM)
    if too_many or isinstance(error, MemoryError) or "start new thread" in str(error):
        cause = str(error) or "MemoryError"
        return f"ulimit: no more processes, open files or memory here ({cause}); raise ulimit -u, -n or -v"
    return internal_error(error).line

"""From the environment to a plan: calls the other modules in order. The build path's door."""

from __future__ import annotations

import os

from .balance import Plan, balance
from .capacity import local_capacity
from .errors import ConfigError, DriverError
from .hostspec import TcpHost
from .log import Log
from .probe import Endpoint, Rejection, Worker, ask_all
from .settings import Settings, read_settings
from .shellcode import shell_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_NAMED_WORKERS = 8


def plan_build(environ: Mapping[str, str]) -> str:
    """The shell text of a build's environment; says on stderr how it came about.

    Raises `ConfigError` or `NoCapacityError` if there can be no build.
    """
    settings = read_settings(environ)
    log = Log(settings.log_level)
    for warning in settings.warnings:
        log.warning(warning)
    _report_bad_entries(settings, log)
    workers = _usable_workers(settings, log)
    plan = balance(settings, workers, local_capacity())
    _report_plan(plan, settings, log)
    return shell_code(plan, settings)


def _report_bad_entries(settings: Settings, log: Log) -> None:
    for entry in settings.bad_entries:
        log.error(
            f"DISTCC_AUTO_HOSTS: entry {entry.position} {entry.text!r}, "
            f"character {entry.column}: {entry.reason}; skipped"
        )
    if not settings.hosts:
        raise ConfigError("DISTCC_AUTO_HOSTS: no valid entry; write HOST[:PORT[:STATS_PORT]] or ssh://HOST")


def _usable_workers(settings: Settings, log: Log) -> list[Worker]:
    endpoints = []
    for host in settings.hosts:
        if isinstance(host, TcpHost):
            endpoints.append(Endpoint(host, host.address, host.job_port, host.stats_port))
        else:
            log.warning(f"{host.text}: SSH hosts are not supported yet; left out")
    results = ask_all(endpoints, settings.connect_timeout_s)
    for result in results:
        if isinstance(result, Rejection):
            log.warning(f"{result.host.text}: {result.cause}; {result.advice}")
        else:
            log.debug(f"{result.endpoint.host.text}: {_describe(result)}")
    return [result for result in results if isinstance(result, Worker)]


def _describe(worker: Worker) -> str:
    stats = worker.stats
    load = "unknown" if stats.load is None else f"{stats.load:.2f}"
    memory = "unknown" if stats.free_memory_mib is None else f"{stats.free_memory_mib} MiB"
    return f"{stats.slots} slots, mean load {load}, free memory {memory}"


def _report_plan(plan: Plan, settings: Settings, log: Log) -> None:
    for worker in plan.dropped:
        log.debug(
            f"{worker.endpoint.host.text}: {worker.stats.free_memory_mib} MiB free are too little for one "
            f"compiler of DISTCC_AUTO_COMPILER_MEMORY={settings.compiler_memory_mib} MiB; left out"
        )
    summary = summarise(plan)
    if plan.shares:
        log.info(summary)
    else:
        log.warning(f"{summary}: no worker is available")
    log.debug(f"distcc pauses {plan.pause_ms} ms when every slot is taken")


def summarise(plan: Plan) -> str:
    """One line: the job count and what it is made of."""
    parts = []
    if plan.shares:
        named = [f"{share.worker.endpoint.host.text}: {share.jobs}" for share in plan.shares[:_NAMED_WORKERS]]
        if len(plan.shares) > _NAMED_WORKERS:
            named.append(f"{len(plan.shares) - _NAMED_WORKERS} more")
        parts.append(f"{plan.remote_jobs} remote ({', '.join(named)})")
    if plan.local_jobs:
        parts.append(f"{plan.local_jobs} local")
    if plan.saturation_jobs:
        parts.append(f"{plan.saturation_jobs} preprocessing")
    return f"-j {plan.jobs} = {' + '.join(parts)}"


def main() -> NoReturn:
    """Print the plan of this environment; ends the process with 0, 96, 97 or 130."""
    try:
        text = plan_build(os.environ)
        with open(1, "w", encoding="ascii", closefd=False) as output:
            output.write(text)
        code = 0
    except DriverError as error:
        Log("error").error(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # the user's shell is no place for a traceback
        Log("error").error(f"internal error: {error!r}; please report it")
        code = 96
    os._exit(code)  # at once: a thread may still wait for a name server

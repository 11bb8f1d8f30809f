"""Makes the lines that `distcc-driver worker` prints. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...machine.log import printable
from .daemonoptions import entry, network_text, ssh_entry
from .joblog import Denied

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .allowedcompilers import AllowedCompilers
    from .daemonoptions import DaemonOptions
    from .joblog import Job


def start_lines(options: DaemonOptions, reason: str, user: str) -> list[str]:
    """Lines about the user and the slots of distccd, and about its clients."""
    slots = "1 slot" if options.slots == 1 else f"{options.slots} slots"
    first = f"distccd runs as user {user}, {slots} ({reason})"
    if options.is_local:
        return [first, "clients: this machine only; others need --allow, as in --allow 192.168.0.0/16"]
    networks = ", ".join(map(network_text, options.networks))
    return [
        first,
        f"clients: {networks}, at ports {options.job_port} and {options.stats_port}",
        f"clients can have every file read that user {user} may read",
    ]


def compiler_lines(compilers: AllowedCompilers, command_list: str | None) -> list[str]:
    """Lines about the compilers that distccd runs and does not run. `command_list` is a path."""
    if command_list is not None:
        return [f"compilers: those in {command_list} (DISTCC_CMDLIST)"]
    lines = [f"compilers: {' '.join(compilers.allowed)}"]
    if compilers.unlinked:
        names = " ".join(compilers.unlinked)
        lines.append(f"no link in {compilers.directory}: {names}; run update-distcc-symlinks as root")
    return lines


def entry_lines(options: DaemonOptions, addresses: Sequence[str], host_name: str) -> list[str]:
    """Lines with the variable to set where the build runs. Several assignments lead to the same worker."""
    if not options.is_local:
        places = [entry(address, options) for address in addresses]
        return ["where the build runs:", *map(_assignment, places)]
    return [
        "where the build runs, here:",
        _assignment(entry(options.local_address, options)),
        "or on a machine that logs in here by SSH:",
        _assignment(ssh_entry(host_name, options)),
    ]


def _assignment(host: str) -> str:
    return f'    export DISTCC_AUTO_HOSTS="{host}"'


def introduction(lines: Iterable[str]) -> list[str]:
    """All lines before the first job, each after the name of the command."""
    return [f"worker: {printable(line)}" for line in [*lines, "Ctrl-C ends it; jobs as they end:"]]


def event_line(event: Job | Denied, moment: str) -> str:
    """A line about a job, or about a client that was not let in."""
    if isinstance(event, Denied):
        words = [moment, event.client, "refused, no --allow has its address"]
    else:
        words = [moment, event.client, event.outcome, f"{event.elapsed_ms} ms", event.compiler, event.source]
    return printable("  ".join(filter(None, words)))

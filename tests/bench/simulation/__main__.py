"""Prints every scenario: `python -m tests.bench.simulation`."""

from __future__ import annotations

import sys

from ..result import aligned
from .model import Result, bound_s, cores_bound_s, simulate, slots_bound_s
from .scenarios import Scenario, scenarios

_HEAD = (
    "scenario",
    "",
    "-j",
    "pause s",
    "makespan s",
    "slots' bound",
    "cores' bound",
    "ratio",
    "load of workers",
    "client CPU",
    "looking",
    "failed",
    "here",
)


def main() -> None:
    rows = [_HEAD, *(_row(scenario, simulate(scenario.workers, scenario.users)) for scenario in scenarios())]
    sys.stdout.write("\n".join(aligned(rows)) + "\n")


def _row(scenario: Scenario, result: Result) -> tuple[str, ...]:
    """One row of the table. All users have the same settings, and CPU time is that of all their machines."""
    user = scenario.users[0]
    cpu_s = user.cores * result.makespan_s * len(scenario.users)
    work_s = sum(file.remote_s for each in scenario.users for file in each.files)
    return (
        scenario.name,
        scenario.way,
        str(user.jobs),
        f"{user.pause_s:.2f}",
        f"{result.makespan_s:.1f}",
        f"{slots_bound_s(scenario.workers, work_s):.1f}",
        f"{cores_bound_s(scenario.users):.1f}",
        f"{result.makespan_s / bound_s(scenario.workers, scenario.users):.2f}",
        f"{min(result.loads):.0%} to {max(result.loads):.0%}",
        f"{sum(each.client_s for each in result.users) / cpu_s:.1%}",
        f"{sum(each.looking_s for each in result.users) / cpu_s:.1%}",
        str(sum(each.failures for each in result.users)),
        str(sum(each.compiled_here for each in result.users)),
    )


if __name__ == "__main__":
    main()

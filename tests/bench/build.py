"""Compares the time of a whole build with the least that its workers need, and with distcc set up by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..support.ports import LOOPBACK, host_spec, silent_port
from .cluster import Cluster
from .result import Result
from .shells import ROOT, SHELLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .result import Case

_FEW_RUNS = 3
_OF_BY_HAND = 1.03
_DEAD_SLOTS = 4
_DRIVER = "distcc_build"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Files that take `seconds` each, over workers with `slots` each.

    The bound is the time in which all slots together could do the work. The makespan (the time of the build)
    may be `limit` times the bound. `is_first_dead`: one more host is first in the list, and never answers.
    `is_last_killed`: the last worker is killed after half of the bound.
    """

    name: str
    seconds: list[float]
    slots: list[int]
    limit: float | None = None
    is_first_dead: bool = False
    is_last_killed: bool = False

    @property
    def half_s(self) -> float:
        return sum(self.seconds) / sum(self.slots) / 2

    @property
    def bound_s(self) -> float:
        after = self.slots[:-1] if self.is_last_killed else self.slots
        return self.half_s + sum(self.seconds) / 2 / sum(after)


def makespans(runs: int, scenario: Scenario) -> Iterator[Result]:
    """Times `distcc_build make`, and the two usual ways to set the number of jobs by hand."""
    slots = sum(scenario.slots) + scenario.is_first_dead * _DEAD_SLOTS
    by_hand = {f"make -j {slots}": slots, f"make -j {slots + _processors()}": slots + _processors()}
    times: dict[str, list[float]] = {way: [] for way in (_DRIVER, *by_hand)}
    for _ in range(min(runs, _FEW_RUNS)):
        for way, found in times.items():
            found.append(_makespan_s(scenario, by_hand.get(way)))
    result = partial(
        Result,
        case=scenario.name,
        way="bash",
        measured=f"{_DRIVER} make",
        measured_runs=times[_DRIVER],
        unit="s",
    )
    yield result(reference="bound", reference_runs=[scenario.bound_s], limit=scenario.limit)
    compared = [
        result(reference=f"{way} by hand", reference_runs=times[way], limit=_OF_BY_HAND) for way in by_hand
    ]
    yield from sorted(compared, key=lambda one: one.reference_median)[:1]
    slower = max(compared, key=lambda one: one.reference_median)
    yield result(reference=slower.reference, reference_runs=slower.reference_runs, limit=None)


_MIXED = [2.0 if number % 10 == 5 else 0.2 for number in range(120)]
_SCENARIOS = {
    "short": Scenario("120 x 0.3 s on 8 + 4", [0.3] * 120, [8, 4], limit=1.30),
    "long": Scenario("120 x 1.0 s on 8 + 4", [1.0] * 120, [8, 4], limit=1.10),
    "mixed": Scenario("108 x 0.2 s, 12 x 2 s on 8 + 4 + 2", _MIXED, [8, 4, 2]),
    "dead": Scenario("120 x 0.3 s on 8 + 4, one dead", [0.3] * 120, [8, 4], is_first_dead=True),
    "killed": Scenario("120 x 0.3 s on 8 + 4, the 4 killed", [0.3] * 120, [8, 4], is_last_killed=True),
}

CASES: dict[str, Case] = {
    name: partial(makespans, scenario=scenario) for name, scenario in _SCENARIOS.items()
}


def _processors() -> int:
    return os.cpu_count() or 1


def _makespan_s(scenario: Scenario, jobs: int | None) -> float:
    """The time of one build on new workers: by hand with this number of jobs, or by `distcc_build`."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(scenario.slots, scenario.seconds))
        specs, distcc_hosts = cluster.specs, cluster.distcc_hosts
        if scenario.is_first_dead:
            port = stack.enter_context(silent_port())
            specs.insert(0, host_spec(LOOPBACK, port, port))
            distcc_hosts.insert(0, f"{LOOPBACK}:{port}/{_DEAD_SLOTS},lzo")
        environ = cluster.environ()
        make = shlex.join(["make", "-s", "-C", str(cluster.project)])
        if jobs is None:
            environ["DISTCC_AUTO_HOSTS"] = " ".join(specs)
            script = f'. "$1"; {_DRIVER} {make}'
        else:
            environ["DISTCC_HOSTS"] = " ".join(distcc_hosts)
            script = f"{make} -j {jobs}"
        if scenario.is_last_killed:
            stack.enter_context(cluster.killing_last(scenario.half_s))
        time_s = _run_s(script, environ)
        missing = len(scenario.seconds) - sum(1 for _ in cluster.project.glob("*.o"))
        if missing or (not scenario.is_last_killed and cluster.compiled != len(scenario.seconds)):
            raise RuntimeError(f"{scenario.name}: not every file was compiled by a worker")
        return time_s


def _run_s(script: str, environ: Mapping[str, str]) -> float:
    """The time that a shell takes for a script, from its start to its end."""
    start = time.perf_counter()
    done = subprocess.run(
        [*SHELLS["bash"], script, "bash", str(ROOT / "distcc.sh")],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a build ended with {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - start

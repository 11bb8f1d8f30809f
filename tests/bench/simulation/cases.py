"""Compares the simulation with real builds of the same files and settings, and shows its scenarios."""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from distcc_driver.machine.capacity import local_capacity

from ..cluster import Cluster
from ..result import Case, Result
from .model import File, User, Worker, bound_s, simulate
from .scenarios import planned, scenarios

_RUNS = 5
_DIFFERENCE = 0.10
_SAMPLES = 40
_SAMPLE_S = 0.3
_SEEDS = 9
_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """Files that take `seconds` each, over workers with `slots` each. The last worker may be killed."""

    name: str
    seconds: Sequence[float]
    slots: Sequence[int]
    kill_at_s: float | None = None


_TRIALS = {
    "short": Trial("120 x 0.3 s on 8 + 4", [0.3] * 120, [8, 4]),
    "long": Trial("120 x 1.0 s on 8 + 4", [1.0] * 120, [8, 4]),
    "mixed": Trial(
        "108 x 0.2 s, 12 x 2 s on 8 + 4 + 2",
        [2.0 if number % 10 == 5 else 0.2 for number in range(120)],
        [8, 4, 2],
    ),
    "killed": Trial("120 x 0.3 s on 8 + 4, the 4 killed", [0.3] * 120, [8, 4], kill_at_s=1.5),
}


def compare(runs: int, trial: Trial) -> Iterator[Result]:
    """Compares simulated and real makespans, with the driver's plan and with distcc's own settings.

    Real files of one kind do not all cost the same. If simulated files did, the jobs would run in step and
    meet at the locks more often than real jobs do. So each file gets a random share of the measured costs.
    """
    costs = measured_costs()
    workers = [Worker(slots) for slots in trial.slots]
    workers[-1] = replace(workers[-1], fails_at_s=trial.kill_at_s)
    files = [replace(costs, remote_s=seconds) for seconds in trial.seconds]
    plan = planned(workers, files, local_capacity().threads)
    by_hand = replace(plan, jobs=sum(trial.slots), localslots_cpp=8, pause_s=1.0)
    for way, user in {"planned": plan, "by hand": by_hand}.items():
        real_s = [_real_s(trial, user) for _ in range(min(runs, _RUNS))]
        simulated_s = [simulate(workers, [_varied(user, seed)]).makespan_s for seed in range(_SEEDS)]
        off_s = statistics.median(simulated_s) - statistics.median(real_s)
        yield Result(
            case=trial.name,
            way=f"{way}, -j {user.jobs}",
            measured=f"simulation, {off_s:+.2f} s",
            measured_runs=[abs(off_s)],
            reference="real makespan",
            reference_runs=real_s,
            limit=_DIFFERENCE,
            unit="s",
        )


def simulated(_runs: int) -> Iterator[Result]:
    """Compares each scenario with its bound. The simulation gives the same result in every run."""
    for scenario in scenarios():
        yield Result(
            case=scenario.name,
            way=scenario.way,
            measured="simulated makespan",
            measured_runs=[simulate(scenario.workers, scenario.users).makespan_s],
            reference="bound",
            reference_runs=[bound_s(scenario.workers, scenario.users)],
            limit=None,
            unit="s",
        )


def _varied(user: User, seed: int) -> User:
    """The user's files, with random CPU times around the given ones."""
    rng = random.Random(seed)
    files = []
    for file in user.files:
        cpp, start, finish = (rng.uniform(1 - _SPREAD, 1 + _SPREAD) for _ in range(3))
        files.append(
            replace(
                file,
                cpp_s=file.cpp_s * cpp,
                start_s=file.start_s * start,
                finish_s=file.finish_s * finish,
            )
        )
    return replace(user, files=files)


CASES: dict[str, Case] = {
    **{name: partial(compare, trial=trial) for name, trial in _TRIALS.items()},
    "scenarios": simulated,
}


def measured_costs() -> File:
    """The CPU seconds of a file of the cluster, whose client and worker share this machine's cores.

    The CPU time of make and its children is the client's. The CPU time of distccd and its compiler counts as
    if it came after the compiler's sleep. The compilers sleep as in the builds to compare, because that
    leaves the processor's caches cold.
    """
    cores = local_capacity().threads
    with Cluster([2 * cores], [_SAMPLE_S] * _SAMPLES) as cluster:
        environ = _environ(cluster, User([], 2 * cores, cores))
        server = cluster.workers[0].pid
        client_s, server_s = -_children_s(), -_session_s(server)
        _make(cluster, environ, 2 * cores)
        client_s, server_s = client_s + _children_s(), server_s + _session_s(server)
        cpp_s = -_children_s()
        for source in cluster.project.glob("*.c"):
            subprocess.run(
                [f"bench-cc-{_SAMPLE_S:g}", "-E", str(source)], env=environ, capture_output=True, check=True
            )
        cpp_s += _children_s()
    return File(
        0.0,
        cpp_s=cpp_s / _SAMPLES,
        start_s=max(0.0, client_s - cpp_s) / _SAMPLES,
        finish_s=server_s / _SAMPLES,
    )


def _children_s() -> float:
    """The CPU seconds of all ended descendants of this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _session_s(leader: int) -> float:
    """The CPU seconds of a session's processes and of their ended children (`stat` in proc(5))."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has ended meanwhile
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _environ(cluster: Cluster, user: User) -> dict[str, str]:
    words = [f"--localslots_cpp={user.localslots_cpp}", *cluster.distcc_hosts]
    return {
        **cluster.environ(),
        "DISTCC_HOSTS": " ".join(words),
        "DISTCC_PAUSE_TIME_MSEC": f"{user.pause_s * 1000:.0f}",
    }


def _make(cluster: Cluster, environ: Mapping[str, str], jobs: int) -> None:
    command = ["make", "-s", "-C", str(cluster.project), "-j", str(jobs)]
    subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)


def _real_s(trial: Trial, user: User) -> float:
    with Cluster(trial.slots, trial.seconds) as cluster:
        environ = _environ(cluster, user)
        with cluster.killing_last(trial.kill_at_s):
            start_s = time.perf_counter()
            _make(cluster, environ, user.jobs)
            return time.perf_counter() - start_s

"""Measures the time, memory and descriptors that `distcc_build` takes before the first process of a build."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from ..support.farm import Farm, address_of
from ..support.ports import host_spec, silent_port
from .result import Result, milliseconds
from .shells import ROOT, SHELLS, run_script, user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .result import Case

_INTERPRETER = ".venv/bin/python"
_TIMEOUT_S = 0.5
_BEYOND_TIMEOUT_MS = 300
_FEW_RUNS = 3
_FEW_DESCRIPTORS = "ulimit -n 1024"
_ALL_DEAD = 0

# The shell takes the times itself, from call to return. The first call prints the hosts, and is not timed.
_SCRIPT = """
. "$1"
[ -z "${ZSH_VERSION-}" ] || zmodload zsh/datetime
distcc_build eval 'printf "%s\\n" "$DISTCC_HOSTS" #' || exit
run=0
while [ "$run" -lt "$3" ]; do
    start=$EPOCHREALTIME
    "$2" -c pass
    middle=$EPOCHREALTIME
    distcc_build true || exit
    printf '%s %s %s\\n' "$start" "$middle" "$EPOCHREALTIME"
    run=$((run + 1))
done
"""

# A small process that starts the plan: a process begins with the peak memory of its parent (getrusage(2)).
_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def daemons(runs: int) -> Iterator[Result]:
    """Two real daemons, each of which answers one connection at a time."""
    with ExitStack() as stack:
        specs = []
        for slots in (4, 2):
            daemon = Distccd(slots)
            stack.callback(daemon.stop)
            specs.append(daemon.spec)
        yield from _starts("2 distccds", specs, runs, limit=3.0)


def farm(runs: int, count: int, limit: float) -> Iterator[Result]:
    """A number of workers that answer at once."""
    with Farm() as workers:
        yield from _starts(f"{count} workers", workers.specs(count), runs, limit)


def few_descriptors(runs: int, count: int) -> Iterator[Result]:
    """As many workers as allowed descriptors: the plan cannot ask all of them at the same time."""
    with Farm() as workers:
        times = _times("bash", workers.specs(count), runs, count, before=_FEW_DESCRIPTORS)
        way = f"bash, {_FEW_DESCRIPTORS}"
        yield _in_interpreter_starts(f"{count} workers", way, times, limit=None)
        yield Result(
            case=f"{count} workers",
            way=way,
            measured="connections at once",
            measured_runs=[workers.most_connections],
            reference="descriptors allowed",
            reference_runs=[1024],
            limit=1.0,
            unit="",
        )


def silent(runs: int, count: int) -> Iterator[Result]:
    """Hosts that never answer: many of them may take only as long as one."""
    with silent_port("0.0.0.0") as port:
        specs = [host_spec(address_of(number), port, port) for number in range(count)]
        for shell in SHELLS:
            times = _times(shell, specs, min(runs, _FEW_RUNS), _ALL_DEAD)
            yield Result(
                case=f"{count} silent hosts",
                way=shell,
                measured="distcc_build true",
                measured_runs=[milliseconds(middle, end) for _, middle, end in times],
                reference="connect timeout + 300 ms",
                reference_runs=[_TIMEOUT_S * 1000 + _BEYOND_TIMEOUT_MS],
                limit=1.0,
            )


def memory(runs: int, count: int, limit_mib: int) -> Iterator[Result]:
    """The peak memory of the plan."""
    interpreter = str(ROOT / _INTERPRETER)
    peaks_mib = []
    with Farm() as workers:
        environ = _environ(workers.specs(count))
        for _ in range(min(runs, _FEW_RUNS)):
            done = subprocess.run(
                [interpreter, "-ISsc", _PEAK, interpreter, "-ESs", "-m", "distcc_driver", "plan"],
                env=environ,
                cwd=ROOT,
                capture_output=True,
                check=True,
            )
            peaks_mib.append(int(done.stdout) / 1024)
    yield Result(
        case=f"{count} workers",
        way="",
        measured="peak memory of the plan",
        measured_runs=peaks_mib,
        reference="allowed",
        reference_runs=[limit_mib],
        limit=1.0,
        unit="MiB",
    )


CASES: dict[str, Case] = {
    "daemons": daemons,
    **{
        f"farm-{count}": partial(farm, count=count, limit=limit)
        for count, limit in ((2, 3.0), (8, 3.2), (64, 4.5), (256, 9.0), (1000, 22.0))
    },
    "few-descriptors": partial(few_descriptors, count=1000),
    **{f"silent-{count}": partial(silent, count=count) for count in (10, 64, 1000)},
    **{
        f"memory-{count}": partial(memory, count=count, limit_mib=limit_mib)
        for count, limit_mib in ((64, 20), (1000, 60))
    },
}


def _starts(case: str, specs: Sequence[str], runs: int, limit: float) -> Iterator[Result]:
    for shell in SHELLS:
        yield _in_interpreter_starts(case, shell, _times(shell, specs, runs, len(specs)), limit)


def _environ(specs: Sequence[str]) -> dict[str, str]:
    return {
        **user_environ(),
        "DISTCC_AUTO_HOSTS": " ".join(specs),
        "DISTCC_AUTO_CONNECT_TIMEOUT": str(_TIMEOUT_S),
    }


def _times(
    shell: str, specs: Sequence[str], runs: int, expected: int, before: str = ""
) -> list[tuple[float, float, float]]:
    """For each run, when it started the interpreter, called `distcc_build`, and ended, in seconds."""
    arguments = [str(ROOT / _INTERPRETER), str(runs)]
    hosts, *lines = run_script(shell, f"{before}\n{_SCRIPT}", arguments, _environ(specs))
    if hosts.count(",lzo") != expected:
        raise RuntimeError(f"{shell}: {hosts.count(',lzo')} of {expected} workers take part: {hosts}")
    return [(float(start), float(middle), float(end)) for start, middle, end in map(str.split, lines)]


def _in_interpreter_starts(
    case: str, way: str, times: list[tuple[float, float, float]], limit: float | None
) -> Result:
    return Result(
        case=case,
        way=way,
        measured="distcc_build true",
        measured_runs=[milliseconds(middle, end) for _, middle, end in times],
        reference=f"{_INTERPRETER} -c pass",
        reference_runs=[milliseconds(start, middle) for start, middle, _ in times],
        limit=limit,
    )

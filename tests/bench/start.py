"""How long `distcc_build` takes before the build's first process, in starts of a bare interpreter."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from .result import Result
from .shells import ROOT, SHELLS, run_script, user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .result import Case

_INTERPRETER = ".venv/bin/python"

# Timed inside one shell, from call to return. The first call, which does not count, tells the hosts.
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


def two_workers(runs: int) -> Iterator[Result]:
    """Two daemons that answer at once."""
    with _daemons(4, 2) as daemons:
        yield from _starts("2 workers", daemons, runs, target=5.0)


CASES: list[Case] = [two_workers]


@contextmanager
def _daemons(*slots: int) -> Iterator[list[Distccd]]:
    with ExitStack() as stack:
        daemons = []
        for number in slots:
            daemons.append(Distccd(number))
            stack.callback(daemons[-1].stop)
        yield daemons


def _starts(case: str, daemons: list[Distccd], runs: int, target: float) -> Iterator[Result]:
    environ = user_environ()
    environ["DISTCC_AUTO_HOSTS"] = " ".join(daemon.spec for daemon in daemons)
    for shell in SHELLS:
        hosts, *lines = run_script(shell, _SCRIPT, [str(ROOT / _INTERPRETER), str(runs)], environ)
        if any(daemon.distcc_host not in hosts.split() for daemon in daemons):
            raise RuntimeError(f"{case}, {shell}: not every worker takes part: {hosts}")
        times = [[float(word) for word in line.split()] for line in lines]
        yield Result(
            case=case,
            shell=shell,
            measured="distcc_build true",
            measured_runs_s=[end - middle for _, middle, end in times],
            reference=f"{_INTERPRETER} -c pass",
            reference_runs_s=[middle - start for start, middle, _ in times],
            target=target,
        )

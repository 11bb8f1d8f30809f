"""Measures the time that workers behind SSH take before a build, beside a plain login."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from ..support.sshd import Key, Sshd, SshUser
from .result import Result, milliseconds
from .shells import SHELLS, run_script, user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .result import Case

_MANY = 8
_BEHIND_JUMP_HOST = 16

# The host lists: $2 has a worker over TCP, $3 the same and a worker behind SSH, $4 only the worker behind
# SSH, $5 eight workers behind SSH, $6 sixteen behind a jump host. The first calls print the hosts, and are
# not timed.
_SCRIPT = """
. "$1"
[ -z "${ZSH_VERSION-}" ] || zmodload zsh/datetime
build() { DISTCC_AUTO_HOSTS=$1 distcc_build "${2-true}" "${3-}"; }
for hosts in "$3" "$5" "$6"; do
    build "$hosts" eval 'printf "%s\\n" "$DISTCC_HOSTS" #' || exit
done
run=0
while [ "$run" -lt "$7" ]; do
    times=$EPOCHREALTIME
    ssh worker-1 true; times="$times $EPOCHREALTIME"
    build "$2"; times="$times $EPOCHREALTIME"
    build "$3"; times="$times $EPOCHREALTIME"
    build "$4"; times="$times $EPOCHREALTIME"
    build "$5"; times="$times $EPOCHREALTIME"
    build "$6"; times="$times $EPOCHREALTIME"
    printf '%s\\n' "$times"
    run=$((run + 1))
done
"""


def logins(runs: int) -> Iterator[Result]:
    """Compares one worker behind SSH with a login, eight with one, and 16 behind a jump host with eight."""
    with ExitStack() as stack:
        distccd = Distccd(4)
        stack.callback(distccd.stop)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key = Key(directory, "key")
        sshd = Sshd(key, [key])
        stack.callback(sshd.stop)
        user = SshUser(directory / "ssh", key)
        hosts = [user.worker(f"worker-{number}", sshd) for number in range(1, _MANY + 1)]
        behind = [
            user.host(f"far-{number}", sshd, ProxyJump="worker-1") for number in range(_BEHIND_JUMP_HOST)
        ]
        entries, far = (
            [f"ssh://{host}/{distccd.job_port}/{distccd.stats_port}" for host in some]
            for some in (hosts, behind)
        )
        environ = user_environ()
        environ["PATH"] = f"{user.bin}:{environ['PATH']}"
        lists = [distccd.spec, f"{distccd.spec} {entries[0]}", entries[0], " ".join(entries), " ".join(far)]
        for shell in SHELLS:
            lines = run_script(shell, _SCRIPT, [*lists, str(runs)], environ)
            counts = [line.count(",lzo") for line in lines[:3]]
            if counts != [2, _MANY, _BEHIND_JUMP_HOST]:
                raise RuntimeError(f"{shell}: not every worker takes part: {lines[:3]}")
            yield from _results(shell, [[float(word) for word in line.split()] for line in lines[3:]])


CASES: dict[str, Case] = {"logins": logins}


def _results(shell: str, times: list[list[float]]) -> Iterator[Result]:
    spans = [[milliseconds(start, end) for start, end in pairwise(run)] for run in times]
    yield Result(
        case="1 SSH worker",
        way=shell,
        measured="what it adds to distcc_build true",
        measured_runs=[mixed - tcp for _, tcp, mixed, *_ in spans],
        reference="ssh worker true",
        reference_runs=[login for login, *_ in spans],
        limit=1.25,
    )
    yield Result(
        case=f"{_MANY} SSH workers",
        way=shell,
        measured="distcc_build true",
        measured_runs=[many for *_, many, _ in spans],
        reference="with 1 SSH worker",
        reference_runs=[one for _, _, _, one, *_ in spans],
        limit=3.0,
    )
    yield Result(
        case=f"{_BEHIND_JUMP_HOST} behind a jump host",
        way=shell,
        measured="distcc_build true",
        measured_runs=[far for *_, far in spans],
        reference=f"{_MANY} SSH workers",
        reference_runs=[many for *_, many, _ in spans],
        limit=None,
    )

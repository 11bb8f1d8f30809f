"""The guard, the only process of ours beside ssh, sleeps while the build runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import finish, running
from tests.support.processes import stat_fields, wait_until

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.shells import UserShell
    from tests.support.traces import Traces


def times_it_slept(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("voluntary_ctxt_switches"))


def sleeps_in_poll(pid: int) -> bool:
    return stat_fields(pid)[0] == "S" and "poll" in Path(f"/proc/{pid}/wchan").read_text()


@pytest.mark.usefixtures("worker")
def test_guard_sleeps_while_the_build_runs(user_shell: UserShell, gate: Gate, traces: Traces) -> None:
    with running(user_shell, f"run() {{ {gate.word} && {gate.word}; }}; distcc_build run") as process:
        gate.wait()
        guard = traces.guard()
        wait_until(lambda: sleeps_in_poll(guard), "the guard waits in the kernel")
        before = times_it_slept(guard)
        gate.open()
        gate.wait()
        assert times_it_slept(guard) == before
        gate.open()
        assert finish(process)[0] == 0

"""While a build over TCP runs, no process of the driver runs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.gate import Gate, finish, running
from tests.support.processes import arguments_of, descendants

if TYPE_CHECKING:
    from tests.support.shells import UserShell


def test_nothing_of_ours_runs_beside_a_build_over_tcp(ready_shell: UserShell, gate: Gate) -> None:
    """Only the shell and its sub-shell wait for the build."""
    with running(ready_shell, f"distcc_build {gate.word}") as process:
        held = gate.wait()
        family = [pid for pid in (process.pid, *descendants(process.pid)) if pid != held.pid]
        programs = [arguments_of(pid)[0] for pid in family]
        assert programs == [ready_shell.name] * 2
        gate.open()
        assert finish(process)[0] == 0

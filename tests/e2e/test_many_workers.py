"""Lists of workers longer than a process may have files open."""

from __future__ import annotations

import re

import pytest

from tests.support.farm import Farm
from tests.support.hostlist import workers_of
from tests.support.planned import planned
from tests.support.shells import Recorder, UserShell


@pytest.mark.parametrize(
    ("limit", "count"),
    [("ulimit -Sn 1024", 1000), ("ulimit -n 1024", 1000), ("ulimit -n 64", 100)],
    ids=["soft", "hard", "few"],
)
def test_every_worker_takes_part_however_few_files_may_be_open(
    limit: str, count: int, user_shell: UserShell, recorder: Recorder
) -> None:
    user_shell.environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    user_shell.environ["DISTCC_AUTO_COMPILER_MEMORY"] = "0"
    with Farm() as farm:
        specs = farm.specs(count)
        user_shell.environ["DISTCC_AUTO_HOSTS"] = " ".join(specs)
        result = user_shell.run(f"{limit}\ndistcc_build {recorder.word}")
    assert result.returncode == 0, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    hosts = [entry.partition("/")[0] for entry in workers_of(recorder.environ["DISTCC_HOSTS"]).split()]
    assert hosts == [spec.rpartition(":")[0] for spec in specs]
    assert recorder.jobs == count


def test_more_workers_than_fit_the_host_list_of_distcc(environ: dict[str, str]) -> None:
    """No variable of a new process may be longer than 128 KiB (MAX_ARG_STRLEN in execve(2))."""
    environ["DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"] = "0"
    environ["DISTCC_AUTO_COMPILER_MEMORY"] = "0"
    with Farm(slots=4096) as farm:
        text = " ".join(farm.specs(7000))[: 127 * 1024].rpartition(" ")[0]
        result = planned({**environ, "DISTCC_AUTO_HOSTS": text})
    (distcc_hosts,) = re.findall(rb"DISTCC_HOSTS='([^']*)'", result.text)
    left_out = len(text.split()) - len(workers_of(distcc_hosts.decode()).split())
    assert left_out > 0
    assert len(distcc_hosts) < 128 * 1024 < len(distcc_hosts) + 200
    line = result.lines[0]
    assert line.startswith(f"distcc-driver: DISTCC_HOSTS: full at 128 KiB; the {left_out} worst workers")

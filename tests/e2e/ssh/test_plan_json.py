"""`distcc-driver plan --json` with workers behind ssh: the tunnels belong to the caller."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.support.commands import driver_command, run_driver
from tests.support.shapes import assert_shape
from tests.support.traces import tunnel_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traces import Traces


def test_command_named_end_closes_the_tunnels(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    document = json.loads(run_driver(environ, work, "plan", "--json").stdout)
    assert_shape(document, "`plan`")
    assert document["hosts"][0]["host"] == worker
    hosts = document["plan"]["set"]["DISTCC_HOSTS"]
    assert len(tunnel_ports(hosts)) == len(traces.masters()) == 1
    ended = subprocess.run(document["end"], env=environ, cwd=work, check=False, capture_output=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    traces.assert_none(hosts)


def test_tunnels_are_closed_when_the_caller_has_ended(
    environ: dict[str, str], work: Path, worker: str, traces: Traces
) -> None:
    script = '"$@"; read -r _'  # lives on after the plan
    with subprocess.Popen(
        ["sh", "-c", script, "sh", *driver_command("plan", "--json")],
        env=environ,
        cwd=work,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as caller:
        assert caller.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            line = caller.stdout.readline()
            assert line, text
            text += line
        document = json.loads(text)
        assert document["hosts"][0]["host"] == worker
        assert len(traces.masters()) == 1
        caller.kill()
    traces.wait_for_none(document["plan"]["set"]["DISTCC_HOSTS"])

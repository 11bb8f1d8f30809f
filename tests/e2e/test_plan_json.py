"""`distcc-driver plan --json` has the content of the text for the shell, and the reasons for it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.commands import run_driver
from tests.support.ports import LOOPBACK, free_ports, host_spec
from tests.support.shapes import assert_shape

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd

# Evaluates the plan on standard input, as a build does. Prints the jobs, the command for the end, the
# environment.
EVALUATE = """\
eval "$(cat)"
printf '%s\\n' "$__distcc_jobs" "$__distcc_end" "$(env -0 | base64 -w 0)"
"""


def evaluated(text: str, environ: dict[str, str], work: Path) -> tuple[int, str, dict[str, str]]:
    """The jobs, the command for the end and the environment, after a shell has evaluated a plan."""

    said = subprocess.run(
        ["bash", "--norc", "-c", EVALUATE],
        input=text,
        env=environ,
        cwd=work,
        text=True,
        capture_output=True,
        check=True,
    )
    jobs, end, variables = said.stdout.splitlines()
    entries = os.fsdecode(base64.b64decode(variables)).split("\0")
    return int(jobs), end, dict(entry.split("=", 1) for entry in entries if entry)


def document_of(environ: dict[str, str], work: Path) -> dict[str, Any]:
    result = run_driver(environ, work, "plan", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert_shape(document, "`plan`")
    assert isinstance(document, dict)
    return document


def dead_host() -> str:
    return host_spec(LOOPBACK, *free_ports(2))


def test_same_content_as_the_shell_form(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    environ |= {
        "DISTCC_AUTO_HOSTS": f"{shared_distccd.spec} {dead_host()}",
        "DISTCC_AUTO_EARLY_LOCAL_JOBS": "1",
    }
    plan = document_of(environ, work)["plan"]
    text = run_driver(environ, work, "plan").stdout
    jobs, _, after = evaluated(text, environ, work)
    assert plan["jobs"] == jobs
    assert set(plan["unset"]) == {name for name in environ if name not in after}
    assert plan["set"] == {name: after[name] for name in plan["set"]}
    changed = {name for name in after if after[name] != environ.get(name)} - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert changed == set(plan["set"])


def test_reasons_are_there_and_on_standard_error_once(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    dead = dead_host()
    environ |= {"DISTCC_AUTO_HOSTS": f"{dead} a:0 {shared_distccd.spec}"}
    result = run_driver(environ, work, "plan", "--json")
    document = json.loads(result.stdout)
    assert [host["state"] for host in document["hosts"]] == ["left out", "used"]
    left_out = document["hosts"][0]
    assert f"distcc-driver: {dead}: {left_out['cause']}; {left_out['advice']}\n" in result.stderr
    assert document["bad_entries"][0]["text"] == "a:0"
    assert f"distcc-driver: {document['plan']['summary']}\n" in result.stderr
    assert len(result.stderr.splitlines()) == 3


def test_no_tunnels_no_end(environ: dict[str, str], work: Path, shared_distccd: Distccd) -> None:
    environ["DISTCC_AUTO_HOSTS"] = shared_distccd.spec
    assert document_of(environ, work)["end"] is None


def test_pause_that_the_user_has_set_is_kept(
    environ: dict[str, str], work: Path, shared_distccd: Distccd
) -> None:
    environ |= {"DISTCC_AUTO_HOSTS": shared_distccd.spec, "DISTCC_PAUSE_TIME_MSEC": "77"}
    assert "DISTCC_PAUSE_TIME_MSEC" not in document_of(environ, work)["plan"]["set"]


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({"DISTCC_AUTO_HOSTS": ""}, 96),
        ({"DISTCC_AUTO_HOSTS": "a:0"}, 96),
        ({"DISTCC_AUTO_HOSTS": "DEAD", "DISTCC_AUTO_FALLBACK_LOCAL_JOBS": "0"}, 97),
    ],
)
def test_refusal_has_the_status_of_plan_and_no_document(
    environ: dict[str, str], work: Path, variables: dict[str, str], status: int
) -> None:
    hosts = variables["DISTCC_AUTO_HOSTS"].replace("DEAD", dead_host())
    environ = {**environ, **variables, "DISTCC_AUTO_HOSTS": hosts}
    with_json = run_driver(environ, work, "plan", "--json")
    without = run_driver(environ, work, "plan")
    assert (with_json.returncode, with_json.stdout) == (status, "")
    assert (without.returncode, without.stdout, without.stderr) == (status, "", with_json.stderr)


def test_64_hosts_with_one_cause_get_one_line(environ: dict[str, str], work: Path) -> None:
    job, stats = free_ports(2)
    hosts = [host_spec(f"127.0.1.{number}", job, stats) for number in range(64)]
    environ["DISTCC_AUTO_HOSTS"] = " ".join(hosts)
    result = run_driver(environ, work, "plan", "--json")
    first, *rest = result.stderr.splitlines()
    assert first == (
        f"distcc-driver: {', '.join(hosts[:8])} and 56 more: stats port {stats} refused the connection; "
        "is distccd running there with --stats?"
    )
    assert len(rest) == 1


def test_wrong_usage_is_one_line_and_status_2(environ: dict[str, str], work: Path) -> None:
    result = run_driver(environ, work, "plan", "--jason")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("distcc-driver: plan: no such option: --jason")

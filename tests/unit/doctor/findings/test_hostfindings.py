"""Hosts that a build uses or leaves out, and the plan of that build."""

from __future__ import annotations

from distcc_driver.commands.rows import LEFT_OUT, USED, HostRow
from distcc_driver.commands.survey import Answers
from distcc_driver.core.balance import Limit, Plan, Share
from distcc_driver.core.errors import Message
from distcc_driver.doctor.findings.finding import Result
from distcc_driver.doctor.findings.hostfindings import host_findings, plan_finding, setting_finding

from ...samples import worker_of


def test_hosts_left_out_for_the_same_cause_share_a_line() -> None:
    rows = [
        HostRow("a", "tcp", LEFT_OUT, "it is down", "start it"),
        HostRow("b", "tcp", USED, slots=4, jobs=4, answer_ms=3.2),
        HostRow("c", "tcp", LEFT_OUT, "it is down", "start it"),
        HostRow("d", "ssh", USED, slots=8, jobs=2, fewer_jobs="2 jobs for 8 slots: little memory"),
    ]
    assert [(finding.subject, finding.text, finding.advice) for finding in host_findings(rows)] == [
        ("a, c", "left out: it is down", "start it"),
        (
            "b",
            "used, reached by tcp, 4 jobs for 4 slots, load unknown, free memory unknown, answered in 3 ms",
            "",
        ),
        (
            "d",
            "used, reached by ssh, 2 jobs for 8 slots: little memory, load unknown, free memory unknown, "
            "answered in 0 ms",
            "",
        ),
    ]


def test_unknown_variable() -> None:
    finding = setting_finding(
        Message("DISTCC_AUTO_X", "no such variable; ignored", "did you mean DISTCC_AUTO_HOSTS?")
    )
    assert (finding.subject, finding.text) == ("DISTCC_AUTO_X", "no such variable; ignored")
    assert finding.advice == "did you mean DISTCC_AUTO_HOSTS?"


def test_build_that_cannot_start() -> None:
    finding = plan_finding(Answers([], [], None, Message("", "no job at all", "set something")))
    assert (finding.result, finding.text, finding.advice) == (
        Result.PROBLEM,
        "no job at all",
        "set something",
    )


def test_plan_that_this_machine_limits() -> None:
    share = Share(worker_of("a"), 4)
    plan = Plan([share], [], 2, 0, 0, limit=Limit(3, "few processes", "raise ulimit -u"))
    finding = plan_finding(Answers([], [], plan))
    assert (finding.result, finding.advice) == (Result.WARNING, "raise ulimit -u")
    assert finding.text.endswith(", cut to 3: few processes")

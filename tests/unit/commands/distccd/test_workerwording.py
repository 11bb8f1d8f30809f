"""Lines that the command worker prints."""

from __future__ import annotations

import pytest

from distcc_driver.commands.distccd import workerwording as wording
from distcc_driver.commands.distccd.allowedcompilers import AllowedCompilers
from distcc_driver.commands.distccd.daemonoptions import DaemonOptions, WorkerRequest
from distcc_driver.commands.distccd.joblog import Denied, Job


def options(*networks: str, slots: int = 4) -> DaemonOptions:
    return DaemonOptions("distccd", 3632, 3633, slots, WorkerRequest.of(networks, slots, 3632).networks)


def test_compilers_without_a_link_are_named_with_what_to_do() -> None:
    compilers = AllowedCompilers("/usr/lib/distcc", "/usr/bin", ("gcc", "g++"), ("cc", "c++"))
    assert wording.compiler_lines(compilers, None) == [
        "compilers: gcc g++",
        "no link in /usr/lib/distcc: cc c++; run update-distcc-symlinks as root",
    ]
    assert wording.compiler_lines(compilers, "/list") == ["compilers: those in /list (DISTCC_CMDLIST)"]


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ([], "clients: this machine only; others need --allow, as in --allow 192.168.0.0/16"),
        (["127.0.0.1"], "clients: this machine only; others need --allow, as in --allow 192.168.0.0/16"),
        (["10.0.0.7", "::1"], "clients: 10.0.0.7, ::1, at ports 3632 and 3633"),
    ],
)
def test_lines_about_the_user_and_the_clients(networks: list[str], said: str) -> None:
    first, second, *_ = wording.start_lines(options(*networks), "2 threads", "anna")
    assert (first, second) == ("distccd runs as user anna, 4 slots (2 threads)", said)


def test_each_address_has_an_assignment() -> None:
    lines = wording.entry_lines(options("10.0.0.0/8"), ["10.0.0.7", "2001:db8::7"], "build-1")
    assert [line.strip() for line in lines] == [
        "where the build runs:",
        'export DISTCC_AUTO_HOSTS="10.0.0.7"',
        'export DISTCC_AUTO_HOSTS="[2001:db8::7]"',
    ]


def test_a_job_is_a_line_whatever_its_file_is_called() -> None:
    job = Job("10.0.0.9", "compiled", 25, "gcc", "a\n\x1b[2J.c")
    assert wording.event_line(job, "12:00:00") == "12:00:00  10.0.0.9  compiled  25 ms  gcc  a\\n\\x1b[2J.c"
    denied = wording.event_line(Denied("10.0.0.9"), "12:00:00")
    assert denied == "12:00:00  10.0.0.9  refused, no --allow has its address"

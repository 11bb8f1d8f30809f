"""Events in lines that distccd 3.4 has written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.commands.distccd.joblog import Denied, Job, JobLog, Ready, complaint

SUMMARY = "(dcc_job_summary) client: 10.0.0.7:38918"
COMPILER = "x86_64-linux-gnu-gcc"


def read(*texts: str) -> list[Job | Denied | Ready]:
    log = JobLog()
    return [found for text in texts if (found := log.read(f"distccd[4026] {text}")) is not None]


def test_job_is_an_event_when_it_has_ended() -> None:
    found = read(
        "(dcc_check_client) connection from 10.0.0.7:38918",
        "(dcc_service_job) No authentication requested.",
        "compile from a b.c to a b.o",
        "(dcc_r_file_timed) 139 bytes received in 0.000132s, rate 1028kB/s",
        f"{COMPILER} a b.c on localhost completed ok",
        "job complete",
        f"{SUMMARY} COMPILE_OK exit:0 sig:0 core:0 ret:0 time:25ms {COMPILER} a b.c",
    )
    assert found == [Job("10.0.0.7", "compiled", 25, COMPILER, "a b.c")]


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (f"COMPILE_ERROR exit:1 sig:0 core:0 ret:0 time:25ms {COMPILER} a.c", "failed, status 1"),
        (f"COMPILE_ERROR exit:0 sig:11 core:128 ret:0 time:25ms {COMPILER} a.c", "failed, signal 11"),
        ("CLI_DISCONN exit:0 sig:0 core:0 ret:107 time:25ms ", "given up by the client"),
        ("COMPILE_TIMEOUT exit:0 sig:0 core:0 ret:0 time:25ms ", "stopped, it took too long"),
        ("OTHER exit:0 sig:0 core:0 ret:0 time:25ms ", "refused"),
        ("SOMETHING_NEW exit:0 sig:0 core:0 ret:0 time:25ms ", "SOMETHING_NEW"),
    ],
)
def test_outcome_of_a_job(result: str, outcome: str) -> None:
    [job] = read("compile from a.c to a.o", f"{SUMMARY} {result}")
    assert isinstance(job, Job)
    assert (job.outcome, job.elapsed_ms, job.source) == (outcome, 25, "a.c")


@pytest.mark.parametrize("directory", ["/home/me/project/", "sub/", "/home/me/a b/", "../"])
def test_the_directory_of_a_source_is_no_part_of_its_compiler(directory: str) -> None:
    found = read(
        "compile from b.cc to b.o",
        f"{SUMMARY} COMPILE_OK exit:0 sig:0 core:0 ret:0 time:25ms {COMPILER} {directory}b.cc",
    )
    assert found == [Job("10.0.0.7", "compiled", 25, COMPILER, "b.cc")]


def test_a_compiler_without_a_link_is_named() -> None:
    found = read(
        "compile from a.c to a.o",
        "(dcc_check_compiler_whitelist) CRITICAL! own-gcc not in /usr/lib/distcc or /usr/lib whitelist.",
        f"{SUMMARY} OTHER exit:0 sig:0 core:0 ret:0 time:1ms ",
    )
    assert found == [Job("10.0.0.7", "refused, no link of own-gcc in /usr/lib/distcc", 1, "own-gcc", "a.c")]


def test_connection_without_a_job_is_no_event() -> None:
    assert read(f"{SUMMARY} REJ_BAD_REQ exit:0 sig:0 core:0 ret:108 time:0ms ") == []


def test_jobs_of_several_processes_are_told_apart() -> None:
    log = JobLog()
    log.read("distccd[1] compile from a.c to a.o")
    log.read("distccd[2] compile from b.c to b.o")
    summary = f"{SUMMARY} CLI_DISCONN exit:0 sig:0 core:0 ret:107 time:25ms "
    jobs = [log.read(f"distccd[{pid}] {summary}") for pid in (2, 1, 2)]
    assert [job and isinstance(job, Job) and job.source for job in jobs] == ["b.c", "a.c", None]


def test_jobs_that_never_end_take_a_limited_amount_of_memory() -> None:
    log = JobLog()
    for pid in range(5000):
        log.read(f"distccd[{pid}] compile from a.c to a.o")
    summary = f"{SUMMARY} CLI_DISCONN exit:0 sig:0 core:0 ret:107 time:25ms "
    assert log.read(f"distccd[0] {summary}") is None
    assert isinstance(log.read(f"distccd[4999] {summary}"), Job)


@pytest.mark.parametrize(("client", "address"), [("::1:38918", "::1"), ("::ffff:10.0.0.7:38918", "10.0.0.7")])
def test_a_client_that_is_not_let_in(client: str, address: str) -> None:
    text = f"(dcc_check_client) ERROR: connection from client '{client}' denied by access list"
    assert read(text) == [Denied(address)]


def test_the_complaint_is_the_last_error_of_a_log() -> None:
    bind = "distccd[7] (dcc_listen_by_addr) ERROR: bind of 127.0.0.1:80 failed: Permission denied\n"
    log = f"distccd[7] (dcc_x) ERROR: first\n{bind}distccd[7] (dcc_exit) exit: code 102\n"
    assert complaint(log) == "bind of 127.0.0.1:80 failed: Permission denied"
    assert complaint("out of order\n") == "out of order"
    assert complaint("") == ""


def test_worker_is_ready_when_its_stats_port_is_open() -> None:
    assert read("(dcc_stats_server) HTTP server started on port 5001") == [Ready()]


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_any_text_is_read(texts: list[str]) -> None:
    read(*texts, *(f"{SUMMARY} {text}" for text in texts))

"""What the traces of a build say about workers that compiled nothing."""

from __future__ import annotations

import pytest

from distcc_driver.machine.buildtraces import Traces
from distcc_driver.report import explanation, remark

QUIET = Traces("/home/me/.distcc/state", False, False, False, "", True)


@pytest.mark.parametrize(
    ("traces", "text"),
    [
        (QUIET, ""),
        (QUIET._replace(distcc_ran=True), ""),
        (QUIET._replace(looked_at_all=False), ""),
        (QUIET._replace(new_object="a.o", state_path=""), ""),
        (QUIET._replace(new_object="a.o", ccache_ran=True), ""),
        (QUIET._replace(new_object="a.o", ccache_ran=True, distcc_ran=True), ""),
        (QUIET._replace(new_object="a.o"), "a.o is new, and distcc left no trace in /home/me/.distcc/state"),
        (
            QUIET._replace(new_object="a.o", ccache_ran=True, ccache_stored=True),
            "a.o is new, and distcc left",
        ),
        (QUIET._replace(new_object="a.o", distcc_ran=True), "a.o is new, distcc ran, and it kept everything"),
        (
            QUIET._replace(new_object="a.o", distcc_ran=True, ccache_ran=True, ccache_stored=True),
            "a.o is new, distcc ran, and it kept everything",
        ),
    ],
)
def test_workers_without_jobs_are_a_problem_if_files_were_compiled_here(traces: Traces, text: str) -> None:
    found = explanation(traces)
    assert found.startswith(text)
    assert bool(found) == bool(text)


def test_reason_why_it_is_no_problem_is_told_if_traces_show_it() -> None:
    assert remark(QUIET) == "; no object file is new in this directory"
    assert remark(QUIET._replace(looked_at_all=False)) == ""
    assert (
        remark(QUIET._replace(ccache_ran=True)) == "; ccache ran: files in its cache are not compiled again"
    )

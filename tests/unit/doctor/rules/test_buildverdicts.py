"""Verdicts on compile commands."""

from __future__ import annotations

from distcc_driver.doctor.rules.buildverdicts import judge
from distcc_driver.doctor.trees.buildcommands import BuildCommand


def test_launchers_are_no_part_of_the_options() -> None:
    words = ("nice", "-n", "5", "ccache", "distcc", "gcc", "-O2", "-c")
    verdict = judge(BuildCommand(words, "CFLAGS in Makefile", 1, "/d", "a.c"))
    assert (verdict.kept, verdict.hazards) == ((), ())

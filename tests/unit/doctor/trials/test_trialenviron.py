"""Variables of the user that a trial gets, and settings that it does not get."""

from __future__ import annotations

import pytest

from distcc_driver.doctor.trials.trialenviron import inherited


@pytest.mark.parametrize(
    "name",
    [
        "DISTCC_NO_REWRITE_CROSS",
        "DISTCC_TCP_CORK",
        "DISTCC_PRINCIPAL",
        "DISTCC_SSH",
        "DISTCC_MAX_DISCREPANCY",
        "DISTCC_OF_A_LATER_VERSION",
        "CPATH",
        "PATH",
        "HOME",
        "MY_DISTCC_HOSTS",
    ],
)
@pytest.mark.parametrize("value", ["1", "0", ""])
def test_variable_that_the_build_gets_too(name: str, value: str) -> None:
    assert inherited({name: value}) == {name: value}


@pytest.mark.parametrize(
    "name", ["DISTCC_HOSTS", "DISTCC_AUTO_HOSTS", "DISTCC_DRIVER_PYTHON", "CCACHE_PREFIX"]
)
def test_variable_that_a_trial_sets_or_does_without(name: str) -> None:
    """An end-to-end test has the variables that name files: a trial must not write those files."""
    assert inherited({name: "1"}) == {}

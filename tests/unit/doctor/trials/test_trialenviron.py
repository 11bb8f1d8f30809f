"""What a trial compilation has from the user's environment."""

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
def test_what_the_build_sees(name: str, value: str) -> None:
    assert inherited({name: value}) == {name: value}


@pytest.mark.parametrize(
    "name",
    [
        "DISTCC_HOSTS",
        "DISTCC_DIR",
        "DISTCC_LOG",
        "DISTCC_VERBOSE",
        "DISTCC_FALLBACK",
        "DISTCC_SKIP_LOCAL_RETRY",
        "DISTCC_IO_TIMEOUT",
        "DISTCC_BACKOFF_PERIOD",
        "DISTCC_SAVE_TEMPS",
        "DISTCC_ENABLE_DISCREPANCY_EMAIL",
        "INCLUDE_SERVER_PORT",
        "DEPENDENCIES_OUTPUT",
        "DISTCC_AUTO_HOSTS",
        "DISTCC_DRIVER_PYTHON",
        "CCACHE_PREFIX",
    ],
)
def test_what_is_of_the_trial(name: str) -> None:
    assert inherited({name: "1"}) == {}

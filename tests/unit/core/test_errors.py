from __future__ import annotations

import pytest

from distcc_driver.core.errors import ConfigError, DriverError, HostSpecError, NoCapacityError, StatsError


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (DriverError("text"), 96),
        (ConfigError("text"), 96),
        (HostSpecError(3, "text"), 96),
        (StatsError("text"), 96),
        (NoCapacityError("text"), 97),
    ],
)
def test_every_error_is_one_text_with_one_exit_code(error: DriverError, exit_code: int) -> None:
    assert str(error) == "text"
    assert error.exit_code == exit_code


def test_place_of_a_malformed_entry_is_kept() -> None:
    error = HostSpecError(3, "text")
    assert error.column == 3
    assert isinstance(error, ConfigError)

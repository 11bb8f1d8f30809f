from __future__ import annotations

import pytest

from distcc_driver.core.errors import (
    ConfigError,
    DriverError,
    HostSpecError,
    Message,
    NoCapacityError,
    OutputError,
    SignalError,
    StatsError,
)


@pytest.mark.parametrize(
    ("error", "text", "exit_code"),
    [
        (DriverError("where", "what", "do it"), "where: what; do it", 96),
        (DriverError("where", "what"), "where: what", 96),
        (ConfigError("where", "what", "do it"), "where: what; do it", 96),
        (HostSpecError(3, "what"), "what", 96),
        (OutputError("disk full"), "standard output: disk full; write it to another place", 96),
        (StatsError("what"), "what", 96),
        (NoCapacityError("where", "what", "do it"), "where: what; do it", 97),
        (SignalError(15, "SIGTERM"), "ended by SIGTERM", 143),
    ],
)
def test_error_is_one_line_with_an_exit_code(error: DriverError, text: str, exit_code: int) -> None:
    assert str(error) == text
    assert error.exit_code == exit_code


def test_parts_of_a_message_are_kept_whatever_is_in_them() -> None:
    message = ConfigError("DISTCC_AUTO_X", "'a; b: c' is not a number", "use 1; or 2").message
    assert message == Message("DISTCC_AUTO_X", "'a; b: c' is not a number", "use 1; or 2")
    assert message.problem == "DISTCC_AUTO_X: 'a; b: c' is not a number"

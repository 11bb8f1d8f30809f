"""What can go wrong, in one tree.

DriverError                 shown as one line, with its exit code, where it ends a command
├── ConfigError        96   a variable, the host list or the installation is wrong
│   └── HostSpecError       one entry of DISTCC_AUTO_HOSTS is malformed; the others still count
├── NoCapacityError    97   nothing could compile: no worker and no local job
├── SignalError   128 + n   signal n ended a command
└── StatsError              a reply that is not a distccd statistics page; its host is left out
"""

from __future__ import annotations


class DriverError(Exception):
    """Base of all errors of the driver; its text is `<subject>: <cause>; <what to do>`."""

    exit_code = 96


class ConfigError(DriverError):
    """A variable, the host list or the installation is wrong."""


class HostSpecError(ConfigError):
    """An entry of the host list breaks the grammar.

    `column` is the 1-based character of the entry at which it goes wrong.
    """

    def __init__(self, column: int, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class NoCapacityError(DriverError):
    """No worker can take a job and no local job is allowed or fits the memory."""

    exit_code = 97


class SignalError(DriverError):
    """A signal ended a command that people run; builds are interrupted by their shell."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(f"ended by {name}")
        self.exit_code = 128 + number


class StatsError(DriverError):
    """The reply of a stats port is not one that a distccd gives."""

"""What can go wrong, in one tree, and the line that people read about it.

DriverError                 shown as one line, with its exit code, where it ends a command
├── ConfigError        96   a variable, the host list or the installation is wrong
│   ├── HostSpecError       one entry of DISTCC_AUTO_HOSTS is malformed; the others still count
│   └── OutputError         standard output cannot be written
├── NoCapacityError    97   nothing could compile: no worker and no local job
├── SignalError   128 + n   signal n ended a command
└── StatsError              a reply that is not a distccd statistics page; its host is left out
"""

from __future__ import annotations

from .record import Record


class Message(Record):
    """What is wrong: `subject` says where, `cause` says what, `advice` says what to do about it.

    A part that has nothing to say is "".
    """

    subject: str
    cause: str
    advice: str = ""

    @property
    def line(self) -> str:
        """The one line that people read: `<subject>: <cause>; <advice>`."""
        return "; ".join(filter(None, [self.problem, self.advice]))

    @property
    def problem(self) -> str:
        """The line without its advice."""
        return ": ".join(filter(None, [self.subject, self.cause]))


def internal_error(error: Exception) -> Message:
    """The message about an error that is a bug of the driver. A traceback would not help the user."""
    return Message("internal error", repr(error), "please report it")


class DriverError(Exception):
    """Base of all errors of the driver; its text is the line of its `message`."""

    exit_code = 96

    def __init__(self, subject: str, cause: str, advice: str = "") -> None:
        self.message = Message(subject, cause, advice)
        super().__init__(self.message.line)


class ConfigError(DriverError):
    """A variable, the host list or the installation is wrong."""


class HostSpecError(ConfigError):
    """An entry of the host list breaks the grammar.

    `column` is the 1-based position of the first character that is wrong.
    """

    def __init__(self, column: int, cause: str) -> None:
        super().__init__("", cause)
        self.column = column


class OutputError(ConfigError):
    """Standard output cannot be written, for instance because its disk is full."""

    def __init__(self, cause: str) -> None:
        super().__init__("standard output", cause, "write it to another place")


class NoCapacityError(DriverError):
    """No worker can take a job, and no local job is allowed or fits into the memory."""

    exit_code = 97


class SignalError(DriverError):
    """A signal ended a command that people run. Builds are different: their shell handles signals."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__("", f"ended by {name}")
        self.exit_code = 128 + number


class StatsError(DriverError):
    """The reply of a stats port is not one that a distccd gives."""

    def __init__(self, cause: str) -> None:
        super().__init__("", cause)

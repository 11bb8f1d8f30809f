"""The names of a session's files, and how the command line of an ssh shows them. Pure functions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def control_path(path: str, number: int) -> str:
    """The control socket of tunnel `number` in the session directory `path`."""
    return f"{path}/{number}"


def log_path(path: str, number: int) -> str:
    """The file to which the ssh of tunnel `number` writes its messages."""
    return f"{path}/{number}.log"


def control_argument(control: str) -> str:
    """A control socket as an argument of ssh, which expands %-tokens in it (ssh_config(5), TOKENS)."""
    return control.replace("%", "%%")


def control_in(arguments: Sequence[str]) -> str:
    """The control socket that a command line names behind `-S`; "" without `-S`."""
    if "-S" not in arguments[:-1]:
        return ""
    return arguments[arguments.index("-S") + 1].replace("%%", "%")

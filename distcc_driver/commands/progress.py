"""A line on a terminal that tells how far a command has come."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status


@contextlib.contextmanager
def status_line(text: str) -> Iterator[Status | None]:
    """Show a line on standard error while the context lasts, on a terminal only. Yields its status."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    with console.status(text, spinner="line") as status:
        yield status


class Progress:
    """A line on standard error that tells how many hosts have answered. It is shown on a terminal only."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts
        self._answered = 0
        self._status: Status | None = None

    def answered(self) -> None:
        """Count a host that has answered or failed."""
        self._answered += 1
        if self._status is not None:
            self._status.update(self._text())

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the line while the context lasts."""
        with status_line(self._text()) as self._status:
            try:
                yield
            finally:
                self._status = None

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the line while something else uses the terminal."""
        status = self._status
        if status is not None:
            status.stop()
        try:
            yield
        finally:
            if status is not None:
                status.start()

    def _text(self) -> str:
        hosts = "1 host" if self._hosts == 1 else f"{self._hosts} hosts"
        return f"asking {hosts}, {self._answered} {'has' if self._answered == 1 else 'have'} answered"

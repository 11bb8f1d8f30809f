"""Pictures for a pipe or a file: lines about what has changed, or a JSON document each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..commands.output import write_lines
from .monitordocument import monitor_document
from .textview import change_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from .picture import Picture


class DocumentStream:
    """A document in each line."""

    def show(self, picture: Picture) -> None:
        """Write a picture."""
        write_lines([json.dumps(monitor_document(picture))])

    def wait(self, seconds: float, check: Callable[[], None]) -> bool:
        """Let some time pass; False if the reader wants no more. `check` raises if a signal has come."""
        time.sleep(seconds)
        check()
        return True

    def close(self) -> None:
        """Nothing is open."""


class ChangeStream(DocumentStream):
    """A line for each worker whose slots have changed."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}

    def show(self, picture: Picture) -> None:
        """Write what has changed."""
        moment = time.strftime("%H:%M:%S", time.localtime(picture.time))
        write_lines(change_lines(picture, self._before, moment))

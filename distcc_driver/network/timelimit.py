"""How long the hosts that are asked together may take."""

from __future__ import annotations

from ..core.settings import DEFAULT_CONNECT_TIMEOUT_S

_SHORTEST_S = 0.5
_TIMES_SLOWEST = 10


class TimeLimit:
    """`limit_s` is the time of each host to accept a connection; its whole answer may take twice that.

    A limit that the user has set stays. Otherwise hosts have 2 s until a worker has answered. From then on
    they have ten times as long as the slowest whole answer so far (`slowest_s`, None if there was none), at
    least 0.5 s and at most 2 s, counted from the question. So a dead machine costs a build 0.5 s.
    """

    def __init__(self, set_s: float | None) -> None:
        self.limit_s = DEFAULT_CONNECT_TIMEOUT_S if set_s is None else set_s
        self.slowest_s: float | None = None
        self._is_set = set_s is not None

    @property
    def is_shortened(self) -> bool:
        """Whether the answers of others have shortened the limit."""
        return not self._is_set and self.limit_s < DEFAULT_CONNECT_TIMEOUT_S

    def note_answer(self, answer_s: float) -> None:
        """Take into account that a worker's whole answer took `answer_s` seconds."""
        self.slowest_s = max(self.slowest_s or 0.0, answer_s)
        if not self._is_set:
            self.limit_s = min(max(_SHORTEST_S, _TIMES_SLOWEST * self.slowest_s), DEFAULT_CONNECT_TIMEOUT_S)

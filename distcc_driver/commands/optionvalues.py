"""Values of options of the command line that typer cannot check by itself."""

from __future__ import annotations

import re
from typing import Any

import typer

_SECONDS = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
# "5s" is more likely a wrong number of seconds than the name of a host.
_LIKE_SECONDS = re.compile(r"[0-9.]+ *(s|sec|seconds|m|min|h)")
_SHORTEST_WATCH_S = 2.0
_SHORTEST_TIMEOUT_S = 0.1
_LONGEST_TIMEOUT_S = 600.0


class OptionalSeconds(typer.core.TyperCommand):
    """A command whose option `--watch` may stand with or without a number of seconds."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give every `--watch` without a number its default, then parse the arguments."""
        options = args[: args.index("--")] if "--" in args else args
        for index in reversed([index for index, word in enumerate(options) if word == "--watch"]):
            following = "".join(options[index + 1 : index + 2])
            if not _SECONDS.fullmatch(following) and not _LIKE_SECONDS.fullmatch(following):
                args.insert(index + 1, f"{_SHORTEST_WATCH_S:g}")
        return super().parse_args(ctx, args)


def watch_seconds(text: str) -> float:
    """The value of `--watch`. Raises `typer.BadParameter`."""
    if not _SECONDS.fullmatch(text) or len(text) > 9:
        raise typer.BadParameter(f"{text!r} is not a number of seconds, such as 5 or 2.5")
    if float(text) < _SHORTEST_WATCH_S:
        raise typer.BadParameter(
            f"{text} s is too often, polling can hang the stats port of a distccd; "
            f"use {_SHORTEST_WATCH_S:g} or more"
        )
    return float(text)


def check_timeout(seconds: float) -> float:
    """The value of `--timeout`. Raises `typer.BadParameter`, also for NaN, which is not in any range."""
    if not _SHORTEST_TIMEOUT_S <= seconds <= _LONGEST_TIMEOUT_S:
        raise typer.BadParameter(
            f"{seconds:g} is not between {_SHORTEST_TIMEOUT_S:g} and {_LONGEST_TIMEOUT_S:g} seconds"
        )
    return seconds

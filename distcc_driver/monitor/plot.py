"""A drawing of builds over time: a lane for each worker, and this machine below them.

Drawn by matplotlib, which is an extra: it has axes, steps and legends that are right in any size, and its SVG
keeps text as text. Names come from builds; they are neither markup nor formulas here.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from ..machine.installation import package_remedy
from ..machine.log import printable
from .history import HERE, THERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .history import BuildHistory, History, Lane

_COLOURS = dict(
    zip(
        (*THERE, *HERE),
        ("#2e9e5b", "#3aa6c2", "#e8b23a", "#b79ad6", "#e9b9b3", "#d0803a", "#5b7fd0", "#9a5bc4"),
        strict=True,
    )
)
_MOST_LANES = 40
_WIDTH_INCHES = 11
_LANE_INCHES = 0.62
_MARGIN_INCHES = 1.5
_LONGEST_NAME = 40


def check_plot(path: str) -> None:
    """Raise `ConfigError` if no drawing can be made later, or not there."""
    _matplotlib()
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK):
        raise ConfigError(path, "no file can be made there", "name another one")


def write_plot(history: History, path: str) -> None:
    """Draw all builds into an SVG file. Raises `OSError` if it cannot be written."""
    matplotlib = _matplotlib()
    builds = list(history.builds.values())
    lanes = [(build, _drawn_lanes(build)) for build in builds]
    count = sum(len(some) for _, some in lanes)
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}):
        figure = matplotlib.figure.Figure(
            (_WIDTH_INCHES, _MARGIN_INCHES * len(builds) + _LANE_INCHES * count), layout="constrained"
        )
        parts = figure.subfigures(
            len(builds), 1, squeeze=False, height_ratios=[len(some) + 2 for _, some in lanes]
        )
        for (build, some), part in zip(lanes, parts[:, 0], strict=True):
            _draw_build(build, some, part)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    with open(path, "wb") as file:
        file.write(written.getvalue())


def _matplotlib() -> Any:
    try:
        import matplotlib.figure  # the extra distcc-driver[plot]
    except ModuleNotFoundError:
        raise ConfigError(
            "monitor", "the package matplotlib is missing", package_remedy("matplotlib")
        ) from None
    return matplotlib


def _drawn_lanes(build: BuildHistory) -> list[Lane]:
    """Those of the workers with the most slots, and this machine's last."""
    lanes = dict(build.lanes)
    here = lanes.pop("")
    kept = sorted(lanes.values(), key=lambda lane: -lane.slots)[:_MOST_LANES]
    return [lane for lane in lanes.values() if lane in kept] + [here]


def _draw_build(build: BuildHistory, lanes: Sequence[Lane], part: Any) -> None:
    axes = part.subplots(len(lanes), 1, sharex=True, squeeze=False)[:, 0]
    for lane, place in zip(lanes, axes, strict=True):
        _draw_lane(lane, build.end_s, place)
    left = len(build.lanes) - len(lanes)
    more = f"  (and {left} workers more)" if left else ""
    part.suptitle(f"{_text(build.directory)}   {_text(build.command)}{more}", parse_math=False, fontsize=11)
    axes[-1].set_xlabel("seconds since the monitor began; it looked four times a second")
    handles: dict[str, Any] = {}
    for place in axes:
        handles |= dict(zip(*reversed(place.get_legend_handles_labels()), strict=True))
    part.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)


def _draw_lane(lane: Lane, end_s: float, place: Any) -> None:
    times = [*(point.elapsed_s for point in lane.points), end_s]
    rows = list(zip(*(point.counts for point in [*lane.points, lane.points[-1]]), strict=True))
    below = [0] * len(times)
    for state, row in zip(lane.states, rows, strict=True):
        above = [low + count for low, count in zip(below, row, strict=True)]
        if any(row):
            place.fill_between(
                times, below, above, step="post", color=_COLOURS[state], label=state, linewidth=0
            )
        below = above
    top = max(lane.slots, *below, 1)
    place.set_ylim(0, top)
    place.set_yticks([0, top])
    place.set_xlim(lane.points[0].elapsed_s, max(end_s, lane.points[0].elapsed_s + 1))
    place.set_ylabel(_text(lane.name), rotation=0, ha="right", va="center", parse_math=False)
    place.set_facecolor("#f4f4f4")
    for side in ("top", "right", "left"):
        place.spines[side].set_visible(False)
    place.tick_params(length=0)


def _text(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_NAME * 2 else f"{text[:_LONGEST_NAME]}...{text[-_LONGEST_NAME:]}"

"""A dashboard as a PNG: figures at the top, then lines, and bars for states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from e2e.boards.board import COLUMNS, Panel, shown
from e2e.demo.plot import BLUE, GREY

_UNIT_IN = 0.5  # of the grid, in inches
_GAP = 1.0 / 3.0  # between panels, in units of the grid
_SIDE, _FOOT = 1.0, 1.2  # for the axes, and the legend below
_MOST_IN_LEGEND = 6


class Line(NamedTuple):
    """A series: its name, and its points in seconds before now (so below 0) and in its unit; a NaN
    where it was not there."""

    name: str
    at_s: Sequence[float]
    values: Sequence[float]


def line_of(name: str, points: Sequence[tuple[float, float]], now_s: float, step_s: float) -> Line:
    """A series of points (epoch seconds, value) that is broken wherever a step has none."""
    at_s: list[float] = []
    values: list[float] = []
    for at, value in points:
        if at_s and at - now_s - at_s[-1] > 1.5 * step_s:
            at_s.append(at_s[-1] + step_s)
            values.append(math.nan)
        at_s.append(at - now_s)
        values.append(value)
    return Line(name, at_s, values)


def draw(
    path: Path, title: str, seconds: float, told: Sequence[tuple[Panel, Sequence[Line]]]
) -> None:
    """Writes the picture of panels with what each shows of the last seconds."""
    rows = max(panel.top + panel.height for panel, _ in told) + 1
    figure = plt.figure(figsize=(COLUMNS * _UNIT_IN, rows * _UNIT_IN))
    for panel, lines in told:
        side, foot = (0.0, 0.0) if panel.kind == "stat" else (_SIDE, _FOOT)
        place = (
            (panel.left + _GAP + side) / COLUMNS,
            1.0 - (panel.top + 1 + panel.height - foot - _GAP) / rows,
            (panel.width - 2 * _GAP - side) / COLUMNS,
            (panel.height - foot - 3 * _GAP) / rows,
        )
        axis = figure.add_axes(place)
        axis.set_title(panel.title, fontsize=9, loc="left")
        if panel.kind == "stat":
            _figure(axis, panel, lines)
            continue
        (_states if panel.kind == "state-timeline" else _lines)(axis, panel, lines)
        _finish(axis, seconds)
    figure.suptitle(title, fontsize=11, y=1.0 - 0.4 / rows)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _figure(axis: Axes, panel: Panel, lines: Sequence[Line]) -> None:
    axis.set_axis_off()
    told = ", ".join(shown(line.values[-1], panel.unit) for line in lines) or "No data"
    axis.text(0.0, 0.6, told, fontsize=17, va="center", color=BLUE if lines else GREY)


def _lines(axis: Axes, panel: Panel, lines: Sequence[Line]) -> None:
    for line in lines:
        axis.plot(line.at_s, line.values, linewidth=1.2, label=line.name)
    most = max((v for line in lines for v in line.values if not math.isnan(v)), default=0.0)
    axis.set_ylim(0.0, 1.1 * most or 1.0)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, panel.unit)))
    handles, names = axis.get_legend_handles_labels()
    if names:
        axis.legend(
            *(handles[:_MOST_IN_LEGEND], names[:_MOST_IN_LEGEND]),
            loc="upper left",
            bbox_to_anchor=(0.0, -0.08),
            frameon=False,
            fontsize=6.5,
            ncols=2 if max(map(len, names)) > 20 else 3,
        )


def _states(axis: Axes, _: Panel, lines: Sequence[Line]) -> None:
    """A row for each state, filled while it held."""
    held = sorted((line for line in lines if 1.0 in line.values), key=lambda line: line.name)
    for row, line in enumerate(reversed(held)):
        ends = zip(line.at_s, line.at_s[1:], line.values, strict=False)
        spans = [(start, end - start) for start, end, value in ends if value == 1.0]
        axis.broken_barh(spans, (row - 0.4, 0.8), color=BLUE, alpha=0.35, linewidth=0)
        axis.annotate(line.name, (0.01, row), xycoords=("axes fraction", "data"), fontsize=7)
    axis.set_yticks([])
    axis.set_ylim(-0.6, max(1, len(held)) - 0.4)


def _finish(axis: Axes, seconds: float) -> None:
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlim(-seconds, 0.0)
    axis.xaxis.set_major_locator(MultipleLocator(60.0 * max(1, round(seconds / 360.0))))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{s / 60:g} min"))

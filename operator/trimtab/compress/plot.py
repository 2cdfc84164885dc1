"""A picture of accuracy against latency with the Pareto front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator

from trimtab.compress.pareto import Mark, front
from trimtab.compress.report import Report, Result

_PUBLISHED = "#2f7fc1"
_REFUSED = "#b0553a"
_FRONT = "#7f9bb0"
# Of a name in the picture, and between it and its mark, in pixels of its 100 an inch.
_CHARACTER, _LINE, _GAP = 6.5, 13.0, 8.0


def draw(report: Report, target: Path) -> None:
    """Write a PNG or SVG, by the name's ending."""
    picture(report).savefig(target, dpi=150)


def picture(report: Report) -> Figure:
    """The picture; variants that were not measured are left out."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = [r for r in report.results if r.quality is not None and r.points]
    for result in shown:
        _draw_variant(axes, result)
    _dress(axes, report)
    figure.draw_without_rendering()
    _draw_front(axes, front([_mark(r) for r in shown if r.published]))
    _name(axes, shown)
    return figure


def _draw_variant(axes: Any, result: Result) -> None:
    assert result.quality is not None
    mark = _mark(result)
    low, high = result.quality.accuracy_interval
    colour = _colour(result)
    axes.errorbar(
        mark.ms,
        100 * mark.accuracy,
        yerr=[[100 * (mark.accuracy - low)], [100 * (high - mark.accuracy)]],
        fmt="o",
        color=colour,
        markerfacecolor=colour if result.published else "white",
        elinewidth=0.8,
        capsize=2,
    )


def _dress(axes: Any, report: Report) -> None:
    batch = report.baseline.points[0].batch
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for formatted in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatted(lambda value, _: f"{value:g}")
    axes.set_xlabel(f"CPU milliseconds of one thread a call, batch {batch} (log scale)")
    axes.set_ylabel("accuracy, %, with its 95 % interval")
    axes.set_title(f"{report.model}: {report.metric}", fontsize=10)
    axes.grid(visible=True, which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_front(axes: Any, best: list[Mark]) -> None:
    """From the bottom up to the fastest, then in steps, to the right edge."""
    (_, right), (bottom, _) = axes.get_xlim(), axes.get_ylim()
    axes.plot(
        [best[0].ms, *(m.ms for m in best), right],
        [bottom, *(100 * m.accuracy for m in best), 100 * best[-1].accuracy],
        drawstyle="steps-post",
        color=_FRONT,
        linewidth=4,
        alpha=0.4,
        zorder=1,
        label="Pareto front",
        scalex=False,
        scaley=False,
    )
    axes.legend(loc="lower right", frameon=False, fontsize=9)


def _name(axes: Any, shown: list[Result]) -> None:
    """Each name beside its mark; higher up where a name or another mark lies there already."""
    places = [axes.transData.transform((m.ms, 100 * m.accuracy)) for m in map(_mark, shown)]
    # A mark lies lower than the name beside it.
    taken = [(x - _GAP, y - _LINE, 2 * _GAP) for x, y in places]
    middle = axes.transAxes.transform((0.6, 0.0))[0]
    for result, (x, y) in zip(shown, places, strict=True):
        mark = _mark(result)
        text = mark.name if result.published else f"{mark.name} (refused)"
        leftwards = x > middle
        width, lift = _CHARACTER * len(text), 0.0
        left = x - _GAP - width if leftwards else x + _GAP
        while any(_overlap((left, y + lift, width), other) for other in taken):
            lift += _LINE
        taken.append((left, y + lift, width))
        axes.annotate(
            text,
            (mark.ms, 100 * mark.accuracy),
            textcoords="offset points",
            xytext=(-6 if leftwards else 6, 5 + lift * 72 / axes.figure.dpi),
            horizontalalignment="right" if leftwards else "left",
            fontsize=8,
            color=_colour(result),
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def _overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Whether two names do: left end, height and width, in pixels."""
    left, right = sorted((one, other))
    return left[0] + left[2] > right[0] and abs(left[1] - right[1]) < _LINE


def _colour(result: Result) -> str:
    return _PUBLISHED if result.published else _REFUSED


def _mark(result: Result) -> Mark:
    assert result.quality is not None
    return Mark(result.name, result.points[0].ms, result.quality.accuracy)

"""A picture of accuracy against latency with the Pareto front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trimtab.compress.pareto import Mark, front
from trimtab.compress.report import Report, Result

_PUBLISHED = "#2f7fc1"
_REFUSED = "#b0553a"
_FRONT = "#8aa4b8"


def draw(report: Report, target: Path) -> None:
    """Write a PNG or SVG, by the name's ending; variants that were not measured are left out."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = [r for r in report.results if r.quality is not None and r.points]
    _draw_front(axes, [_mark(r) for r in shown if r.published])
    for result in shown:
        _draw_variant(axes, result)
    batch = report.baseline.points[0].batch
    axes.set_xscale("log")
    axes.set_xlabel(f"CPU milliseconds of one thread a call, batch {batch} (log scale)")
    axes.set_ylabel("accuracy, %")
    axes.set_title(f"{report.model}: {report.metric}", fontsize=10)
    axes.grid(visible=True, which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    figure.savefig(target, dpi=150)


def _draw_front(axes: Any, marks: list[Mark]) -> None:
    best = front(marks)
    axes.plot(
        [m.ms for m in best],
        [100 * m.accuracy for m in best],
        drawstyle="steps-post",
        color=_FRONT,
        linewidth=1.5,
        zorder=1,
        label="Pareto front",
    )


def _draw_variant(axes: Any, result: Result) -> None:
    assert result.quality is not None
    mark = _mark(result)
    low, high = result.quality.accuracy_interval
    colour = _PUBLISHED if result.published else _REFUSED
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
    axes.annotate(
        mark.name if result.published else f"{mark.name} (refused)",
        (mark.ms, 100 * mark.accuracy),
        textcoords="offset points",
        xytext=(6, 5),
        fontsize=8,
        color=colour,
    )


def _mark(result: Result) -> Mark:
    assert result.quality is not None
    return Mark(result.name, result.points[0].ms, result.quality.accuracy)

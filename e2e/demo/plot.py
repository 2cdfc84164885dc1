"""The run as a picture: load, p99, replicas and cost on one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from e2e.demo.result import Phases
from e2e.kit.recorder import Moment
from e2e.load.stats import Result, percentile

_BUCKET_S = 5
BLUE, RED, GREEN, GREY = "#2563a8", "#b8322a", "#2f7d4f", "#888888"


def draw(
    path: Path,
    results: Sequence[Result],
    moments: Sequence[Moment],
    started_at_s: float,
    phases: Phases,
    target_ms: float,
    budget: Decimal,
) -> None:
    """Writes a PNG of four panels."""
    figure, axes = plt.subplots(4, 1, figsize=(10, 9), sharex=True, constrained_layout=True)
    load, latency, replicas, cost = axes
    draw_requests(load, latency, results, target_ms)
    times = [m.at_s - started_at_s for m in moments]
    replicas.step(times, [m.replicas for m in moments], where="post", color=BLUE, label="asked for")
    replicas.step(times, [m.ready for m in moments], where="post", color=GREEN, label="Ready")
    label_replicas(replicas, max(m.replicas for m in moments))
    draw_cost(cost, times, moments, budget)
    for axis in axes:
        for edge_s in (phases.up_s, phases.down_s):
            axis.axvline(edge_s, color=GREY, linewidth=0.8, linestyle=":")
    title = "trimtab: one model under a step of load, on a real cluster"
    finish(path, figure, axes, phases.end_s, title)


def label_replicas(axis: Axes, most: int) -> None:
    """The axis of replicas, of which `most` are shown."""
    axis.set_ylabel("replicas")
    axis.set_ylim(0, 1.4 * most)  # room for the legend
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="upper right", frameon=False, ncols=2)


def draw_cost(
    axis: Axes, times_s: Sequence[float], moments: Sequence[Moment], budget: Decimal
) -> None:
    """The cost against its budget; the last panel."""
    axis.step(times_s, [float(m.cost_per_hour) for m in moments], where="post", color=BLUE)
    axis.axhline(float(budget), color=RED, linestyle="--", label=f"budget ${budget}/h")
    axis.set_ylabel("cost, $/h")
    axis.set_ylim(0, float(budget) * 1.25)
    axis.legend(loc="upper right", frameon=False)
    axis.set_xlabel("seconds from the start of the load")


def finish(path: Path, figure: Figure, axes: Iterable[Axes], end_s: float, title: str) -> None:
    """Writes the picture."""
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, end_s)
    figure.suptitle(title, fontsize=12)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_requests(load: Axes, latency: Axes, results: Sequence[Result], target_ms: float) -> None:
    """The rate of the requests, and the p99 of their latency against its target."""
    buckets: dict[int, list[Result]] = {}
    for result in results:
        buckets.setdefault(int(result.scheduled_s // _BUCKET_S), []).append(result)
    middles = [(b + 0.5) * _BUCKET_S for b in sorted(buckets)]
    load.plot(middles, [len(buckets[b]) / _BUCKET_S for b in sorted(buckets)], color=BLUE)
    load.set_ylabel("requests/s")
    load.set_ylim(bottom=0)
    p99 = [
        1000 * (percentile(sorted(r.latency_s for r in buckets[b] if not r.error), 99) or 0)
        for b in sorted(buckets)
    ]
    latency.plot(middles, p99, color=BLUE, label="p99 of the clients")
    latency.axhline(target_ms, color=RED, linestyle="--", label=f"target {target_ms:g} ms")
    latency.set_yscale("log")
    latency.set_ylabel("p99, ms (log)")
    latency.legend(loc="upper right", frameon=False, ncols=2)

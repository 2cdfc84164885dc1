"""The variants' demo as a picture: load, p99, replicas by variant and cost on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from e2e.demo.plot import BLUE, GREEN, RED, draw_requests
from e2e.demo.rising import duration_s, replicas_of
from e2e.kit.recorder import Moment
from e2e.load.stats import Result


def draw_rising(
    path: Path,
    results: Sequence[Result],
    moments: Sequence[Moment],
    started_at_s: float,
    *,
    variants: Sequence[str],
    target_ms: float,
    budget: Decimal,
) -> None:
    """Writes a PNG of four panels; `variants` are drawn in that order."""
    figure, axes = plt.subplots(4, 1, figsize=(10, 9), sharex=True, constrained_layout=True)
    load, latency, replicas, cost = axes
    draw_requests(load, latency, results, target_ms)
    times = [m.at_s - started_at_s for m in moments]
    peak = 1
    for variant, colour in zip(variants, (GREEN, BLUE), strict=True):
        ready = [replicas_of(m, variant)[1] for m in moments]
        peak = max(peak, *ready)
        replicas.step(times, ready, where="post", color=colour, label=f"{variant}, Ready")
    replicas.set_ylabel("replicas")
    replicas.set_ylim(0, 1.4 * peak)  # room for the legend
    replicas.yaxis.set_major_locator(MaxNLocator(integer=True))
    replicas.legend(loc="upper right", frameon=False, ncols=2)
    cost.step(times, [float(m.cost_per_hour) for m in moments], where="post", color=BLUE)
    cost.axhline(float(budget), color=RED, linestyle="--", label=f"budget ${budget}/h")
    cost.set_ylabel("cost, $/h")
    cost.set_ylim(0, float(budget) * 1.25)
    cost.legend(loc="upper right", frameon=False)
    cost.set_xlabel("seconds from the start of the load")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, duration_s())
    figure.suptitle("trimtab: two variants of one model, on a real cluster", fontsize=12)
    figure.savefig(path, dpi=110)
    plt.close(figure)

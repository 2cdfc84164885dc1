"""The variants' demo as a picture: load, p99, replicas by variant and cost on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from matplotlib import pyplot as plt

from e2e.demo.plot import BLUE, GREEN, draw_cost, draw_requests, finish, label_replicas
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
    label_replicas(replicas, peak)
    draw_cost(cost, times, moments, budget)
    finish(
        path, figure, axes, duration_s(), "trimtab: two variants of one model, on a real cluster"
    )

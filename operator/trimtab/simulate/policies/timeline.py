"""Replicas over time for somebody who knows the load to come: arrays with one entry a tick."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def need(rates: NDArray[np.float64], rate_each: float, headroom: float, low: int) -> Counts:
    """Replicas needed in each tick, shape (ticks,): headroom x rates / rate_each, at least `low`.

    rates: requests per second of each tick; rate_each: what one replica carries within the SLO.
    """
    return np.maximum(np.ceil(headroom * rates / rate_each - 1e-9).astype(np.int64), low)


def alive(needed: Counts, start_ticks: int, drain_ticks: int) -> Counts:
    """Replicas that must exist in each tick for `needed` of them to be ready, at least cost.

    The k-th replica is created `start_ticks` before each stretch that needs k, and kept between two
    such stretches where making it anew (start and drain, both paid) would take longer than the gap.
    """
    total = np.zeros_like(needed)
    for k in range(1, int(needed.max(initial=0)) + 1):
        total += _kept(needed >= k, start_ticks, drain_ticks)
    return total


def held(counts: Counts, drain_ticks: int) -> Counts:
    """Replicas that hold a place in each tick: those that exist, and those that still drain."""
    padded = np.concatenate((np.full(drain_ticks, counts[0]), counts))
    most: Counts = np.lib.stride_tricks.sliding_window_view(padded, drain_ticks + 1).max(axis=1)
    return most


def _kept(wanted: NDArray[np.bool_], start_ticks: int, drain_ticks: int) -> Counts:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], wanted.astype(np.int8), [0]))))
    begins, ends = np.maximum(edges[::2] - start_ticks, 0), edges[1::2]
    kept = np.zeros(wanted.size, dtype=np.int64)
    for i, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if i > 0 and begin - ends[i - 1] <= drain_ticks:
            begin = ends[i - 1]  # noqa: PLW2901 - the stretch begins where the last one ended
        kept[begin:end] = 1
    return kept


def cheapest_sequence(prices: NDArray[np.float64], entry: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which option runs in each tick, shape (ticks,), by dynamic programming.

    prices: money of running option o in tick t, shape (options, ticks); entry: money of changing to
    o in tick t, the same shape: its replicas are paid while they start beside those that serve.
    """
    options, ticks = prices.shape
    best = prices[:, 0].copy()
    came = np.zeros((options, ticks), dtype=np.int64)
    for t in range(1, ticks):
        cheapest = int(best.argmin())
        changing = best[cheapest] + entry[:, t]
        stays = best <= changing
        came[:, t] = np.where(stays, np.arange(options), cheapest)
        best = np.where(stays, best, changing) + prices[:, t]
    path = np.empty(ticks, dtype=np.int64)
    path[-1] = int(best.argmin())
    for t in range(ticks - 1, 0, -1):
        path[t - 1] = came[path[t], t]
    return path


def ticks_of(seconds: float, tick_s: float) -> int:
    """Whole ticks that hold so many seconds."""
    return math.ceil(seconds / tick_s - 1e-9)


def peak_rate(counts: Counts, span_s: int, quantile: float) -> float:
    """That quantile of the mean rate over spans of `span_s` seconds; counts are per second."""
    whole = counts[: counts.size // span_s * span_s].reshape(-1, span_s)
    spans = whole.mean(axis=1) if whole.size else np.array([counts.mean() if counts.size else 0.0])
    return float(np.quantile(spans, quantile))

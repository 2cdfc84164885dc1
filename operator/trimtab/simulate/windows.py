"""Prometheus' rate() and deriv() over the sampled counters of many pods at once."""

from __future__ import annotations

import numpy as np

from trimtab.simulate.bins import coarse_middle_s
from trimtab.simulate.jit import compiled
from trimtab.simulate.state import Floats, Ints


@compiled
def rates(
    times: Floats, samples: Floats, first: Ints, used: Ints, now_s: float, window_s: float
) -> Floats:
    """rate() of every counter of every row over the window that ends now, per second.

    times: (S,) ascending; samples: (S, R, C); first: (R,) the row's first sample; used: (U,) rows.
    Returns (U, C), NaN where a window holds fewer than two samples. The extrapolation to the
    window's edges is Prometheus' own (promql/functions.go, extrapolatedRate); counters of one pod
    never fall here.
    """
    low = np.searchsorted(times, now_s - window_s, side="right")
    found = np.full((len(used), samples.shape[2]), np.nan)
    for u in range(len(used)):
        row = used[u]
        start, end = max(low, first[row]), len(times) - 1
        if end - start < 1:
            continue
        sampled_s = times[end] - times[start]
        gap_s = sampled_s / (end - start)
        before_s, after_s = times[start] - (now_s - window_s), now_s - times[end]
        for column in range(samples.shape[2]):
            value = samples[start, row, column]
            grown = samples[end, row, column] - value
            reach_s = before_s
            if grown > 0.0 and value >= 0.0:
                # No counter was ever below zero.
                reach_s = min(reach_s, sampled_s * value / grown)
            reach_s = reach_s if reach_s < 1.1 * gap_s else gap_s / 2
            on_s = after_s if after_s < 1.1 * gap_s else gap_s / 2
            found[u, column] = grown * (sampled_s + reach_s + on_s) / sampled_s / window_s
    return found


@compiled
def slopes(
    times: Floats, samples: Floats, first: Ints, used: Ints, column: int, start_s: float
) -> Floats:
    """deriv() of one gauge of every used row over the samples after `start_s`, per second: the
    slope of the least-squares line. Returns (U,), NaN where there are fewer than two samples."""
    low = np.searchsorted(times, start_s, side="right")
    found = np.full(len(used), np.nan)
    for u in range(len(used)):
        start = max(low, first[used[u]])
        count = len(times) - start
        if count < 2:
            continue
        middle_s = times[start:].mean()
        above = below = 0.0
        for i in range(start, len(times)):
            above += (times[i] - middle_s) * samples[i, used[u], column]
            below += (times[i] - middle_s) ** 2
        found[u] = above / below
    return found


@compiled
def slide(sums: Ints, oldest: Ints, fresh: Ints, used: Ints) -> None:
    """Moves the used rows of a sliding sum on by one span: `fresh` comes in and is cleared, and
    takes the place of the `oldest`, which falls out. All of shape (R, B); used: (U,) rows."""
    for row in used:
        for i in range(sums.shape[1]):
            sums[row, i] += fresh[row, i] - oldest[row, i]
            oldest[row, i] = fresh[row, i]
            fresh[row, i] = 0


@compiled
def row_quantiles(bins: Ints, used: Ints, quantile: float) -> Floats:
    """The quantile (0 to 1) of each used row's bins, in seconds; shape (R,), NaN where empty."""
    found = np.full(len(bins), np.nan)
    for row in used:
        total = bins[row].sum()
        if total == 0:
            continue
        rank = max(1, int(np.ceil(quantile * total - 1e-9)))
        upto = 0
        for i in range(bins.shape[1]):
            upto += bins[row, i]
            if upto >= rank:
                found[row] = coarse_middle_s(i)
                break
    return found

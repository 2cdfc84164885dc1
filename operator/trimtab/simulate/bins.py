"""Latencies counted in logarithmic bins, 1 % wide: days of requests in a few kilobytes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.jit import compiled

LOWEST_S = 1e-5
BINS = 1900  # up to LOWEST_S * e^19, half an hour
COARSE = BINS // 2  # bins 2 % wide, for what is read and not reported
_PER_E = 100.0


@compiled
def bin_of(latency_s: float) -> int:
    """The bin of a latency; what lies outside goes to the first or the last."""
    if latency_s <= LOWEST_S:
        return 0
    return min(int(math.log(latency_s / LOWEST_S) * _PER_E), BINS - 1)


@compiled
def coarse_middle_s(index: int) -> float:
    """The latency in the middle of a coarse bin."""
    return LOWEST_S * math.exp((index + 0.5) * (BINS // COARSE) / _PER_E)


def quantile_s(counts: NDArray[np.int64], quantile: float, infinite: int = 0) -> float | None:
    """The latency that a share `quantile` (0 to 1) of the counted does not exceed.

    counts: shape (BINS,) or (COARSE,). `infinite` more took for ever. None where nothing was
    counted or the answer is infinite. The middle of its bin: within half a percent, or one.
    """
    upto = np.cumsum(counts)
    total = int(upto[-1]) + infinite
    rank = max(1, math.ceil(quantile * total - 1e-9))
    if total == 0 or rank > upto[-1]:
        return None
    per_e = _PER_E * len(counts) / BINS
    return float(LOWEST_S * math.exp((int(np.searchsorted(upto, rank)) + 0.5) / per_e))

"""How many requests arrive in a time: Poisson, or burstier by an index of dispersion.

Arrivals are clusters at Poisson times whose sizes follow the logarithmic series, so that the count
in any time t is negative binomial with mean rate*t and variance `dispersion` times that (Johnson,
Kemp and Kotz, Univariate Discrete Distributions, 5.2 and 7.1.2). At a dispersion of 1 every
cluster is one request, and the count is Poisson.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def count_shares(means: Floats, dispersion: float, size: int) -> Floats:
    """P(count = k) for k = 0 to size-1, a row for each mean (all > 0): shape (means, size).

    The rest of the probability, beyond `size`, is left out.
    """
    counts = np.arange(1.0, size)
    excess = (counts - 1.0) * (1.0 - 1.0 / dispersion)
    steps = np.log((means[:, None] / dispersion + excess) / counts)
    logs = np.zeros((means.size, size))
    np.cumsum(steps, axis=1, out=logs[:, 1:])
    logs -= (means * _log_none_share(dispersion))[:, None]
    return np.exp(logs, out=logs)


def cluster_shares(dispersion: float, size: int) -> Floats:
    """P(a cluster has k requests), k = 0 to size-1 (none has 0), made to sum to 1."""
    if dispersion <= 1.0:
        return _at(1, size)
    k = np.arange(1.0, size)
    shares = np.concatenate([[0.0], (1.0 - 1.0 / dispersion) ** k / k])
    return np.asarray(shares / shares.sum())


def cluster_mean(dispersion: float) -> float:
    """Mean requests of a cluster."""
    return 1.0 / _log_none_share(dispersion)


def ahead_shares(dispersion: float, size: int) -> Floats:
    """P(k of a request's own cluster are ahead of it), k = 0 to size-1, made to sum to 1.

    The cluster that a request is in has geometric size, and its place in it is any.
    """
    if dispersion <= 1.0:
        return _at(0, size)
    k = np.arange(1.0, size + 1.0)
    shares = np.cumsum(((1.0 - 1.0 / dispersion) ** k / k)[::-1])[::-1]
    return np.asarray(shares / shares.sum())


def tail_root(mean: float, cap: int, dispersion: float) -> float:
    """The z > 1 at which z^cap equals the generating function of a count of that mean (< cap).

    What waits falls by the factor 1/z from one number to the next, far out (Tijms, A First Course
    in Stochastic Models, 9.3). By bisection: the logarithms cross once.
    """
    share = 1.0 - 1.0 / dispersion
    low, high = 1.0, min(1e6, 1.0 / share if share > 0 else 1e6)
    for _ in range(60):
        middle = (low + high) / 2.0
        if cap * math.log(middle) > _log_generating(mean, dispersion, middle):
            low = middle
        else:
            high = middle
    return low


def _log_generating(mean: float, dispersion: float, z: float) -> float:
    """ln E[z^count]; infinite beyond where it converges."""
    if dispersion <= 1.0:
        return mean * (z - 1.0)
    share = 1.0 - 1.0 / dispersion
    left = (1.0 - share * z) / (1.0 - share)
    return math.inf if left <= 0.0 else -mean / (dispersion - 1.0) * math.log(left)


def _log_none_share(dispersion: float) -> float:
    """-ln P(no request) per expected request: 1 for Poisson."""
    return math.log(dispersion) / (dispersion - 1.0) if dispersion > 1.0 else 1.0


def _at(place: int, size: int) -> Floats:
    shares = np.zeros(size)
    shares[place] = 1.0
    return shares

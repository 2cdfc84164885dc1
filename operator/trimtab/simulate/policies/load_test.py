"""What one replica carries, found as a careful user finds it: by a load test of one replica.

Nothing here shares a formula with the operator's own latency model, so no rule profits or suffers
from that model's errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trimtab.core.latency import ServiceCurve
from trimtab.simulate.jit import compiled

_REQUESTS = 30_000
_STEPS = 14
_CURVE_POINTS = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """The best of a replica within its SLO: at `batch_cap` it carries `rate` requests/s (0 where
    even an idle one is too slow), each in `latency_s` seconds on average. `most_rate`: requests/s
    at which it is busy all the time; `alone_s`: seconds of a batch of one."""

    batch_cap: int
    rate: float
    latency_s: float
    most_rate: float
    alone_s: float


@lru_cache(maxsize=4096)
def load_test(
    points: _CURVE_POINTS, instances: int, max_batch: int, target_s: float, percentile: float
) -> Carried:
    """Tries every batch cap that is a power of two up to `max_batch` (and that itself).

    points: (batch, seconds) of the service curve, as ServiceCurve takes them. Of caps within 2 % of
    the best the smallest is taken: a larger one only lengthens the tail.
    """
    curve = ServiceCurve(points)
    caps = sorted({min(2**i, max_batch) for i in range(max_batch.bit_length() + 1)})
    tried = [_carried(curve, instances, cap, target_s, percentile) for cap in caps]
    best = max(t.rate for t in tried)
    return next(t for t in tried if t.rate >= 0.98 * best)


def _carried(
    curve: ServiceCurve, instances: int, cap: int, target_s: float, percentile: float
) -> Carried:
    seconds = np.array([0.0, *(curve.seconds(b) for b in range(1, cap + 1))])
    gaps = np.random.default_rng(0).standard_exponential(_REQUESTS).cumsum()
    most = float(instances * (np.arange(1, cap + 1) / seconds[1:]).max())
    low, high, mean_s = 0.0, most, float(seconds[1])
    if seconds[1] > target_s:
        return Carried(cap, 0.0, mean_s, most, float(seconds[1]))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        latencies = play(gaps / middle, seconds, instances)
        if np.quantile(latencies, percentile / 100.0) <= target_s:
            low, mean_s = middle, float(latencies.mean())
        else:
            high = middle
    return Carried(cap, low, mean_s, most, float(seconds[1]))


@compiled
def play(
    arrivals_s: NDArray[np.float64], seconds: NDArray[np.float64], instances: int
) -> NDArray[np.float64]:
    """Latency in seconds of each request, shape (n,), in one replica that batches what waits.

    arrivals_s: ascending, shape (n,); seconds[b]: service time of a batch of b, shape (cap + 1,).
    """
    n, cap = arrivals_s.size, seconds.size - 1
    latencies = np.empty(n)
    free_s = np.zeros(instances)
    head = 0
    while head < n:
        instance = free_s.argmin()
        start_s = max(free_s[instance], arrivals_s[head])
        end = head + 1
        while end < n and end - head < cap and arrivals_s[end] <= start_s:
            end += 1
        done_s = start_s + seconds[end - head]
        for i in range(head, end):
            latencies[i] = done_s - arrivals_s[i]
        free_s[instance] = done_s
        head = end
    return latencies

"""Which batch Triton's mean service time tells of.

Triton adds a batch's compute time once for every request in it, so the mean is weighted by size:
E[b s(b)] / E[b], which is the time of a larger batch than the mean one. How much larger, the queue
says: its batches are of all sizes while it is half busy, and alike when it is full.
"""

from __future__ import annotations

import bisect
from functools import lru_cache

import numpy as np

from trimtab.core.latency.arrivals import Floats
from trimtab.core.latency.chain import stationary
from trimtab.core.latency.curve import ServiceCurve

_LOADS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97)
_FLAT = 1.001


def batch_a_request_sees(curve: ServiceCurve, cap: int, mean: float) -> float:
    """The batch b whose time s(b) on `curve` is E[b s(b)] / E[b], where batches of `mean` items are
    executed: of Poisson arrivals at one instance that takes what waits, up to `cap`.

    Where the curve is flat any batch is: then E[b^2] / E[b].
    """
    if cap <= 1 or mean >= cap:
        return max(1.0, mean)
    means, seen = _seen(curve, cap)
    # The means begin at a batch of one and end at the cap, between which this one lies.
    mean = max(1.0, mean)
    place = bisect.bisect_right(means, mean)
    before, at = means[place - 1], seen[place - 1]
    return (seen[place] - at) / (means[place] - before) * (mean - before) + at


@lru_cache(maxsize=8192)
def _seen(curve: ServiceCurve, cap: int) -> tuple[list[float], list[float]]:
    """As plain numbers: numpy takes ten times as long over so few."""
    # In units of one request's time: the batches at a load depend on the curve's shape alone.
    means, seen = _table(curve.scaled(1.0 / curve.seconds(1)), cap)
    return means.tolist(), seen.tolist()


@lru_cache(maxsize=4096)
def _table(curve: ServiceCurve, cap: int) -> tuple[Floats, Floats]:
    """Mean batches, ascending, and the batch that is seen at each."""
    service = np.array([0.0, *(curve.seconds(b) for b in range(1, cap + 1))])
    points = [(1.0, 1.0), *(_at(load, service) for load in _LOADS), (float(cap), float(cap))]
    means, seen = zip(*points, strict=True)
    # At the loads between the last and all of it both go to the cap together.
    return np.maximum.accumulate(np.array(means)), np.array(seen)


def _at(load: float, service: Floats) -> tuple[float, float]:
    cap = len(service) - 1
    queue = stationary(load * cap / service[cap], service, 1.0)
    sizes = np.minimum(np.arange(1, queue.busy.size), cap)
    executions = queue.busy[1:] / service[sizes]
    items = sizes * executions
    mean = items.sum() / executions.sum()
    weighted = float((items * service[sizes]).sum() / items.sum())
    rising = np.maximum.accumulate(service[1:])
    if rising[-1] < _FLAT * rising[0]:
        return float(mean), float((items * sizes).sum() / items.sum())
    return float(mean), float(np.interp(weighted, rising, np.arange(1.0, cap + 1.0)))

"""One replica under a load: its latency, and the share of requests that come too late.

Nothing but the shape of the service curve matters to the queue: with every time twice as long and
half the rate, every latency is twice as long. So quantiles are computed for shapes, at fixed
utilisations, and kept: a decision asks for thousands of them, of few different shapes.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trimtab.core.latency.curve import ServiceCurve
from trimtab.core.latency.sojourn import TAILS, idle_quantiles, sojourn_quantiles

_UTILISATION_LIMIT = 0.95  # beyond it the tail is decided by what the model does not see
_NODES = (
    *(0.0, 1 / 512, 1 / 128, 1 / 32, 1 / 16, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75),
    *(0.8, 0.85, 0.9, 0.925, _UTILISATION_LIMIT),
)
_SHAPE_STEP = 0.03  # shapes are told apart to this step of the logarithm
_DISPERSIONS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
_KEPT = 50_000

_Shape = tuple[tuple[int, int], ...]
# As plain numbers: there are a dozen of them, and numpy takes ten times as long over so few.
_Quantiles = tuple[float, ...]
_DEPTHS: tuple[float, ...] = tuple((-np.log(TAILS)).tolist())


@dataclass(frozen=True, slots=True)
class ReplicaModel:
    """One replica: its curve, its instances, the batch cap Triton was given, and the burstiness of
    what arrives at it (variance over mean of counts, from 1 for Poisson to 4)."""

    curve: ServiceCurve
    instances: int = 1
    batch_cap: int = 1
    dispersion: float = 1.0

    @property
    def saturation_rate(self) -> float:
        """Requests per second at which a queue that has formed no longer falls."""
        return self.instances * self.batch_cap / self.curve.seconds(self.batch_cap)

    def latency_s(self, rate: float, percentile: float, scale: float = 1.0) -> float:
        """The latency percentile in seconds at `rate` requests/s, with every service time
        multiplied by `scale`; infinite near saturation.

        `percentile` from 1 to 99.99; beyond those the nearest is told.
        """
        place, part = _place_of(percentile)
        quantiles = self._quantiles_s(rate * scale, slice(place, place + 2))
        if quantiles is None:
            return math.inf
        before, after = quantiles
        return scale * (before + part * (after - before))

    def late_share(self, rate: float, target_s: float) -> float:
        """The share of requests (0 to 1) that take longer than `target_s` at `rate` requests/s.

        1 near saturation. Below the last quantile that is kept the tail goes on exponentially.
        """
        quantiles = self._quantiles_s(rate)
        if quantiles is None or target_s < quantiles[0]:
            return 1.0
        if target_s < quantiles[-1]:
            place = bisect.bisect_right(quantiles, target_s)
            lower, upper = quantiles[place - 1], quantiles[place]
            part = (target_s - lower) / (upper - lower)
            depth = _DEPTHS[place - 1] + part * (_DEPTHS[place] - _DEPTHS[place - 1])
            return math.exp(-depth)
        longer = quantiles[-1] - quantiles[-4]
        if longer <= 0.0:
            return 0.0
        decay = (_DEPTHS[-1] - _DEPTHS[-4]) / longer
        return math.exp(-_DEPTHS[-1] - decay * (target_s - quantiles[-1]))

    def capacity_rate(self, target_s: float, percentile: float) -> float:
        """The largest rate (requests/s) with that percentile within `target_s`; 0 for none."""
        full_s, shape = self._shape()
        target = target_s / full_s
        place, beyond = _place_of(percentile)

        def latency(node: int) -> float:
            before, after = self._node(shape, node)[place : place + 2]
            return before + beyond * (after - before)

        if latency(0) > target:
            return 0.0
        low, high = 0, len(_NODES) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if latency(middle) <= target else (low, middle)
        before, after = latency(low), latency(high)
        part = 1.0 if after <= target else (target - before) / (after - before)
        utilisation = _NODES[low] + part * (_NODES[high] - _NODES[low])
        return min(utilisation, _UTILISATION_LIMIT * (1.0 - 1e-9)) * self.saturation_rate

    def _quantiles_s(self, rate: float, which: slice = slice(None)) -> _Quantiles | None:
        """The seconds that each of TAILS exceeds; None near saturation."""
        utilisation = max(0.0, rate) / self.saturation_rate
        if utilisation >= _UTILISATION_LIMIT:
            return None
        right = bisect.bisect_right(_NODES, utilisation)
        low, high = _NODES[right - 1], _NODES[right]
        full_s, shape = self._shape()
        lower, upper = self._node(shape, right - 1)[which], self._node(shape, right)[which]
        part = (utilisation - low) / (high - low)
        # More load is never faster: where a plan says so, it is the grid's doing.
        return tuple(
            [full_s * (b + part * max(a - b, 0.0)) for b, a in zip(lower, upper, strict=True)]
        )

    def _shape(self) -> tuple[float, _Shape]:
        """Seconds of a full batch, and the logarithms of the others' ratios to it, in steps."""
        return _shape_of(self.curve, self.batch_cap)

    def _node(self, shape: _Shape, node: int) -> _Quantiles:
        bursts = nearest_dispersion(self.dispersion)
        return _unit_quantiles(shape, self.batch_cap, self.instances, bursts, node)


@lru_cache(maxsize=_KEPT)
def _shape_of(curve: ServiceCurve, cap: int) -> tuple[float, _Shape]:
    full_s = curve.seconds(cap)
    sizes = [1 << i for i in range((cap - 1).bit_length())]
    return full_s, tuple((b, _steps(curve.seconds(b) / full_s)) for b in sizes)


def nearest_dispersion(dispersion: float) -> float:
    """The one of those that are told apart; rounded up, Poisson's own noise would cost a tenth."""
    if dispersion in _DISPERSIONS:
        return dispersion
    return min(_DISPERSIONS, key=lambda known: abs(known - dispersion))


def _place_of(percentile: float) -> tuple[int, float]:
    """Between which two of TAILS a percentile lies: the place of the first, and what share of the
    way to the second, by the logarithm of the tail."""
    depth = -math.log(max(1.0 - percentile / 100.0, 1e-9))
    depth = min(max(depth, _DEPTHS[0]), _DEPTHS[-1])
    place = bisect.bisect_right(_DEPTHS, depth, 1, len(_DEPTHS) - 1) - 1
    return place, (depth - _DEPTHS[place]) / (_DEPTHS[place + 1] - _DEPTHS[place])


def _steps(ratio: float) -> int:
    return round(math.log(ratio) / _SHAPE_STEP)


@lru_cache(maxsize=_KEPT)
def _unit_quantiles(
    shape: _Shape, cap: int, instances: int, dispersion: float, node: int
) -> _Quantiles:
    """The quantiles at a node's utilisation, in times of a full batch."""
    sizes = np.array([*(b for b, _ in shape), cap], float)
    times = np.exp(np.array([*(steps * _SHAPE_STEP for _, steps in shape), 0.0]))
    service = np.interp(np.arange(cap + 1.0), sizes, times)
    if not node:
        return tuple(idle_quantiles(service, instances, dispersion).tolist())
    rate = _NODES[node] * instances * cap
    return tuple(sojourn_quantiles(rate, service, instances, dispersion).tolist())

"""What one replica carries within a latency target, and the batch cap with which it carries most.

No queue delay is chosen: measured on simulations of straight, flat, proportional and kneed curves,
waiting for a fuller batch never brought one instance 1 % more within a target from 2.5 to 20
service times, and took up to 70 % from it. While a batch runs the next one gathers anyway.
"""

from __future__ import annotations

import math
from functools import lru_cache

from trimtab.core.latency.curve import ServiceCurve
from trimtab.core.latency.replica import ReplicaModel, nearest_dispersion

QUEUE_DELAY_S = 0.0
"""How long a replica should wait for a fuller batch: the model takes every figure without it."""

_SATURATION_SHARE = 0.7  # planned utilisation where no capacity meets the SLO at all
_NEARLY_BEST = 0.95
_GRID = 0.01  # steps of the logarithm that are told apart where an answer is kept
_KEPT = 30_000


def capacity_rate(model: ReplicaModel, target_s: float, percentile: float) -> float:
    """The largest rate (requests/s) one replica carries with that percentile within `target_s`.

    0 where even an idle replica is slower than the target.
    """
    return model.capacity_rate(target_s, percentile)


def unbounded_capacity_rate(model: ReplicaModel) -> float:
    """The rate to plan with where no rate meets the SLO: a stable queue, and no promise."""
    return model.saturation_rate * _SATURATION_SHARE


def best_batch_cap(
    curve: ServiceCurve,
    *,
    instances: int,
    max_batch: int,
    target_s: float,
    percentile: float,
    live_cap: int | None,
    fixed: bool = False,
    dispersion: float = 1.0,
) -> tuple[int, float]:
    """The batch cap that carries most within the SLO, and what it carries (requests/s).

    A live cap stays while it carries 80 % of the best: a new cap restarts every pod; `fixed`, it
    stays whatever it carries. The smallest cap within 5 % of the best wins: a large one that brings
    nothing only lengthens the tail. Times are taken in steps of 1 %, the slower way, and answers
    are kept: they differ from `capacity_rate` by as much.
    """
    first_s = curve.seconds(1)
    unit_steps = math.ceil(math.log(first_s) / _GRID - 1e-6)
    points = tuple((b, _steps(s / first_s)) for b, s in curve.points)
    if points[0][0] > 1 and len(points) > 1:
        points = ((1, 0), *points)
    unit_s = math.exp(unit_steps * _GRID)
    target = math.floor(math.log(target_s / unit_s) / _GRID + 1e-6)
    live = min(live_cap, max_batch) if live_cap is not None else None
    dispersion = nearest_dispersion(dispersion)
    asked = (points, instances, max_batch, target, percentile, dispersion)
    cap, rate = _best_unit_cap(*asked)
    if live is not None and live != cap:
        kept = _unit_capacity(points, instances, live, target, percentile, dispersion)
        if fixed or (kept > 0.0 and kept >= 0.8 * rate):
            cap, rate = live, kept
    return cap, rate / unit_s


def _steps(ratio: float) -> int:
    return math.ceil(math.log(ratio) / _GRID - 1e-6)


@lru_cache(maxsize=_KEPT)
def _best_unit_cap(
    points: tuple[tuple[int, int], ...],
    instances: int,
    max_batch: int,
    target: int,
    percentile: float,
    dispersion: float,
) -> tuple[int, float]:
    """The best cap and its rate, where a batch of one takes 1 and times are in steps."""
    caps = sorted({min(2**i, max_batch) for i in range(max_batch.bit_length() + 1)})
    models = {cap: _unit_model(points, instances, cap, dispersion) for cap in caps}
    target_s = math.exp(target * _GRID)
    best_cap, best = caps[0], 0.0
    # From the highest ceiling down, so that most caps are ruled out by one look.
    for cap in sorted(caps, key=lambda c: -models[c].saturation_rate):
        model = models[cap]
        if model.saturation_rate <= best or model.latency_s(best, percentile) > target_s:
            continue
        rate = _unit_capacity(points, instances, cap, target, percentile, dispersion)
        if rate > best:
            best_cap, best = cap, rate
    for cap in caps[: caps.index(best_cap)]:
        if models[cap].latency_s(best * _NEARLY_BEST, percentile) <= target_s:
            rate = _unit_capacity(points, instances, cap, target, percentile, dispersion)
            return cap, rate
    return best_cap, best


@lru_cache(maxsize=_KEPT)
def _unit_capacity(
    points: tuple[tuple[int, int], ...],
    instances: int,
    cap: int,
    target: int,
    percentile: float,
    dispersion: float,
) -> float:
    model = _unit_model(points, instances, cap, dispersion)
    return capacity_rate(model, math.exp(target * _GRID), percentile)


def _unit_model(
    points: tuple[tuple[int, int], ...], instances: int, cap: int, dispersion: float
) -> ReplicaModel:
    curve = ServiceCurve(tuple((b, math.exp(steps * _GRID)) for b, steps in points))
    return ReplicaModel(curve, instances, cap, dispersion)

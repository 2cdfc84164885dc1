"""What the users' latency says of the replicas, read back through the model of one."""

from __future__ import annotations

import math
from functools import lru_cache

from trimtab.core.latency import ReplicaModel, service_scale
from trimtab.core.option import Option
from trimtab.core.plan import Latency
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.snapshot import ModelState

_BUSIEST = 0.9  # utilisation up to which crowds of late requests were simulated
_LARGEST_TAIL = 0.05
_PLENTY = 100  # late requests of one pod: then all pods' percentiles are nearly the same


def measured_scale(
    state: ModelState, option: Option, latency: Latency, policy: PolicySettings = DEFAULT_POLICY
) -> float | None:
    """By what factor the service times are longer than the model has them, as the users' latency
    tells of the fleet as it is; None where it tells nothing."""
    rate = rate_each(state) if state.alone and state.alone.key == option.key else None
    if option.model is None or latency.observed_s is None or rate is None:
        return None
    if not latency.tells_of_capacity:
        return None
    pods = state.workload(option.key).ready
    source, window_s = latency.source, policy.long_window_s
    percentile = percentile_read(state, option.model, rate, pods, source, window_s)
    if percentile <= 0.0:
        return None  # so many hit that it tells of nothing that executes
    if not math.isfinite(option.model.latency_s(rate, percentile)):
        return None  # a saturated queue tells how long it has been so, and not how fast it is
    return service_scale(option.model, rate, percentile, latency.observed_s)


def rate_each(state: ModelState) -> float | None:
    """Items per second that reach each replica of the workload that serves alone; None while
    several do, or nothing does."""
    rate, alone = state.readings.items_rate, state.alone
    return rate / alone.ready if rate and alone else None


def percentile_read(
    state: ModelState, model: ReplicaModel, rate: float, pods: int, source: str, window_s: float
) -> float:
    """The percentile of all requests that the reading stands for, with `rate` at each pod.

    A summary's reading is the largest of the pods' own percentiles, each of a window's requests:
    with 25 pods that answer 150 each, the largest of 25 p99 is, in the median, the p99.9 of all. It
    was 40 % above the p99, and held twice the replicas that the load needed. Late requests come in
    crowds, of 2/(1-u) at utilisation u by simulations of three curves, so that a pod has as many
    times fewer chances: with that the rule is within 5 % of the simulated reading in the middle
    case, and 17 % at worst.
    """
    percentile = _percentile_executed(state)
    tail = 1.0 - percentile / 100.0
    busy = min(rate / model.saturation_rate, _BUSIEST)
    chances = rate * window_s * (1.0 - busy) / 2.0
    late = math.floor(tail * chances)
    if late > _PLENTY or chances < 1.0 or not source.startswith("TritonSummary"):
        return percentile
    return 100.0 * (1.0 - min(_mean_late(late, pods) / chances, _LARGEST_TAIL))


def _percentile_executed(state: ModelState) -> float:
    """The percentile of those that execute which the SLO's percentile of all is: what hits is the
    fastest. With 90 % of hits the p99 of all is the p90 of the others; 0 where it is a hit's."""
    percentile, hits = state.spec.slo.percentile, state.readings.hit_share
    if not hits:
        return percentile
    others, tail = 1.0 - hits, 1.0 - percentile / 100.0
    return 100.0 * (1.0 - tail / others) if others > tail else 0.0


@lru_cache(maxsize=65536)
def _mean_late(most: int, pods: int) -> float:
    """The mean of a Poisson number that is at most `most` at all of so many pods in every other
    case."""
    wanted = 0.5 ** (1.0 / pods)
    low, high = 0.0, most + 1.0
    for _ in range(30):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _at_most(most, middle) > wanted else (low, middle)
    return low


def _at_most(count: int, mean: float) -> float:
    """P(a Poisson number of that mean is at most `count`)."""
    share, total = math.exp(-mean), 0.0
    for n in range(count + 1):
        total += share
        share *= mean / (n + 1)
    return total

"""The latency the users see now, or the best honest guess at it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from trimtab.core.burstiness import is_steady
from trimtab.core.latency import ReplicaModel, front_end_s, service_scale
from trimtab.core.learn import belief_of, front_end_of, note_front_end
from trimtab.core.memory import ModelMemory
from trimtab.core.options import Option
from trimtab.core.plan import Latency
from trimtab.core.saturation import least_front_end_s
from trimtab.core.served import most_each, noted
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.signals import Known, value_or_none
from trimtab.core.snapshot import ModelState, WorkloadKey, WorkloadReadings

_SLO_RETURN = 0.95  # a broken SLO is kept again only below this share of the target
_ROUNDING = 1e-9  # of a share: 990 of 1000 are the p99 of any target
_FIT_EVERY_S = 15.0  # a summary of a minute says little new in a tick, and is dear to read back
_TELLING_LOAD = 0.3  # of the time busy; with less, a late request tells of jitter and no capacity
_BUSIEST = 0.9  # utilisation up to which crowds of late requests were simulated
_LARGEST_TAIL = 0.05
_PLENTY = 100  # late requests of one pod: then all pods' percentiles are nearly the same
_TELLING_REQUESTS = 300  # in the long window: a percentile of fewer is a matter of luck


def observe_latency(state: ModelState) -> Latency:
    """The measured percentile, or one estimated from the means of Triton's counters."""
    readings = state.readings
    measured = value_or_none(readings.latency_s)
    if isinstance(readings.latency_s, Known) and measured is not None:
        return Latency(
            measured,
            source=readings.latency_source,
            estimated=readings.latency_estimated,
            bucket=readings.latency_bucket,
            note=readings.latency_note,
        )
    estimates = [
        estimate
        for workload in state.workloads
        if (
            estimate := _estimate_s(
                readings.workload(workload.key),
                workload.ready * state.spec.triton.instance_count,
                state.spec.slo.percentile,
            )
        )
        is not None
    ]
    if not readings.latency_estimated or not estimates:
        return Latency(source=readings.latency_source, estimated=readings.latency_estimated)
    return Latency(
        max(estimates), source=readings.latency_source, estimated=True, note=readings.latency_note
    )


def learn_latency_error(
    memory: ModelMemory,
    state: ModelState,
    options: Mapping[WorkloadKey, Option],
    latency: Latency,
    now_s: float,
    policy: PolicySettings,
) -> ModelMemory:
    """Compares what was measured with what the model says of the fleet as it stood.

    In steady state of one workload: a summary still holds the minute before, and right after a
    scale-up it would teach that the larger fleet is slow. A p99 holds a burst, and the mean rate
    does not. Elsewhere it may only teach that requests cost more, see `trimtab.core.served`.
    """
    memory = memory._replace(served=noted(memory.served, state, now_s, policy))
    if memory.fitted_s is not None and 0.0 <= now_s - memory.fitted_s < _FIT_EVERY_S:
        return memory
    rates = _steady_rate(memory, state, now_s, policy)
    steady = bool(rates)
    rates = rates or most_each(memory.served, now_s, policy)
    if not rates:
        return memory
    measured_s = _least_front_end_s(memory, state, options, latency, rates, policy)
    memory = memory._replace(fitted_s=now_s)
    if measured_s is None:
        return memory
    class_name = next(iter(rates)).accelerator_class
    if not steady and measured_s <= front_end_of(memory, state.spec, class_name):
        return memory
    least_s = least_front_end_s(memory, class_name, now_s)
    # Below 0 it stands for none, and noise takes from one reading what it gave to another.
    told_s = max(measured_s, least_s) if least_s > 0.0 else measured_s
    return note_front_end(memory, state.spec, class_name, told_s)


def _steady_rate(
    memory: ModelMemory, state: ModelState, now_s: float, policy: PolicySettings
) -> dict[WorkloadKey, float]:
    """Items per second at each replica of the one workload that serves; empty where several do, or
    the fleet or its load moved."""
    serving = [w for w in state.workloads if w.ready]
    if len(serving) != 1 or memory.changed_s is None or now_s - memory.changed_s < policy.settle_s:
        return {}
    rate = state.readings.items_rate
    if not rate or not is_steady(
        memory.history.recent, policy.fast_window_s, now_s, policy.settle_s
    ):
        return {}
    return {serving[0].key: rate / serving[0].ready}


def _least_front_end_s(
    memory: ModelMemory,
    state: ModelState,
    options: Mapping[WorkloadKey, Option],
    latency: Latency,
    rates: Mapping[WorkloadKey, float],
    policy: PolicySettings,
) -> float | None:
    """What a request costs beside its execution, as the users' latency tells where each workload
    had so many items/s at each replica; None for nothing.

    Of several on one class the least that any of them would need: no percentile of all requests is
    above the same of each workload's. On several classes it could be either's.
    """
    if len({key.accelerator_class for key in rates}) != 1:
        return None
    if latency.observed_s is None or not latency.tells_of_capacity:
        return None
    hits = state.readings.hit_share
    if hits or (hits is None and state.spec.triton.cache_bytes is not None):
        return None  # hits pull every percentile down, and would teach that requests cost nothing
    pods = sum([w.ready for w in state.workloads])
    answered = sum([r * state.workload(key).ready for key, r in rates.items()])
    if answered * policy.long_window_s < _TELLING_REQUESTS:
        return None
    found = []
    for key, rate in rates.items():
        bare = _bare(memory, state, options.get(key))
        if bare is None:
            return None
        percentile = _percentile_read(state, bare, rate, pods, latency.source, policy.long_window_s)
        if not math.isfinite(bare.latency_s(rate, percentile)):
            return None  # a saturated queue tells how long it has been so, not how fast it is
        busy = rate * bare.curve.seconds(1) / bare.instances
        found.append((front_end_s(bare, rate, percentile, latency.observed_s), busy))
    least_s, busy = min(found)
    return least_s if busy >= _TELLING_LOAD else None


def _bare(memory: ModelMemory, state: ModelState, option: Option | None) -> ReplicaModel | None:
    """A replica as its executions alone have it; None where serving did not confirm those."""
    if option is None or option.model is None:
        return None
    belief = belief_of(memory, state.spec, option.key)
    if belief is None or not belief.confirmed:
        return None  # a seed's error is the curve's, and not the front end's
    cap = state.workload(option.key).batch_cap or option.batch_cap
    return replace(option.model, curve=belief.curve, batch_cap=cap)


def measured_scale(
    state: ModelState, option: Option, latency: Latency, policy: PolicySettings = DEFAULT_POLICY
) -> float | None:
    """By what factor the service times are longer than the model has them, as the users' latency
    tells of the fleet as it is; None where it tells nothing."""
    rate = _rate_each(state, option)
    if option.model is None or latency.observed_s is None or rate is None:
        return None
    if not latency.tells_of_capacity:
        return None
    pods = state.workload(option.key).ready
    source, window_s = latency.source, policy.long_window_s
    percentile = _percentile_read(state, option.model, rate, pods, source, window_s)
    if percentile <= 0.0:
        return None  # so many hit that it tells of nothing that executes
    if not math.isfinite(option.model.latency_s(rate, percentile)):
        return None  # a saturated queue tells how long it has been so, and not how fast it is
    return service_scale(option.model, rate, percentile, latency.observed_s)


def judge_slo(memory: ModelMemory, state: ModelState, latency: Latency) -> ModelMemory:
    """The verdict on the SLO with a hysteresis, so that a p99 at the target does not flap.

    A request that is refused or fails is late whatever the others take: a queue bound keeps the
    p99 of those that are answered within its target in the worst of overloads.

    Where a histogram counts at the target, the count decides: p99 <= target if and only if at most
    1 % took longer. Where in its bucket the p99 is drawn is no news, and kept a promise broken that
    99.9 % of the requests met.
    """
    broken = memory.slo_met is False
    slo, back = state.spec.slo, _SLO_RETURN if broken else 1.0
    met = None
    if fails_too_often(state, broken=broken):
        met = False
    elif latency.bucket is not None and latency.bucket.late_share is not None:
        met = latency.bucket.late_share <= (1.0 - slo.percentile / 100.0) * back + _ROUNDING
    elif latency.observed_s is not None:
        met = latency.observed_s <= slo.target_s * back
    return memory if met is memory.slo_met else memory._replace(slo_met=met)


def fails_too_often(state: ModelState, *, broken: bool) -> bool:
    """Whether more requests are refused or fail than the percentile allows to be late; `broken`
    where that, or the latency, had broken the SLO before."""
    allowed = 1.0 - state.spec.slo.percentile / 100.0
    return state.readings.failed_share > allowed * (_SLO_RETURN if broken else 1.0)


def _rate_each(state: ModelState, option: Option) -> float | None:
    """Items per second that reach each replica; None while others serve too, or nothing does."""
    rate, ready = state.readings.items_rate, state.workload(option.key).ready
    if not rate or not ready or ready != sum(w.ready for w in state.workloads):
        return None
    return rate / ready


def _percentile_read(
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


def _estimate_s(readings: WorkloadReadings, instances: int, percentile: float) -> float | None:
    """Service time plus an exponential tail of the mean wait: q/u * ln(u/(1-p)), u utilisation.

    Exact for M/M/1, pessimistic for the nearly deterministic service of a fixed batch.
    """
    service_s = value_or_none(readings.service_time_s)
    queue_s = value_or_none(readings.queue_time_s)
    batches = value_or_none(readings.batch_rate)
    if not service_s or queue_s is None or not batches or instances <= 0:
        return None
    tail = 1.0 - percentile / 100.0
    busy = min(1.0, batches * service_s / instances)
    if busy <= tail:
        # The logarithm is of one then; and of hardly any load at all, `busy` may be rounded to 0.
        return service_s + queue_s
    return service_s + max(queue_s, queue_s / busy * math.log(busy / tail))

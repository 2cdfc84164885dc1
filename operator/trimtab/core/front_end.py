"""What a request costs beside its execution, learnt from the latency that the users see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from trimtab.core.burstiness import is_steady
from trimtab.core.latency import ReplicaModel, front_end_s
from trimtab.core.learn import belief_of, front_end_of, note_front_end
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option
from trimtab.core.plan import Latency
from trimtab.core.read_back import percentile_read, rate_each
from trimtab.core.saturation import least_front_end_s
from trimtab.core.served import most_each, noted
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState, WorkloadKey

_FIT_EVERY_S = 15.0  # a summary of a minute says little new in a tick, and is dear to read back
_TELLING_LOAD = 0.3  # of the time busy; with less, a late request tells of jitter and no capacity
_TELLING_REQUESTS = 300  # in the long window: a percentile of fewer is a matter of luck


def learn_front_end(
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
    rate, alone = rate_each(state), state.alone
    if rate is None or alone is None:
        return {}
    if memory.changed_s is None or now_s - memory.changed_s < policy.settle_s:
        return {}
    steady = is_steady(memory.history.recent, policy.fast_window_s, now_s, policy.settle_s)
    return {alone.key: rate} if steady else {}


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
        percentile = percentile_read(state, bare, rate, pods, latency.source, policy.long_window_s)
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

"""The latency the users see now, or the best honest guess at it."""

from __future__ import annotations

import math
from dataclasses import replace

from trimtab.core.latency import service_scale
from trimtab.core.learn import correct_latency
from trimtab.core.memory import ModelMemory
from trimtab.core.options import Option
from trimtab.core.plan import Latency
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import Known, value_or_none
from trimtab.core.snapshot import ModelState, WorkloadReadings

_SLO_RETURN = 0.95  # a broken SLO is kept again only below this share of the target


def observe_latency(state: ModelState) -> Latency:
    """The measured percentile, or one estimated from the means of Triton's counters."""
    readings = state.readings
    measured = value_or_none(readings.latency_s)
    if isinstance(readings.latency_s, Known) and measured is not None:
        return Latency(
            measured, source=readings.latency_source, estimated=readings.latency_estimated
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
    return Latency(max(estimates), source=readings.latency_source, estimated=True)


def learn_latency_error(
    memory: ModelMemory,
    state: ModelState,
    option: Option | None,
    latency: Latency,
    now_s: float,
    policy: PolicySettings,
) -> ModelMemory:
    """Compares what was measured with what the model says of the fleet as it stood.

    Only in steady state: a summary still holds the minute before, and right after a scale-up it
    would teach that the larger fleet is slow.
    """
    settled = memory.changed_s is not None and now_s - memory.changed_s >= policy.settle_s
    learned = memory.learned.get(option.key) if option is not None else None
    if option is None or not settled or learned is None or not learned.samples:
        return memory  # a seed's error is the curve's, and not the queue's
    scale = measured_scale(state, option, latency)
    return memory if scale is None else correct_latency(memory, option.key, scale)


def measured_scale(state: ModelState, option: Option, latency: Latency) -> float | None:
    """By what factor the service times are longer than the model has them, as the users' latency
    tells of the fleet as it is; None where it tells nothing."""
    rate = state.readings.items_rate
    ready = state.workload(option.key).ready
    if option.model is None or latency.observed_s is None or latency.estimated or not rate:
        return None
    if not ready or ready != _all_ready(state):
        return None
    percentile = state.spec.slo.percentile
    if not math.isfinite(option.model.latency_s(rate / ready, percentile)):
        return (
            None  # a saturated queue tells how long it has been so, and not how fast it is served
        )
    return service_scale(option.model, rate / ready, percentile, latency.observed_s)


def judge_slo(memory: ModelMemory, latency: Latency, target_s: float) -> ModelMemory:
    """The verdict on the SLO with a hysteresis, so that a p99 at the target does not flap."""
    if latency.observed_s is None:
        return replace(memory, slo_met=None)
    limit = target_s * (_SLO_RETURN if memory.slo_met is False else 1.0)
    return replace(memory, slo_met=latency.observed_s <= limit)


def _all_ready(state: ModelState) -> int:
    return sum(w.ready for w in state.workloads)


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
    return service_s + max(queue_s, queue_s / busy * math.log(max(1.0, busy / tail)))

"""The latency the users see now, or the best honest guess at it."""

from __future__ import annotations

import math

from trimtab.core.memory import ModelMemory
from trimtab.core.plan import Latency
from trimtab.core.signals import Known, value_or_none
from trimtab.core.snapshot import ModelState, WorkloadReadings

_SLO_RETURN = 0.95  # a broken SLO is kept again only below this share of the target
_ROUNDING = 1e-9  # of a share: 990 of 1000 are the p99 of any target


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

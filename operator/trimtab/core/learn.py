"""What serving teaches: service times, the error of the latency model, and the time to Ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trimtab.api.resources import ModelDeployment
from trimtab.core.latency import ServiceCurve
from trimtab.core.memory import Learned, ModelMemory
from trimtab.core.signals import Known
from trimtab.core.snapshot import ModelState, Workload, WorkloadKey, WorkloadReadings

_GATE = 2.0  # a reading further than this factor from the estimate is an outlier at first
_OUTLIERS_BELIEVED_S = 90.0  # an outlier that outlasts the window it was read over is the truth
_SLOWEST_WEIGHT = 0.2
_TIMES_KEPT = 20
_CORRECTION_WEIGHT = 0.1
_CORRECTION_RANGE = (0.7, 2.0)


def learn(memory: ModelMemory, state: ModelState, now_s: float) -> ModelMemory:
    """The memory after this snapshot's readings of service times and pods."""
    learned = dict(memory.learned)
    for readings in state.readings.workloads:
        before = _current(learned.get(readings.key), seed_points(state.spec, readings.key))
        cap = state.workload(readings.key).batch_cap or state.spec.triton.max_batch_size
        after = _learn_service_time(before, readings, cap, now_s)
        if after is not None:
            learned[readings.key] = after
    memory = replace(memory, learned=learned)
    return _learn_times_to_ready(_note_fleet(memory, state.workloads, now_s), state.workloads)


def curve_of(
    memory: ModelMemory, spec: ModelDeployment, key: WorkloadKey
) -> tuple[ServiceCurve, bool] | None:
    """The best curve known for a workload and whether serving confirmed it; None without any."""
    learned = _current(memory.learned.get(key), seed_points(spec, key))
    if learned is None:
        return None
    return learned.curve, learned.samples > 0


def seed_points(spec: ModelDeployment, key: WorkloadKey) -> tuple[tuple[int, float], ...]:
    """The profile of the manifest as (batch, seconds); empty where there is none."""
    variant = spec.variant(key.variant)
    profile = variant.profile_on(key.accelerator_class) if variant else None
    return tuple((p.batch, p.latency_s) for p in profile.points) if profile else ()


def correct_latency(memory: ModelMemory, key: WorkloadKey, scale: float) -> ModelMemory:
    """Moves a workload's correction a little towards what the measured latency asks for.

    `scale`: the factor that is missing yet, over the correction of today.
    """
    low, high = _CORRECTION_RANGE
    correction = memory.latency_corrections.get(key, 1.0)
    step = _CORRECTION_WEIGHT * (min(max(correction * scale, low), high) - correction)
    corrections = {**memory.latency_corrections, key: correction + step}
    return replace(memory, latency_corrections=corrections)


def _current(learned: Learned | None, seed: tuple[tuple[int, float], ...]) -> Learned | None:
    """What is known to start from: an edited profile starts over, a removed one does not."""
    if learned is not None and (learned.seed == seed or not seed):
        return learned
    return Learned(ServiceCurve(seed), seed=seed) if seed else None


def _learn_service_time(
    before: Learned | None, readings: WorkloadReadings, cap: int, now_s: float
) -> Learned | None:
    """The curve moved towards one reading of (mean batch, mean service time)."""
    if not isinstance(readings.service_time_s, Known) or not isinstance(readings.batch_size, Known):
        # Two absurd readings with a silence between them are not one that lasted.
        return before and replace(before, outliers_since_s=None)
    seconds = readings.service_time_s.value
    batch = _batch_a_request_sees(max(1.0, readings.batch_size.value), cap)
    if seconds <= 0.0:
        return before
    if before is None:
        return Learned(ServiceCurve(((round(batch), seconds),)), samples=1)
    ratio = seconds / before.curve.seconds(batch)
    if not 1 / _GATE <= ratio <= _GATE:
        # One scrape across a restart reads absurd, in every tick until it has left the window; a
        # seed that is wrong by ten reads so for ever.
        since_s = now_s if before.outliers_since_s is None else before.outliers_since_s
        if now_s - since_s < _OUTLIERS_BELIEVED_S:
            return replace(before, outliers_since_s=since_s)
        curve = before.curve.scaled(ratio)
        return replace(before, curve=curve, samples=1, outliers_since_s=None)
    weight = max(_SLOWEST_WEIGHT, 1.0 / (before.samples + 1))
    return replace(
        before,
        curve=before.curve.scaled(1.0 + weight * (ratio - 1.0)),
        samples=before.samples + 1,
        outliers_since_s=None,
    )


def _batch_a_request_sees(mean: float, cap: int) -> float:
    """The batch size whose service time Triton's mean tells of.

    Triton adds a batch's compute time once for every request in it, so the mean is weighted by
    size: E[b s(b)]/E[b], which for a straight curve is s at E[b^2]/E[b]. Arrivals during a service
    are Poisson, so with b - 1 of that kind E[b^2]/E[b] = mean + 1 - 1/mean, and no more than the
    cap, at which all batches are alike.
    """
    seen = mean + 1.0 - 1.0 / mean
    return min(seen, max(mean, float(cap)))


def _note_fleet(memory: ModelMemory, workloads: Iterable[Workload], now_s: float) -> ModelMemory:
    fleet = tuple(sorted((w.key, w.replicas, w.ready) for w in workloads))
    if fleet == memory.fleet:
        return memory
    return replace(memory, fleet=fleet, changed_s=now_s)


def _learn_times_to_ready(memory: ModelMemory, workloads: tuple[Workload, ...]) -> ModelMemory:
    """Adds each pod's seconds from creation to its first Ready, once."""
    times = dict(memory.times_to_ready_s)
    alive = {p.name for w in workloads for p in w.pods}
    timed = memory.timed_pods & alive
    for workload in workloads:
        for pod in workload.pods:
            if pod.ready_s is not None and pod.name not in timed:
                timed |= {pod.name}
                times[workload.key] = (
                    *times.get(workload.key, ()),
                    max(0.0, pod.ready_s - pod.created_s),
                )[-_TIMES_KEPT:]
    return replace(memory, times_to_ready_s=times, timed_pods=timed)

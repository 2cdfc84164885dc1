"""What serving teaches: service times, the front end's share of them, and the time to Ready."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from trimtab.api.resources import ModelDeployment
from trimtab.core.burstiness import is_steady
from trimtab.core.forecast.history import History
from trimtab.core.latency import ServiceCurve, batch_a_request_sees
from trimtab.core.memo import WORKLOADS_KEPT
from trimtab.core.memory import ModelMemory
from trimtab.core.service_time import Learned, believe, first_seen, from_seed
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.signals import Known, value_or_none
from trimtab.core.snapshot import ModelState, Workload, WorkloadKey, WorkloadReadings

_TIMES_KEPT = 20
_WINDOW_S = 60.0  # what the readings are means over, roughly

# A seed is somebody's measurement on some day; until serving confirms it, plan with it this much
# slower (plans that are exact on paper collapse when the profile is wrong: arXiv 2604.07472).
_SEED_SD = math.log(1.2)
_SIBLING_SAMPLES = 6
_KNOWN_SD = 0.15  # of the logarithm of a service time; more is not known yet
_SINGLE = 1.05  # items of a mean batch: below, hardly any execution had two

# Whatever else goes wrong makes requests late too, so low answers are followed faster.
_FRONT_END_RISES = 0.4
_FRONT_END_FALLS = 0.6


@dataclass(frozen=True, slots=True)
class Belief:
    """A workload's curve; whether serving confirmed it; and by what factor its times are planned
    longer, for what is not known of it."""

    curve: ServiceCurve
    confirmed: bool
    margin: float = 1.0


def learn(
    memory: ModelMemory,
    state: ModelState,
    now_s: float,
    policy: PolicySettings = DEFAULT_POLICY,
) -> ModelMemory:
    """The memory after this snapshot's readings of service times and pods."""
    learned = dict(memory.learned)
    for readings in state.readings.workloads:
        before = _current(learned.get(readings.key), seed_points(state.spec, readings.key))
        if before is not None and not before.samples:
            errors = _seed_errors(memory, state.spec)
            before = _as_siblings(before, _of_siblings(errors, readings.key))
        cap = state.workload(readings.key).batch_cap or state.spec.triton.max_batch_size
        after = _learn_service_time(before, readings, cap, now_s, memory.history, policy)
        if after is not None:
            learned[readings.key] = after
    memory = memory._replace(learned=learned)
    return _learn_times_to_ready(_note_fleet(memory, state.workloads, now_s), state.workloads)


def beliefs_of(memory: ModelMemory, spec: ModelDeployment) -> dict[WorkloadKey, Belief]:
    """`belief_of` every workload of the spec of which anything is known."""
    errors = _seed_errors(memory, spec)
    keys = [WorkloadKey(v.name, c) for v in spec.variants for c in v.accelerator_classes]
    beliefs = {key: _belief(memory, spec, key, lambda: errors) for key in keys}
    return {key: belief for key, belief in beliefs.items() if belief is not None}


def taught(memory: ModelMemory) -> tuple[object, ...]:
    """All of the memory that `beliefs_of` depends on, margins to a hundredth: what is learnt moves
    with every reading, and what is believed of it seldom."""
    return tuple([(key, *_told(learned)) for key, learned in memory.learned.items()])


def _told(learned: Learned) -> tuple[object, ...]:
    samples = min(learned.samples, _SIBLING_SAMPLES)
    return learned.base, learned.steps, learned.seed, samples, round(_margin(learned), 2)


def belief_of(memory: ModelMemory, spec: ModelDeployment, key: WorkloadKey) -> Belief | None:
    """The best that is known of a workload's service times; None without any.

    A variant that never ran keeps its seed, times what the model's other variants on the class
    were found to differ from theirs by: who profiled one profiled all, on the same machine. Its
    margin is a standard deviation of what remains: half of a seed's error is the class's, which
    siblings tell, and half its own, of which their spread tells.
    """
    return _belief(memory, spec, key, lambda: _seed_errors(memory, spec))


def seed_points(spec: ModelDeployment, key: WorkloadKey) -> tuple[tuple[int, float], ...]:
    """The profile of the manifest as (batch, seconds); empty where there is none."""
    variant = spec.variant(key.variant)
    profile = variant.profile_on(key.accelerator_class) if variant else None
    return profile.points if profile else ()


def front_end_of(memory: ModelMemory, spec: ModelDeployment, class_name: str) -> float:
    """Seconds that a request is believed to take beside its execution; the most that a profile of
    the class says until serving told."""
    learned_s = memory.front_end_s.get(class_name)
    return profiled_front_end(spec, class_name) if learned_s is None else learned_s


def profiled_front_end(spec: ModelDeployment, class_name: str) -> float:
    """Seconds that a request takes beside its execution, the most that a profile of the class
    says."""
    profiles = [v.profile_on(class_name) for v in spec.variants]
    return max([p.front_end_s for p in profiles if p is not None], default=0.0)


def note_front_end(
    memory: ModelMemory, spec: ModelDeployment, class_name: str, measured_s: float
) -> ModelMemory:
    """Moves a class's front-end time a little towards what the measured latency asks for; below 0
    it stands for none.

    It is kept by class and not by variant: the same requests are parsed for all of them. Where the
    front end shares the core it also stretches the executions that are measured, the more the
    higher the load; the two together are what the latency tells, and right at the load of the day.
    """
    before = front_end_of(memory, spec, class_name)
    weight = _FRONT_END_RISES if measured_s > before else _FRONT_END_FALLS
    after = before + weight * (measured_s - before)
    return memory._replace(front_end_s={**memory.front_end_s, class_name: after})


def note_execution(
    memory: ModelMemory, key: WorkloadKey, batch: int, item_s: float, now_s: float
) -> ModelMemory:
    """Moves a workload's curve towards full batches that take no more than `item_s` an item.

    The counter-example: in the minute of a flood full batches and single ones together looked like
    those of a model a third slower, while each replica was seen to answer a third more than that.
    """
    executions = _WINDOW_S / (batch * item_s)
    after = believe(memory.learned[key], float(batch), batch * item_s, executions, now_s)
    return memory._replace(learned={**memory.learned, key: after})


def _current(learned: Learned | None, seed: tuple[tuple[int, float], ...]) -> Learned | None:
    """What is known to start from: an edited profile starts over, a removed one does not."""
    if learned is not None and (learned.seed == seed or not seed):
        return learned
    return from_seed(seed) if seed else None


def _belief(
    memory: ModelMemory,
    spec: ModelDeployment,
    key: WorkloadKey,
    seed_errors: Callable[[], Mapping[WorkloadKey, float]],
) -> Belief | None:
    """`seed_errors`: asked only of what never ran; dear, and what serves asks several times."""
    learned = _current(memory.learned.get(key), seed_points(spec, key))
    if learned is None:
        return None
    if not learned.samples:
        return _unconfirmed(learned.base, _of_siblings(seed_errors(), key))
    margin = _margin(learned)
    return Belief(learned.curve, confirmed=margin == 1.0, margin=margin)


def _margin(learned: Learned) -> float:
    """One reading of two loads tells next to nothing: taken for all there is to know, it once gave
    a variant three times the capacity it had, and the old replicas went."""
    sd = math.sqrt(learned.spread[0])
    return math.exp(min(sd, _SEED_SD)) if sd > _KNOWN_SD else 1.0


@lru_cache(maxsize=WORKLOADS_KEPT)
def _unconfirmed(base: ServiceCurve, errors: tuple[float, ...]) -> Belief:
    """A seed, corrected by what was found wrong with its siblings'."""
    middle, sd = _error_of(errors)
    return Belief(base.scaled(math.exp(middle)), confirmed=False, margin=math.exp(sd))


def _of_siblings(seed_errors: Mapping[WorkloadKey, float], key: WorkloadKey) -> tuple[float, ...]:
    """The seeds' errors of the other variants on the class."""
    return tuple(
        error
        for other, error in seed_errors.items()
        if other.accelerator_class == key.accelerator_class and other.variant != key.variant
    )


def _error_of(errors: tuple[float, ...]) -> tuple[float, float]:
    """What is to be expected of a seed's error where its siblings had these, and its standard
    deviation; logarithms."""
    if not errors:
        return 0.0, _SEED_SD
    middle = median(errors)
    own = (_SEED_SD**2 + sum((e - middle) ** 2 for e in errors)) / (len(errors) + 1)
    return middle, math.sqrt(own * (1.0 + 1.0 / len(errors)))


def _as_siblings(seed: Learned, errors: tuple[float, ...]) -> Learned:
    """A seed that starts from what its siblings on the class taught: forgotten at the first
    reading, a variant was faster by their error until serving had told it again."""
    return seed._replace(level=_error_of(errors)[0]) if errors else seed


def _seed_errors(memory: ModelMemory, spec: ModelDeployment) -> dict[WorkloadKey, float]:
    """Logarithms of learnt over profiled time of one request, of the workloads that have a profile
    and ran for long enough."""
    return {
        key: math.log(learned.curve.seconds(1) / ServiceCurve(learned.seed).seconds(1))
        for key, learned in sorted(memory.learned.items())
        if learned.samples >= _SIBLING_SAMPLES
        and learned.seed
        and learned.seed == seed_points(spec, key)
    }


def _learn_service_time(
    before: Learned | None,
    readings: WorkloadReadings,
    cap: int,
    now_s: float,
    history: History,
    policy: PolicySettings,
) -> Learned | None:
    """The curve moved towards one reading of (mean batch, mean service time)."""
    if not isinstance(readings.service_time_s, Known) or not isinstance(readings.batch_size, Known):
        # Two absurd readings with a silence between them are not one that lasted.
        return before and before._replace(outliers_since_s=None)
    read_s = readings.service_time_s.at_s
    if before is not None and before.read_s == read_s:
        # Between two scrapes the same reading comes again, and is no second witness: a profile
        # would be half forgotten for one scrape that three decisions saw.
        return before
    seconds = readings.service_time_s.value
    mean = max(1.0, readings.batch_size.value)
    if seconds <= 0.0:
        return before
    if before is None:
        shape = ServiceCurve(((round(mean), seconds),))
        return first_seen(batch_a_request_sees(shape, cap, mean), seconds)._replace(read_s=read_s)
    batch = batch_a_request_sees(before.base, cap, mean)
    executions = (value_or_none(readings.batch_rate) or 0.0) * _WINDOW_S
    # Two loads that both come one by one leave nothing to infer.
    unsure = mean > _SINGLE and _is_mixed(history, now_s, policy)
    after = believe(before, batch, seconds, executions, now_s, is_mixed=unsure)
    return after._replace(read_s=read_s)


def _is_mixed(history: History, now_s: float, policy: PolicySettings) -> bool:
    """Whether the window of the readings holds batches of more than one load."""
    window_s, recent = policy.long_window_s + policy.fast_window_s, history.recent
    return bool(recent) and not is_steady(recent, policy.fast_window_s, now_s, window_s)


def _note_fleet(memory: ModelMemory, workloads: Iterable[Workload], now_s: float) -> ModelMemory:
    fleet = tuple(sorted((w.key, w.replicas, w.ready) for w in workloads))
    if fleet == memory.fleet:
        return memory
    return memory._replace(fleet=fleet, changed_s=now_s)


def _learn_times_to_ready(memory: ModelMemory, workloads: tuple[Workload, ...]) -> ModelMemory:
    """Adds each pod's seconds from creation to its first Ready, once."""
    timed = memory.timed_pods.intersection([p.name for w in workloads for p in w.pods])
    new = [
        (workload.key, pod)
        for workload in workloads
        for pod in workload.pods
        if pod.ready_s is not None and pod.name not in timed
    ]
    if not new and timed == memory.timed_pods:
        return memory
    times = dict(memory.times_to_ready_s)
    for key, pod in new:
        taken_s = max(0.0, (pod.ready_s or 0.0) - pod.created_s)
        times[key] = (*times.get(key, ()), taken_s)[-_TIMES_KEPT:]
    timed |= {pod.name for _, pod in new}
    return memory._replace(times_to_ready_s=times, timed_pods=timed)

"""What may be run for one model: every (variant, class) with its capacity, need and price."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from trimtab.api.resources import AcceleratorClass, Variant
from trimtab.core.agreement import left_out
from trimtab.core.burstiness import dispersion
from trimtab.core.latency import (
    ReplicaModel,
    ServiceCurve,
    best_batch_cap,
    capacity_rate,
    nearest_dispersion,
    unbounded_capacity_rate,
)
from trimtab.core.learn import (
    Belief,
    beliefs_of,
    front_end_of,
    profiled_front_end,
    seed_points,
    taught,
)
from trimtab.core.memo import Memo
from trimtab.core.memory import ModelMemory
from trimtab.core.proven import Trust, trusted
from trimtab.core.queue_bound import kept_queue_size, next_queue_size
from trimtab.core.queue_delay import delay_s, is_fixed
from trimtab.core.response_cache import load_factor
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey
from trimtab.core.units import mebibytes


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve the model.

    capacity_rate: requests/s one replica carries within the SLO, with `meets_slo` False where none
    does and the figure is only a stable load; None where nothing is known of its speed.
    idle_latency_s: the latency of a single request; None where unknown. queue_delay_s: how long
    Triton should wait for a fuller batch; None where nothing speaks against what the user has.
    price_per_hour: of one replica; None where unknown. queue_size: how many requests may wait at a
    replica; None where the user's own bound stays. margin: by what factor the times of `model` are
    longer than what is believed. load_factor: how many times the load that now executes would
    execute here, where response caches are cold; capacity_rate is in the load that now executes.
    limit: where it would be higher by what was learnt, what keeps it: Profile, Seen or Backlog; see
    core/proven.py.
    """

    key: WorkloadKey
    accuracy: Decimal
    price_per_hour: Decimal | None
    batch_cap: int
    capacity_rate: float | None
    meets_slo: bool
    idle_latency_s: float | None = None
    model: ReplicaModel | None = None
    queue_delay_s: float | None = None
    queue_size: int | None = None
    margin: float = 1.0
    load_factor: float = 1.0
    limit: str = ""

    def with_load(self, factor: float) -> Option:
        """The option where `factor` times the load executes."""
        if factor == 1.0:
            return self
        rate = self.capacity_rate
        return replace(
            self, capacity_rate=None if rate is None else rate / factor, load_factor=factor
        )

    def needed(self, rate: float | None) -> int | None:
        """Replicas that carry `rate` requests/s; None where either is unknown."""
        if rate is None or self.capacity_rate is None:
            return None
        # 1e-9: a load of exactly n capacities needs n replicas, whatever the rounding.
        return max(0, math.ceil(rate / self.capacity_rate - 1e-9))

    def cost(self, replicas: int) -> Decimal | None:
        """Cost per hour of so many replicas; None where the price is unknown."""
        return None if self.price_per_hour is None else self.price_per_hour * replicas

    def latency_s(
        self, rate: float, replicas: int, percentile: float, scale: float = 1.0
    ) -> float | None:
        """The latency percentile expected of so many replicas at `rate` requests/s in all, with
        every service time multiplied by `scale`."""
        if self.model is None or replicas <= 0:
            return None
        return self.model.latency_s(self.load_factor * rate / replicas, percentile, scale)

    def late_share(self, rate: float, replicas: int, target_s: float) -> float | None:
        """The share of requests that so many replicas at `rate` requests/s in all answer later
        than `target_s`; None where nothing is known of its speed, 1 without a replica."""
        if replicas <= 0:
            return 1.0
        if self.model is None:
            return None
        return self.model.late_share(self.load_factor * rate / replicas, target_s)


@dataclass(frozen=True, slots=True)
class Excluded:
    """A (variant, class) that may not run, and why."""

    key: WorkloadKey
    accuracy: Decimal
    why_not: str


class Offer(NamedTuple):
    """Every (variant, class) of a model: those that may run, and those that may not, with why."""

    options: Mapping[WorkloadKey, Option]
    excluded: tuple[Excluded, ...]


def offer_of(
    state: ModelState,
    memory: ModelMemory,
    snapshot: Snapshot,
    now_s: float,
    policy: PolicySettings,
    memo: Memo,
) -> Offer:
    """`enumerate_options`, as it was the tick before where nothing that it depends on moved."""
    spec, bursts = state.spec, _bursts(state, memory, policy)
    trust = trusted(memory, now_s)
    bounded = bool(spec.triton.max_queue_size)
    values = (
        bursts,
        state.workloads,
        state.checked,
        memory.hit_share,
        [load_factor(state, w.key, memory.hit_share) for w in state.workloads],
        # A bound of the queue is worked out of what the options themselves take rounded.
        memory.front_end_s if bounded else _rounded(memory.front_end_s),
        state.readings.items if bounded else None,
        taught(memory),
        trust,
    )
    return memo.get(
        "offer",
        (spec, *snapshot.accelerator_classes.values()),
        values,
        lambda: enumerate_options(state, memory, snapshot, bursts, trust),
    )


def enumerate_options(
    state: ModelState,
    memory: ModelMemory,
    snapshot: Snapshot,
    bursts: float,
    trust: Mapping[WorkloadKey, Trust],
) -> Offer:
    """Every (variant, class) of the spec: those that may run, and those that may not. `bursts`: the
    burstiness of what arrives at a replica. trust: what those that served are trusted with."""
    options: dict[WorkloadKey, Option] = {}
    excluded: list[Excluded] = []
    beliefs = beliefs_of(memory, state.spec)
    wrong = left_out(state, snapshot.accelerator_classes)
    proof = _Proof(state, bursts, trust, memory.learned)
    for variant in state.spec.variants:
        for class_name in variant.accelerator_classes:
            belief = beliefs.get(WorkloadKey(variant.name, class_name))
            found = _option(state, memory, variant, class_name, belief, snapshot, bursts, proof)
            if isinstance(found, Option) and found.key in wrong:
                found = Excluded(found.key, found.accuracy, wrong[found.key])
            if isinstance(found, Option):
                options[found.key] = found
            else:
                excluded.append(found)
    return Offer(options, tuple(excluded))


def _bursts(state: ModelState, memory: ModelMemory, policy: PolicySettings) -> float:
    return nearest_dispersion(
        dispersion(
            memory.history.recent,
            policy.fast_window_s,
            state.spec.slo.target_s,
            sum([w.ready for w in state.workloads]),
        )
    )


def _rounded(front_end_s: Mapping[str, float]) -> dict[str, float]:
    """As far as options tell them apart."""
    return {name: max(0.0, round(seconds, 5)) for name, seconds in front_end_s.items()}


def _option(
    state: ModelState,
    memory: ModelMemory,
    variant: Variant,
    class_name: str,
    belief: Belief | None,
    snapshot: Snapshot,
    bursts: float,
    proof: _Proof,
) -> Option | Excluded:
    key = WorkloadKey(variant.name, class_name)
    accuracy = variant.accuracy_on(class_name)
    accelerator = snapshot.accelerator_classes.get(class_name)
    if accelerator is None:
        return Excluded(
            key,
            accuracy,
            f"AcceleratorClass {class_name!r} does not exist: create it, or take it out of"
            f" spec.variants[{variant.name}].acceleratorClasses",
        )
    if accuracy < state.spec.min_accuracy:
        return Excluded(
            key, accuracy, f"accuracy {accuracy} is below the floor {state.spec.min_accuracy}"
        )
    too_large = _cache_too_large(state, accelerator)
    if too_large:
        return Excluded(key, accuracy, too_large)
    fixed = is_fixed(variant)
    if belief is None:
        return _unprofiled(state, key, accuracy, accelerator, fixed=fixed)
    front_end_s = front_end_of(memory, state.spec, class_name)
    option = _profiled(state, key, accuracy, accelerator, belief, front_end_s, bursts, fixed=fixed)
    return proof.bounded(option).with_load(load_factor(state, key, memory.hit_share))


def _cache_too_large(state: ModelState, accelerator: AcceleratorClass) -> str:
    """Why the response cache does not fit beside the model; empty where it does.

    The cache takes its memory as it fills: without this pods that ran for hours were killed.
    """
    cache, memory = state.spec.triton.cache_bytes, accelerator.memory_bytes
    if cache is None or memory is None or 2 * cache <= memory:
        return ""
    return (
        f"spec.triton.responseCache.size is {mebibytes(cache)}, more than half of the"
        f" {mebibytes(memory)} of memory of AcceleratorClass {accelerator.name!r}, which the model"
        " needs too: lower the one or raise the other"
    )


def _profiled(
    state: ModelState,
    key: WorkloadKey,
    accuracy: Decimal,
    accelerator: AcceleratorClass,
    belief: Belief,
    front_end_s: float,
    bursts: float,
    *,
    fixed: bool,
) -> Option:
    spec, live = state.spec, state.workload(key)
    option = _sized(
        key,
        accuracy,
        accelerator.price_per_hour,
        belief.curve,
        round(belief.margin, 2),
        max(0.0, round(front_end_s, 5)),
        spec.triton.instance_count,
        spec.triton.max_batch_size,
        spec.slo.target_s,
        spec.slo.percentile,
        spec.triton.max_batch_size if fixed else live.batch_cap,
        fixed,
        bursts,
    )
    if fixed or not spec.triton.max_queue_size:
        return option
    return replace(option, queue_size=_queue_size(state, live, option, belief, front_end_s))


@lru_cache(maxsize=8192)
def _sized(
    key: WorkloadKey,
    accuracy: Decimal,
    price_per_hour: Decimal | None,
    curve: ServiceCurve,
    margin: float,
    front_end_s: float,
    instances: int,
    max_batch: int,
    target_s: float,
    percentile: float,
    live_cap: int | None,
    fixed: bool,
    bursts: float,
) -> Option:
    """The option with the batch cap that suits it, and what it then carries.

    The cap is that of steady arrivals: one that followed the burstiness of the minute would restart
    every pod in a burst.
    """
    curve = curve.scaled(margin).with_front_end(front_end_s)
    cap, capacity = best_batch_cap(
        curve,
        instances=instances,
        max_batch=max_batch,
        target_s=target_s,
        percentile=percentile,
        live_cap=live_cap,
        fixed=fixed,
    )
    model = ReplicaModel(curve, instances, cap, bursts)
    if bursts > 1.0:
        capacity = capacity_rate(model, target_s, percentile)
    return Option(
        key=key,
        accuracy=accuracy,
        price_per_hour=price_per_hour,
        batch_cap=cap,
        capacity_rate=capacity or unbounded_capacity_rate(model),
        meets_slo=capacity > 0.0,
        idle_latency_s=curve.seconds(1),
        model=model,
        queue_delay_s=delay_s(instances, fixed=fixed),
        margin=margin,
    )


class _Proof:
    """What profiles and floods say that a replica carries, beyond which nothing is believed."""

    def __init__(
        self,
        state: ModelState,
        bursts: float,
        trust: Mapping[WorkloadKey, Trust],
        learned: Container[WorkloadKey],
    ) -> None:
        self._state, self._bursts, self._trust, self._learned = state, bursts, trust, learned
        # Who profiled one profiled all: a variant that never ran is trusted as far as its siblings
        # have outdone their profiles.
        self._beyond: dict[str, float] = {}
        for key, proven in trust.items():
            profiled = None if proven.saturated else self._profiled_rate(key)
            if profiled:
                best = self._beyond.get(key.accelerator_class, 1.0)
                self._beyond[key.accelerator_class] = max(best, proven.rate / profiled)

    def bounded(self, option: Option) -> Option:
        """The option, carrying no more than was proven."""
        rate, model = option.capacity_rate, option.model
        if rate is None or model is None or not option.meets_slo:
            return option
        proven = self._trust.get(option.key)
        if proven is not None and proven.saturated:
            most, limit = proven.rate * rate / model.saturation_rate, "Backlog"
        elif not self._differs(option.key):
            return option
        else:
            profiled = self._profiled_rate(option.key)
            if profiled is None:
                return option
            beyond = self._beyond.get(option.key.accelerator_class, 1.0)
            most, limit = profiled * beyond, "Profile" if beyond == 1.0 else "Seen"
        return option if rate <= most else replace(option, capacity_rate=most, limit=limit)

    def _differs(self, key: WorkloadKey) -> bool:
        """Whether something else than its profile is believed of it."""
        return key in self._learned or key.accelerator_class in self._beyond

    def _profiled_rate(self, key: WorkloadKey) -> float | None:
        """Items/s of a replica within the SLO by its profile; None without one."""
        spec, points = self._state.spec, seed_points(self._state.spec, key)
        variant = spec.variant(key.variant)
        if not points or variant is None:
            return None
        option = _sized(
            key,
            Decimal(0),
            None,
            ServiceCurve(points),
            1.0,
            round(profiled_front_end(spec, key.accelerator_class), 5),
            spec.triton.instance_count,
            spec.triton.max_batch_size,
            spec.slo.target_s,
            spec.slo.percentile,
            self._state.workload(key).batch_cap,
            is_fixed(variant),
            self._bursts,
        )
        return option.capacity_rate if option.meets_slo else None


def _queue_size(
    state: ModelState, live: Workload, option: Option, belief: Belief, front_end_s: float
) -> int | None:
    """By the curve without its margin: what may be slower than believed gets more replicas, while a
    queue that is too short refuses what would have been answered in time."""
    curve = belief.curve.with_front_end(front_end_s)
    bare = ReplicaModel(curve, state.spec.triton.instance_count, option.batch_cap)
    return next_queue_size(state.spec, live, bare, state.readings.items, confirmed=belief.confirmed)


def _unprofiled(
    state: ModelState,
    key: WorkloadKey,
    accuracy: Decimal,
    accelerator: AcceleratorClass,
    *,
    fixed: bool,
) -> Option:
    """Nothing is known of its speed yet: it may run, and serving will teach it."""
    spec, live = state.spec, state.workload(key)
    return Option(
        key=key,
        accuracy=accuracy,
        price_per_hour=accelerator.price_per_hour,
        batch_cap=min(live.batch_cap or spec.triton.max_batch_size, spec.triton.max_batch_size),
        capacity_rate=None,
        meets_slo=True,
        queue_delay_s=delay_s(spec.triton.instance_count, fixed=fixed),
        queue_size=None if fixed else kept_queue_size(spec, live),
    )

"""What may be run for one model: every (variant, class) with its capacity, need and price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import AcceleratorClass, Variant
from trimtab.core.agreement import left_out
from trimtab.core.burstiness import dispersion
from trimtab.core.latency import ReplicaModel, nearest_dispersion
from trimtab.core.learn import Belief, beliefs_of, front_end_of, taught
from trimtab.core.memo import Memo
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option, sized
from trimtab.core.proof import Proof
from trimtab.core.proven import Trust, trusted
from trimtab.core.queue_bound import kept_queue_size, next_queue_size
from trimtab.core.queue_delay import delay_s, is_fixed
from trimtab.core.response_cache import load_factor
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey
from trimtab.core.units import mebibytes


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
    proof = Proof(state, bursts, trust, memory.learned)
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
    proof: Proof,
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
    option = sized(
        state,
        key,
        accuracy,
        accelerator.price_per_hour,
        belief.curve,
        belief.margin,
        front_end_s,
        bursts,
        fixed=fixed,
    )
    if fixed or not spec.triton.max_queue_size:
        return option
    return replace(option, queue_size=_queue_size(state, live, option, belief, front_end_s))


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

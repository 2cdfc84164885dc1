"""From the replicas that run to the replicas of the next moment: the guards, one after the other.

Growing is checked against what may be added now; shrinking must pass every guard below; the hard
bounds are clamped last, on every path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trimtab.api.resources import ModelDeployment
from trimtab.core.choose import Choice
from trimtab.core.demand import Demand, last_time_above, peak_demand, safe_demand, seen_at_s
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Room
from trimtab.core.memory import ModelMemory
from trimtab.core.plan import Constraint
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload


class Step(NamedTuple):
    """The replicas of the next moment and what the guards did.

    `binding` names the guard that kept it from what was wanted; None where nothing did.
    """

    replicas: int
    constraints: tuple[Constraint, ...] = ()
    binding: str | None = None
    shrink_allowed_at_s: float | None = None


def next_step(
    workload: Workload,
    choice: Choice,
    spec: ModelDeployment,
    memory: ModelMemory,
    demand: Demand,
    room: Room,
    measured_scale: Callable[[], float],
    now_s: float,
    policy: PolicySettings,
) -> Step:
    """One workload's next number of replicas, towards `choice.granted`.

    `measured_scale`: by what factor service times are longer than the model has them, as measured;
    dear to tell, so only asked where nothing else keeps the fleet from shrinking.
    """
    target = choice.granted
    safe = _safe_size(choice, spec, memory, now_s, policy) if demand.blind else None
    if safe is not None and safe > target:
        target = safe
    if target > workload.replicas:
        step = grow(workload, target, spec, room)
    elif target < workload.replicas:
        step = _shrink(workload, choice, spec, memory, demand, measured_scale, now_s, policy)
    elif demand.blind:
        step = hold(target, "MetricsMissing", "the readings are missing, so nothing shrinks")
    else:
        step = Step(target)
    return clamp(step, choice.ceiling)


def grow(workload: Workload, target: int, spec: ModelDeployment, room: Room) -> Step:
    """As many more, up to `target`, as may be created now."""
    wish = target - workload.replicas
    class_name = workload.key.accelerator_class
    allowed, bound = room.growth(spec, class_name, wish)
    room.take(spec, class_name, allowed)
    if allowed == wish:
        return Step(target)
    why = _ROOM_WORDS[bound].format(name=class_name)
    effect = f"{wish} more wanted, {allowed} possible now: {why}"
    return Step(workload.replicas + allowed, (Constraint(bound, effect),), bound)


_ROOM_WORDS = {
    "Budget": "the budget, with what still runs or leaves, has no room for more",
    "SharedBudget": "the shared budget, with what still runs or leaves, has no room for more",
    "BudgetMissing": "the InferenceBudget that spec.budgetRef names does not exist",
    "Inventory": "class {name} has no accelerator free",
    "Schedulable": "no node that class {name} selects has room for more",
    "PriceUnknown": "class {name} has no price, and an unknown price is not free",
}


def _shrink(
    workload: Workload,
    choice: Choice,
    spec: ModelDeployment,
    memory: ModelMemory,
    demand: Demand,
    measured_scale: Callable[[], float],
    now_s: float,
    policy: PolicySettings,
) -> Step:
    """The ladder of reasons not to shrink; each rung cites what happens without it."""
    current = workload.replicas
    if demand.blind:
        # kedacore/keda#3065: no data was read as no load, at peak hours.
        return hold(current, "MetricsMissing", "the readings are missing, so nothing shrinks")
    if workload.ready == 0:
        # kserve#1247: a pod that waited for its node was removed before it ever served.
        return hold(current, "NotReadyYet", "nothing shrinks before it was Ready once")
    window_s = hold_s(spec, memory)
    at = seen_at_s(memory, now_s, window_s, policy)
    if at > now_s:
        # A restarted operator knows ten seconds of a day: a lull is not the end of the load.
        return hold(current, "Stabilization", "the load was not yet seen for long enough", at)
    lowest = _lowest_safe(choice, memory, demand, now_s, window_s, policy)
    if lowest is None:
        return hold(current, "SpeedUnknown", "the capacity of a replica is not known yet")
    target = max(choice.granted, lowest)
    if target >= current:
        # ray#46497: the last sample decided, and a dip between two bursts removed the fleet.
        allowed_at = _shrinks_at(current, choice, memory, window_s, policy)
        why = "the load of the stabilisation window, with its margin, still needs them"
        return hold(current, "Stabilization", why, allowed_at)
    scale = measured_scale()
    fewest = fewest_in_time(choice, spec, demand, scale, target, current, policy)
    if fewest >= current:
        # The model knows the instances and not the front end that shares their core: it said 56 ms
        # of a fleet that then took 230, and would say so again at every dip.
        why = f"what is measured says that requests take {scale:.1f} times as long as was learnt"
        return hold(current, "LatencyMargin", why)
    step = max(1, int(current * policy.shrink_step))
    if current - fewest > step:
        effect = f"{current - fewest} are too many, {step} at a time leave"
        return Step(current - step, (Constraint("ShrinkStep", effect),), "ShrinkStep")
    return Step(fewest)


def fewest_in_time(
    choice: Choice,
    spec: ModelDeployment,
    demand: Demand,
    scale: float,
    least: int,
    current: int,
    policy: PolicySettings,
) -> int:
    """The fewest replicas, from `least` on, that come within the target as measured."""
    limit_s = spec.slo.target_s * (1.0 - policy.latency_margin)
    if scale <= 1.0 or not least:
        return least
    for replicas in range(least, current):
        expected_s = choice.option.latency_s(
            demand.rate or 0.0, replicas, spec.slo.percentile, scale
        )
        if expected_s is None or expected_s <= limit_s:
            return replicas
    return current


def hold(replicas: int, name: str, effect: str, allowed_at_s: float | None = None) -> Step:
    """Nothing changes, and why."""
    return Step(replicas, (Constraint(name, effect),), name, allowed_at_s)


def _lowest_safe(
    choice: Choice,
    memory: ModelMemory,
    demand: Demand,
    now_s: float,
    window_s: float,
    policy: PolicySettings,
) -> int | None:
    """The fewest replicas that would have carried the whole window, and carry what is planned for,
    with the dead band to spare: what bursts may bring, and what a replica carries in them, moves by
    some percent from tick to tick."""
    peak = peak_demand(memory, now_s, window_s)
    if peak is None:
        return None
    return choice.option.needed(max(peak, demand.rate or 0.0) * (1.0 + policy.dead_band))


def _shrinks_at(
    current: int, choice: Choice, memory: ModelMemory, window_s: float, policy: PolicySettings
) -> float | None:
    """When the last demand that needs all current replicas leaves the window."""
    if choice.option.capacity_rate is None:
        return None
    carried_by_fewer = (current - 1) * choice.option.capacity_rate / (1.0 + policy.dead_band)
    last = last_time_above(memory, carried_by_fewer)
    return None if last is None else last + window_s


def _safe_size(
    choice: Choice,
    spec: ModelDeployment,
    memory: ModelMemory,
    now_s: float,
    policy: PolicySettings,
) -> int | None:
    """The size that carries the remembered peak, once the blindness lasts."""
    needed = choice.option.needed(safe_demand(memory, now_s, policy))
    return None if needed is None else min(needed, spec.scaling.max_replicas)


def clamp(step: Step, ceiling: tuple[int, str]) -> Step:
    """The hard bounds, last. dynamo#14575: an early return above the clamp skipped the floor.

    Only a bound of the user's making lowers here: maximum, budget, inventory. A need that fell is
    not a bound, and a price or a budget that is unknown only stops growth.
    """
    most, name = ceiling
    if step.replicas <= most:
        return step
    effect = f"{step.replicas} run, {most} are allowed"
    return Step(most, (*step.constraints, Constraint(name, effect)), name)

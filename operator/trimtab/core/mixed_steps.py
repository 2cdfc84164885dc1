"""How far a workload that shares its model's traffic may shrink, and which gives way to another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.core.choose import Choice
from trimtab.core.demand import last_time_above
from trimtab.core.guard import Step, fewest_in_time, hold
from trimtab.core.observed import observe_latency
from trimtab.core.plan import Constraint
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.targets import FALL, slowdown
from trimtab.core.view import View

Steps = Mapping[WorkloadKey, Step]


@dataclass(frozen=True, slots=True)
class Others:
    """What a workload's shrinking is held against.

    wanted: replicas that the mix has, by workload. short: the mix itself carries too little. peak:
    the largest demand of the stabilisation window, items/s, None where none was seen; settled: the
    whole window (`window_s`) was seen.
    """

    view: View
    wanted: Mapping[WorkloadKey, int]
    short: bool
    peak: float | None
    settled: bool
    window_s: float
    now_s: float
    policy: PolicySettings

    def rate_each(self, key: WorkloadKey) -> float:
        """What one replica carries; 0 for one that may not stay, on which nothing is built."""
        option = self.view.options.get(key)
        return (option.capacity_rate or 0.0) if option is not None else 0.0

    def carry(self, key: WorkloadKey, steps: Steps) -> float:
        """Items/s that the Ready pods of all other workloads carry, after the steps so far."""
        total = 0.0
        for other in self.view.state.workloads:
            step = steps.get(other.key)
            stay = other.replicas if step is None else step.replicas
            if other.key != key:
                total += min(other.ready, stay) * self.rate_each(other.key)
        return total

    @property
    def complete(self) -> bool:
        """Whether all that the mix has is Ready."""
        return all(self.view.state.workload(k).ready >= n for k, n in self.wanted.items())


def let_go(workload: Workload, others: Others, steps: Steps) -> Step:
    """One workload's next number of replicas, where the mix has no more of it than run.

    The ladder of guard.next_step, with what the Ready others carry taken off the load.
    """
    goal, current, view = others.wanted.get(workload.key, 0), workload.replicas, others.view
    stays = workload.key in view.options
    if view.demand.blind and current:
        return hold(current, "MetricsMissing", "the readings are missing, so nothing shrinks")
    if goal >= current:
        return Step(current)
    if others.short and others.complete:
        # It may never carry enough: what the mix has must do, and what is left only holds money.
        return Step(goal) if others.settled or not stays else _unseen(others, current)
    if stays and goal and not workload.ready:
        return hold(current, "NotReadyYet", "nothing shrinks before it was Ready once")
    if stays and not others.settled:
        return _unseen(others, current)
    least = _least(workload, others, steps)
    if least is None or max(goal, least) >= current:
        return _held(workload, others, steps)
    target = max(goal, least)
    if stays and workload.ready == sum(w.ready for w in view.state.workloads):
        return _measured(workload, target, others)
    if stays and workload.ready and _is_tight(others):
        why = "the measured latency leaves no margin to its target, and the load has not fallen"
        return hold(current, "LatencyMargin", why)
    step = max(1, int(current * others.policy.shrink_step)) if stays else current
    return _stepwise(current, target, step)


def _is_tight(others: Others) -> bool:
    """Whether what serves is measured to be just enough, whatever is believed of it.

    Who is slow of several that share the traffic, and by how much, their percentile does not tell.
    The counter-example: two replicas went as four that stayed were believed to carry half as much
    again, while the p99 stood above its target, and were fetched back twenty seconds later. After a
    fall of the load it tells of what was.
    """
    view, load = others.view, others.view.demand.arriving or 0.0
    if others.peak is not None and others.peak > FALL * load:
        return False
    measured_s, slo = observe_latency(view.state).observed_s, view.state.spec.slo
    limit_s = slo.target_s * (1.0 - others.policy.latency_margin)
    return view.memory.slo_met is False or (measured_s is not None and measured_s > limit_s)


def _least(workload: Workload, others: Others, steps: Steps) -> int | None:
    """The fewest replicas that carry the window's peak and the dead band beside the Ready others;
    None where nothing tells. One of the last that serve, even for no load: a variant that replaced
    another while nobody called began with nobody to answer the first."""
    if others.peak is None:
        return None
    rest = others.peak * (1.0 + others.policy.dead_band) - others.carry(workload.key, steps)
    if rest <= 0.0:
        return int(workload.ready == sum(w.ready for w in others.view.state.workloads) > 0)
    each = others.rate_each(workload.key)
    return math.ceil(rest / each - 1e-9) if each else workload.replicas


def _measured(workload: Workload, target: int, others: Others) -> Step:
    """Of a lone workload the measured latency tells too; see guard.next_step."""
    view, policy, current = others.view, others.policy, workload.replicas
    option = view.options[workload.key]
    scale = slowdown(view, option, others.now_s, policy)
    alone = Choice(option, target, target, "", False, (current, ""))
    fewest = fewest_in_time(alone, view.state.spec, view.demand, scale, target, current, policy)
    if fewest >= current:
        why = f"what is measured says that requests take {scale:.1f} times as long as was learnt"
        return hold(current, "LatencyMargin", why)
    return _stepwise(current, fewest, max(1, int(current * policy.shrink_step)))


def _stepwise(current: int, target: int, step: int) -> Step:
    if current - target <= step:
        return Step(target)
    effect = f"{current - target} are too many, {step} at a time leave"
    return Step(current - step, (Constraint("ShrinkStep", effect),), "ShrinkStep")


def _unseen(others: Others, current: int) -> Step:
    seen = others.view.memory.seeing_since_s
    at = (others.now_s if seen is None else seen) + others.window_s
    return hold(current, "Stabilization", "the load was not yet seen for long enough", at)


def _held(workload: Workload, others: Others, steps: Steps) -> Step:
    current = workload.replicas
    if not others.wanted.get(workload.key, 0) and not others.complete:
        return hold(
            current, "MakeBeforeBreak", f"{workload.key} serves until what replaces it is Ready"
        )
    each = others.rate_each(workload.key)
    carried = others.carry(workload.key, steps) + max(0, current - 1) * each
    last = last_time_above(others.view.memory, carried / (1.0 + others.policy.dead_band))
    why = "the load of the stabilisation window, with its margin, still needs them"
    return hold(current, "Stabilization", why, None if last is None else last + others.window_s)


def make_room(
    growing: Sequence[Workload], rest: Sequence[Workload], others: Others, steps: Steps
) -> dict[WorkloadKey, Step]:
    """Replicas that go before what takes their place is there, where nothing else makes room.

    Not while pods leave, whose place is not yet free, or while some start, which may suffice. The
    rest serves on.
    """
    state = others.view.state
    if any(w.held > w.replicas for w in state.workloads):
        return {}
    if any(state.workload(k).ready < min(n, steps[k].replicas) for k, n in others.wanted.items()):
        return {}
    for new in growing:
        step = steps[new.key]
        if step.replicas >= others.wanted[new.key] or step.replicas > new.replicas:
            continue
        for old in rest:
            kept = steps[old.key].replicas
            surplus = kept == old.replicas > others.wanted.get(old.key, 0)
            if surplus and _frees(old, new, step.binding):
                going = _going(old, new, others, steps)
                note = Constraint("BreakBeforeMake", f"{old.key} makes room for {new.key}")
                if going:
                    return {old.key: Step(kept - going, (note,), "BreakBeforeMake")}
    return {}


def _frees(old: Workload, new: Workload, binding: str | None) -> bool:
    """Whether one of its replicas, gone, leaves what the new one lacks."""
    if binding in {"Inventory", "Schedulable"}:
        return old.key.accelerator_class == new.key.accelerator_class
    return binding in {"Budget", "SharedBudget"}


def _going(old: Workload, new: Workload, others: Others, steps: Steps) -> int:
    """How many give way at once.

    One of what may not stay. Of what may, none where it is the last that serves; in calm one, and
    only where the others carry the peak meanwhile; and under a load that is too much already, for
    what carries no less, the more the deeper the shortage: all are late either way, and one at a
    time they were for ten minutes. What may come is no such load.
    """
    if old.key not in others.view.options:
        return 1
    goes, comes = others.rate_each(old.key), others.rate_each(new.key)
    rest = others.carry(old.key, steps) + max(0, old.ready - 1) * goes
    if rest <= 0.0 or others.peak is None:
        return 0
    carried, load = rest + min(1, old.ready) * goes, others.view.demand.measured or 0.0
    if carried >= load:
        spare = comes >= goes or not _is_tight(others)
        return int(others.settled and rest >= others.peak and spare)
    if comes < goes:
        return int(others.settled)
    surplus = old.replicas - others.wanted.get(old.key, 0)
    share = max(others.policy.shrink_step, 1.0 - carried / load)
    if others.carry(old.key, steps) <= 0.0:
        surplus = min(surplus, old.ready - 1)
    return min(surplus, max(1, int(old.replicas * share)))

"""The decision: snapshot, memory and time in, plan and memory out. Pure.

No I/O, no clock, no randomness: the operator and the tests call this same function, each with a
time of its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import ObjectKey
from trimtab.core import conditions
from trimtab.core.agreement import outputs_agree
from trimtab.core.allot import Allotted, Shadow, allot
from trimtab.core.choose import Choice
from trimtab.core.decision import decision_of, excluded_of
from trimtab.core.front_end import learn_front_end
from trimtab.core.guard import Step
from trimtab.core.ledger import Room, Shares, budget_key, running_cost
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.mend import lateness
from trimtab.core.mix import Mix, mix_of
from trimtab.core.mixed import mixed_targets
from trimtab.core.observed import judge_slo, observe_latency
from trimtab.core.pick import pick
from trimtab.core.plan import (
    Condition,
    Constraint,
    Decision,
    Latency,
    ModelPlan,
    Plan,
    Target,
)
from trimtab.core.route import kept_while_listed, next_backends
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.snapshot import Backend, ModelState, Snapshot, WorkloadKey
from trimtab.core.targets import targets_of
from trimtab.core.undecided import undecided
from trimtab.core.view import View, look, set_aside_held, speak_for
from trimtab.core.weights import routed


def decide(
    snapshot: Snapshot, memory: Memory, now_s: float, policy: PolicySettings = DEFAULT_POLICY
) -> tuple[Plan, Memory]:
    """The targets of every model for this moment, and what to remember for the next.

    `now_s`: seconds since the epoch, the same clock as the readings and pods of the snapshot.
    Models that are gone from the snapshot are forgotten.
    """
    shares = Shares(snapshot)
    room = Room(snapshot, now_s, policy)
    plans: dict[ObjectKey, ModelPlan] = {}
    memories: dict[ObjectKey, ModelMemory] = {}
    views: list[View] = []
    for state in snapshot.models:
        try:
            views.append(look(state, memory, snapshot, now_s, policy))
        except Exception as error:
            # One model that nobody had thought of must not stop all others.
            shares.hold(state)
            plans[state.spec.key] = undecided(state, error, now_s)
            memories[state.spec.key] = memory.models.get(state.spec.key, ModelMemory())
    # Who does not act comes last: advice takes nothing from those who follow it.
    views.sort(key=lambda v: (not v.acts, -v.state.spec.priority, v.state.spec.key))
    allotted = allot(views, shares, now_s, policy)
    for view in views:
        key = view.state.spec.key
        try:
            if key in allotted.failures:
                raise allotted.failures[key]
            plans[key], memories[key] = _plan_model(
                view, snapshot, shares, room, allotted, now_s, policy
            )
        except Exception as error:
            shares.hold(view.state)
            plans[key], memories[key] = undecided(view.state, error, now_s), view.memory
    memos = {view.state.spec.key: view.memo for view in views}
    return Plan(now_s, plans, allotted.gap), Memory(memories, memos)


def _plan_model(
    view: View,
    snapshot: Snapshot,
    shares: Shares,
    room: Room,
    allotted: Allotted,
    now_s: float,
    policy: PolicySettings,
) -> tuple[ModelPlan, ModelMemory]:
    spec = view.state.spec
    for class_name, replicas, cost in view.set_aside:
        shares.take(spec, class_name, -replicas, -cost)
    mix = mix_of(view, shares, room, now_s, policy)
    choice, others = (mix.main, mix.others) if mix else pick(view, shares, room, now_s, policy)
    latency = observe_latency(view.state)
    memory = learn_front_end(view.memory, view.state, view.options, latency, now_s, policy)
    memory = judge_slo(memory, view.state, latency)
    if choice is None:
        return _no_option(view, snapshot, memory, latency, room.shared_cost(spec), now_s), memory
    steps = _steps(view, choice, mix, shares, room, now_s, policy)
    settling = memory.changed_s is not None and now_s - memory.changed_s < policy.settle_s
    late = lateness(
        view.state, steps.targets, choice, steps.step.binding, act=view.acts, settling=settling
    )
    shadow = allotted.shadows.get(spec.key) or Shadow()
    decision = decision_of(
        view, choice, mix, others, steps.targets, steps.notes, steps.step, shadow, now_s
    )
    plan = ModelPlan(
        key=spec.key,
        targets=steps.targets,
        decision=decision,
        latency=latency._replace(predicted_s=_predicted_s(view, choice, mix, steps.targets)),
        cost_per_hour=running_cost(view.state, snapshot.accelerator_classes),
        budget_per_hour=_budget(view, snapshot),
        act=view.acts,
        hit_share=view.state.readings.hit_share,
        backends=steps.backends,
    )
    shared = room.shared_cost(spec)
    told = _conditions(view, snapshot, memory, plan, choice, steps.stall, late, shared)
    return replace(plan, conditions=told), memory


class _Steps(NamedTuple):
    """What is to be done of a choice in this tick, and what guards and others had to say to it."""

    targets: tuple[Target, ...]
    backends: tuple[Backend, ...]
    notes: tuple[Constraint, ...]
    step: Step
    stall: Condition


def _steps(
    view: View,
    choice: Choice,
    mix: Mix | None,
    shares: Shares,
    room: Room,
    now_s: float,
    policy: PolicySettings,
) -> _Steps:
    targets: tuple[Target, ...]
    notes: tuple[Constraint, ...] = ()
    step, foreign = Step(0), view.foreign
    if foreign is not None:
        stall = conditions.stalled(
            "ForeignScaler",
            f"{foreign.foreign_scaler} also writes the replicas of {foreign.key}:"
            " delete it, or trimtab leaves this model alone.",
        )
        targets = _as_it_runs(view.state)
        set_aside_held(view, shares)
    else:
        stall = conditions.unrouted(view.state)
        targets, notes, step = (
            mixed_targets(view, mix, shares, room, now_s, policy)
            if mix
            else targets_of(view, choice, shares, room, now_s, policy)
        )
    targets = routed(view.state, view.options, _arriving(view), targets)
    backends = next_backends(view.state, targets, behind=view.behind_until_s is not None)
    targets, kept = _kept(view, targets, backends, shares)
    return _Steps(targets, backends, (*notes, *kept), step, stall)


def _kept(
    view: View, targets: tuple[Target, ...], backends: tuple[Backend, ...], shares: Shares
) -> tuple[tuple[Target, ...], tuple[Constraint, ...]]:
    """The targets without what would go while the route still lists it; see kept_while_listed."""
    kept, notes = kept_while_listed(view.state, targets, backends)
    for before, after in zip(targets, kept, strict=True):
        # Or another model grew on its money and its place in the very tick.
        speak_for(view, after.key, after.replicas - before.replicas, shares)
    return kept, notes


def _arriving(view: View) -> float | None:
    """The load that weights are for: what arrives, not what may come, for which they move."""
    return None if view.demand.blind else view.demand.measured


def _as_it_runs(state: ModelState) -> tuple[Target, ...]:
    return tuple(Target(w.key, w.replicas, w.batch_cap or 1) for w in state.workloads)


def _no_option(
    view: View,
    snapshot: Snapshot,
    memory: ModelMemory,
    latency: Latency,
    shared: Decimal | None,
    now_s: float,
) -> ModelPlan:
    """Nothing of the spec may run: everything stays as it is, and the condition says why."""
    spec = view.state.spec
    reasons = "; ".join(f"{e.key}: {e.why_not}" for e in view.excluded)
    text = f"No variant may run: {reasons}."
    if spec.scaling.manual is not None and view.options:
        manual = spec.scaling.manual
        key = WorkloadKey(manual.variant, manual.accelerator_class)
        why = next((e.why_not for e in view.excluded if e.key == key), "it is not declared")
        text = f"spec.scaling.manual: {key} may not run: {why}."
    stall = conditions.stalled("NoVariantMayRun", text)
    late = lateness(view.state, (), None, None, act=False, settling=False)
    plan = ModelPlan(
        key=spec.key,
        targets=routed(view.state, view.options, None, _as_it_runs(view.state)),
        decision=Decision(now_s, "Hold", text, alternatives=excluded_of(view)),
        latency=latency,
        cost_per_hour=running_cost(view.state, snapshot.accelerator_classes),
        budget_per_hour=_budget(view, snapshot),
        act=False,
        hit_share=view.state.readings.hit_share,
    )
    told = _conditions(view, snapshot, memory, plan, None, stall, late, shared)
    return replace(plan, conditions=told)


def _predicted_s(
    view: View, choice: Choice, mix: Mix | None, targets: tuple[Target, ...]
) -> float | None:
    """The percentile expected once what was chosen alone serves the measured load."""
    rate = view.state.readings.items_rate
    if rate is None:
        return None
    if mix is not None and len(mix.members) > 1:
        return mix.latency_s(rate, view.state.spec.slo.percentile)
    return choice.option.latency_s(rate, targets[0].replicas, view.state.spec.slo.percentile)


def _conditions(
    view: View,
    snapshot: Snapshot,
    memory: ModelMemory,
    plan: ModelPlan,
    choice: Choice | None,
    stall: Condition,
    late: str,
    shared: Decimal | None,
) -> tuple[Condition, ...]:
    """What there is to say of the plan, which has no conditions yet."""
    agree = outputs_agree(view.state, snapshot.accelerator_classes)
    return (
        conditions.ready(view.state),
        conditions.reconciling(view.state, plan.targets, plan.act, plan.backends),
        stall,
        conditions.metrics_available(view.state),
        conditions.slo_met(view.state, memory, plan.latency, choice, plan.targets, late),
        conditions.within_budget(view.state, snapshot, plan.budget_per_hour, shared, choice),
        *(() if agree is None else (agree,)),
    )


def _budget(view: View, snapshot: Snapshot) -> Decimal | None:
    """The tightest budget of the model: its own, or the shared one it names."""
    spec = view.state.spec
    shared = snapshot.budgets.get(budget_key(spec))
    amounts = [] if spec.budget_per_hour is None else [spec.budget_per_hour]
    if shared is not None:
        amounts.append(shared.per_hour)
    return min(amounts, default=None)

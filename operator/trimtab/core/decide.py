"""The decision: snapshot, memory and time in, plan and memory out. Pure.

No I/O, no clock, no randomness: the operator, the simulator and the command line call this same
function.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trimtab.api.resources import ObjectKey, ScalingMode
from trimtab.core import conditions, explain
from trimtab.core.choose import Choice, choose, judge, why_not
from trimtab.core.demand import Demand, estimate_demand, remember_demand
from trimtab.core.guard import Step, next_step
from trimtab.core.learn import learn
from trimtab.core.ledger import Room, Shares, budget_key, running_cost
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.observed import judge_slo, learn_latency_error, observe_latency
from trimtab.core.options import Excluded, Option, enumerate_options
from trimtab.core.plan import (
    Alternative,
    Condition,
    Constraint,
    Decision,
    Latency,
    ModelPlan,
    Plan,
    Target,
)
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.signals import is_blind, value_or_none
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey
from trimtab.core.switch import retire

_ALTERNATIVES_SHOWN = 3


def decide(
    snapshot: Snapshot, memory: Memory, now_s: float, policy: PolicySettings = DEFAULT_POLICY
) -> tuple[Plan, Memory]:
    """The targets of every model for this moment, and what to remember for the next.

    `now_s`: seconds since the epoch, the same clock as the readings and pods of the snapshot.
    Models that are gone from the snapshot are forgotten.
    """
    shares = Shares(snapshot)
    room = Room(snapshot, now_s, policy)
    inputs = {s.spec.key: _look(s, memory, snapshot, now_s, policy) for s in snapshot.models}
    ordered = sorted(inputs.values(), key=lambda v: (-v.state.spec.priority, v.state.spec.key))
    for view in ordered:
        _set_aside(view, shares)
    plans: dict[ObjectKey, ModelPlan] = {}
    memories: dict[ObjectKey, ModelMemory] = {}
    for view in ordered:
        key = view.state.spec.key
        plans[key], memories[key] = _plan_model(view, snapshot, shares, room, now_s, policy)
    return Plan(now_s, plans), Memory(memories)


class _View:
    """One model with what its readings were turned into."""

    def __init__(
        self,
        state: ModelState,
        memory: ModelMemory,
        demand: Demand,
        options: tuple[Option, ...],
        excluded: tuple[Excluded, ...],
    ) -> None:
        self.state = state
        self.memory = memory
        self.demand = demand
        self.options = {o.key: o for o in options}
        self.excluded = excluded
        self.set_aside: tuple[str, int, Decimal] = ("", 0, Decimal(0))

    @property
    def current(self) -> Workload | None:
        """The workload that serves most now."""
        running = [w for w in self.state.workloads if w.replicas]
        return max(running, key=lambda w: (w.ready, w.replicas, w.key), default=None)


def _look(
    state: ModelState, memory: Memory, snapshot: Snapshot, now_s: float, policy: PolicySettings
) -> _View:
    known = learn(memory.models.get(state.spec.key, ModelMemory()), state, now_s)
    demand = estimate_demand(state.readings, state.spec.slo.target_s, policy)
    if is_blind(state.readings.arrival_rate) and not any(w.ready for w in state.workloads):
        # Nothing serves yet, so nothing can be read: that is a beginning, not a blindness.
        demand = Demand(None, blind=bool(known.demand))
    keep_s = max(policy.safe_window_s, state.spec.scaling.scale_down_stabilization_s)
    known = remember_demand(known, demand, now_s, keep_s)
    options, excluded = enumerate_options(state, known, snapshot)
    return _View(state, known, demand, options, excluded)


def _set_aside(view: _View, shares: Shares) -> None:
    """Speaks for the minimum of every model before any model takes more."""
    spec = view.state.spec
    priced = [o for o in view.options.values() if o.price_per_hour is not None]
    if not priced or spec.scaling.mode is ScalingMode.ADVISE:
        return
    current = view.current
    cheapest = min(priced, key=lambda o: (o.price_per_hour or 0, o.key))
    option = view.options.get(current.key, cheapest) if current else cheapest
    price = option.price_per_hour or Decimal(0)
    most, _ = shares.most_replicas(spec, option.key.accelerator_class, price)
    replicas = min(spec.scaling.min_replicas, most)
    view.set_aside = (option.key.accelerator_class, replicas, price * replicas)
    shares.take(spec, *view.set_aside)


def _plan_model(
    view: _View,
    snapshot: Snapshot,
    shares: Shares,
    room: Room,
    now_s: float,
    policy: PolicySettings,
) -> tuple[ModelPlan, ModelMemory]:
    spec = view.state.spec
    class_name, replicas, cost = view.set_aside
    shares.take(spec, class_name, -replicas, -cost)
    foreign = next((w for w in view.state.workloads if w.foreign_scaler), None)
    choice, others = _choose(view, shares, room, policy)
    latency = observe_latency(view.state)
    memory = learn_latency_error(
        view.memory, view.state, choice.option if choice else None, latency, now_s, policy
    )
    memory = judge_slo(memory, latency, spec.slo.target_s)
    if choice is None:
        return _no_option(view, snapshot, memory, latency, now_s), memory
    shares.take(
        spec,
        choice.option.key.accelerator_class,
        choice.granted,
        choice.cost_per_hour or Decimal(0),
    )
    targets: tuple[Target, ...]
    notes: tuple[Constraint, ...] = ()
    step = Step(0)
    if foreign is not None:
        stall = conditions.stalled(
            "ForeignScaler",
            f"{foreign.foreign_scaler} also writes the replicas of {foreign.key}:"
            " delete it, or trimtab leaves this model alone.",
        )
        targets = _as_it_runs(view.state)
    else:
        stall = conditions.stalled()
        targets, notes, step = _targets(view, choice, room, now_s, policy)
    predicted = _predicted_s(view, choice, targets)
    plan = ModelPlan(
        key=spec.key,
        targets=targets,
        decision=_decision(view, choice, others, targets, notes, step, now_s),
        conditions=_conditions(
            view, snapshot, memory, latency, choice, targets, stall, act=foreign is None
        ),
        latency=replace(latency, predicted_s=predicted),
        cost_per_hour=running_cost(view.state, snapshot.accelerator_classes),
        budget_per_hour=_budget(view, snapshot),
        act=foreign is None and spec.scaling.mode is not ScalingMode.ADVISE,
    )
    return plan, memory


def _choose(
    view: _View, shares: Shares, room: Room, policy: PolicySettings
) -> tuple[Choice | None, tuple[Choice, ...]]:
    """The choice and all that were looked at."""
    spec, current = view.state.spec, view.current
    running = sum(w.replicas for w in view.state.workloads)
    if spec.scaling.manual is not None:
        return _manual(view, shares), ()
    choices = tuple(
        judge(option, spec, view.demand.rate, running, shares) for option in view.options.values()
    )
    staying = next((c for c in choices if current and c.option.key == current.key), None)
    if staying is not None and view.demand.blind:
        return staying, choices
    choice = choose(choices, spec, current.key if current else None, policy)
    if choice is None or staying is None or choice is staying:
        return choice, choices
    moving = view.state.workload(choice.option.key)
    if not moving.replicas and not room.growth(spec, choice.option.key.accelerator_class, 1)[0]:
        # A switch that cannot begin must not keep the current variant from being scaled.
        return staying, choices
    return choice, choices


def _manual(view: _View, shares: Shares) -> Choice | None:
    """The user's own choice, inside money and inventory."""
    spec = view.state.spec
    manual = spec.scaling.manual
    if manual is None:
        return None
    option = view.options.get(WorkloadKey(manual.variant, manual.accelerator_class))
    if option is None:
        return None
    most, bound = shares.most_replicas(spec, manual.accelerator_class, option.price_per_hour)
    granted = min(manual.replicas, most)
    short = granted < manual.replicas
    return Choice(option, manual.replicas, granted, bound if short else "", short)


def _targets(
    view: _View, choice: Choice, room: Room, now_s: float, policy: PolicySettings
) -> tuple[tuple[Target, ...], tuple[Constraint, ...], Step]:
    """What every workload should be now, with what the guards did."""
    spec, state = view.state.spec, view.state
    workload = state.workload(choice.option.key)
    if spec.scaling.mode is ScalingMode.MANUAL and choice.granted < workload.replicas:
        step = Step(choice.granted)  # the user's order is no reading to be doubted
    else:
        step = next_step(workload, choice, spec, view.memory, view.demand, room, now_s, policy)
    olds = [w for w in state.workloads if w.key != workload.key and (w.replicas or w.pods)]
    kept, notes = retire(olds, workload, step.replicas, choice, view.options, view.demand)
    targets = [Target(workload.key, step.replicas, choice.option.batch_cap)]
    for key, replicas in kept:
        cap = state.workload(key).batch_cap or 1
        targets.append(Target(key, replicas, cap))
    return tuple(targets), notes, step


def _as_it_runs(state: ModelState) -> tuple[Target, ...]:
    return tuple(Target(w.key, w.replicas, w.batch_cap or 1) for w in state.workloads)


def _no_option(
    view: _View, snapshot: Snapshot, memory: ModelMemory, latency: Latency, now_s: float
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
    return ModelPlan(
        key=spec.key,
        targets=_as_it_runs(view.state),
        decision=Decision(now_s, "Hold", text, alternatives=_excluded(view)),
        conditions=_conditions(view, snapshot, memory, latency, None, (), stall, act=False),
        latency=latency,
        cost_per_hour=running_cost(view.state, snapshot.accelerator_classes),
        budget_per_hour=_budget(view, snapshot),
        act=False,
    )


def _predicted_s(view: _View, choice: Choice, targets: tuple[Target, ...]) -> float | None:
    """The percentile expected once the chosen workload alone serves the measured load."""
    rate = value_or_none(view.state.readings.arrival_rate)
    if rate is None:
        return None
    return choice.option.latency_s(rate, targets[0].replicas, view.state.spec.slo.percentile)


def _conditions(
    view: _View,
    snapshot: Snapshot,
    memory: ModelMemory,
    latency: Latency,
    choice: Choice | None,
    targets: tuple[Target, ...],
    stall: Condition,
    *,
    act: bool,
) -> tuple[Condition, ...]:
    spent = running_cost(view.state, snapshot.accelerator_classes)
    acting = act and view.state.spec.scaling.mode is not ScalingMode.ADVISE
    return (
        conditions.ready(view.state),
        conditions.reconciling(view.state, targets, acting),
        stall,
        conditions.metrics_available(view.state),
        conditions.slo_met(view.state, memory, latency, choice),
        conditions.within_budget(spent, _budget(view, snapshot), choice),
    )


def _budget(view: _View, snapshot: Snapshot) -> Decimal | None:
    """The tightest budget of the model: its own, or the shared one it names."""
    spec = view.state.spec
    shared = snapshot.budgets.get(budget_key(spec))
    amounts = [] if spec.budget_per_hour is None else [spec.budget_per_hour]
    if shared is not None:
        amounts.append(shared.per_hour)
    return min(amounts, default=None)


def _decision(
    view: _View,
    choice: Choice,
    others: tuple[Choice, ...],
    targets: tuple[Target, ...],
    notes: tuple[Constraint, ...],
    step: Step,
    now_s: float,
) -> Decision:
    spec = view.state.spec
    constraints = [*step.constraints, *notes]
    if choice.bound:
        wanted = choice.option.needed(view.demand.rate)
        effect = (
            f"{wanted if wanted is not None else choice.wanted} wanted, {choice.granted} allowed"
        )
        constraints.insert(0, Constraint(choice.bound, effect))
    binding = step.binding or choice.bound or (notes[0].name if notes else None)
    ranked = sorted(
        (c for c in others if c is not choice),
        key=lambda c: (c.cost_per_hour is None, c.cost_per_hour or 0, c.option.key),
    )
    alternatives = tuple(
        Alternative(
            c.option.key,
            c.granted,
            c.cost_per_hour,
            c.option.accuracy,
            why_not(c, choice, spec, spec.min_accuracy),
        )
        for c in ranked
    )
    return Decision(
        time_s=now_s,
        action=explain.action_of(view.state, targets),
        summary=explain.summary_of(view.state, targets, choice, view.demand.rate, binding),
        wanted=choice.option.key,
        wanted_replicas=choice.wanted,
        demand_rate=view.demand.rate,
        constraints=tuple(constraints),
        binding=binding,
        alternatives=(*alternatives, *_excluded(view))[:_ALTERNATIVES_SHOWN],
        next_change_allowed_at_s=step.shrink_allowed_at_s,
    )


def _excluded(view: _View) -> tuple[Alternative, ...]:
    return tuple(Alternative(e.key, None, None, e.accuracy, e.why_not) for e in view.excluded)

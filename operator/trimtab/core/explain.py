"""The decision in words: one place for status, Event, log line and command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import AcceleratorClass, ModelDeployment, RoutingType
from trimtab.core.choose import Choice
from trimtab.core.demand import Demand
from trimtab.core.mix import Mix
from trimtab.core.plan import Condition, Constraint, ModelPlan, Target
from trimtab.core.snapshot import ModelState, WorkloadKey
from trimtab.core.units import coarse_ms, iso, money, ms, percent, rate

QUEUE_BOUND = "QueueBound"
_FORETOLD = {
    "Trend": "if it goes on rising",
    "Season": "as usual at this time",
    "Recurrence": "a burst is due by the clock",
    "Clock": "the half hour may bring a burst",
    "Warning": "a small jump may announce a burst",
    "Insurance": "bursts keep coming",
}


class Way(NamedTuple):
    """One way to serve a model: wanted, decided, or not taken. None: unknown, or not told.

    cost_per_hour: of all its replicas. weight: its share of the traffic in percent.
    """

    key: WorkloadKey
    replicas: int | None = None
    cost_per_hour: Decimal | None = None
    accuracy: Decimal | None = None
    weight: int | None = None
    why_not: str = ""


class Explanation(NamedTuple):
    """One decision over one model, as people read it; None where nothing is known.

    promise: percentile and target, `p99 50ms`. observed, predicted: that percentile, as it is and
    as the decision makes it; `estimated` where the first was computed. wanted: what load
    and SLO alone ask for. decided: what should run. binding: the name of the constraint that kept
    one from the other. gap: how far the plan's cost can be above the optimum. next_change_at: not
    before then may the fleet shrink. hit_share: of the requests, what response caches answered.
    Times are ISO 8601 in UTC.
    """

    name: str
    time: str
    action: str
    summary: str
    promise: str = ""
    observed: str | None = None
    source: str | None = None
    estimated: bool = False
    predicted: str | None = None
    cost_per_hour: Decimal | None = None
    budget_per_hour: Decimal | None = None
    demand: str | None = None
    wanted: Way | None = None
    decided: tuple[Way, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    binding: str | None = None
    alternatives: tuple[Way, ...] = ()
    gap: str | None = None
    next_change_at: str | None = None
    conditions: tuple[Condition, ...] = ()
    hit_share: str | None = None

    @property
    def sentence(self) -> str:
        """What is done, and what the binding constraint did."""
        effects = (c.effect for c in self.constraints if c.name == self.binding)
        effect = next(effects, "")
        return f"{self.summary}: {effect}" if effect else self.summary

    @property
    def line(self) -> str:
        """The same with the model's name and the action: a line of the log."""
        return f"{self.name}: {self.action}. {self.sentence}"


def explain(
    plan: ModelPlan, spec: ModelDeployment, classes: Mapping[str, AcceleratorClass]
) -> Explanation:
    """The words for a plan of that model; `classes` has the prices."""
    decision, latency, slo = plan.decision, plan.latency, spec.slo
    next_s = decision.next_change_allowed_at_s
    observed_s, wanted = latency.observed_s, decision.wanted
    return Explanation(
        name=str(plan.key),
        time=iso(decision.time_s),
        action=decision.action,
        summary=decision.summary,
        promise=f"p{slo.percentile:g} {ms(slo.target_s)}",
        observed=None if observed_s is None else coarse_ms(observed_s),
        source=latency.source,
        estimated=latency.estimated and observed_s is not None,
        predicted=None if latency.predicted_s is None else coarse_ms(latency.predicted_s),
        cost_per_hour=plan.cost_per_hour,
        budget_per_hour=plan.budget_per_hour,
        demand=None if decision.demand_rate is None else rate(decision.demand_rate),
        wanted=Way(wanted, decision.wanted_replicas) if wanted else None,
        decided=tuple(_decided(t, spec, classes) for t in plan.targets),
        constraints=(*decision.constraints, *_queue_bounds(plan.targets, spec)),
        binding=decision.binding,
        alternatives=tuple(
            Way(a.key, a.replicas, a.cost_per_hour, a.accuracy, why_not=a.why_not)
            for a in decision.alternatives
        ),
        gap=None if decision.gap is None else percent(decision.gap),
        next_change_at=None if next_s is None else iso(next_s),
        conditions=plan.conditions,
        hit_share=None if plan.hit_share is None else percent(plan.hit_share),
    )


def _decided(target: Target, spec: ModelDeployment, classes: Mapping[str, AcceleratorClass]) -> Way:
    variant = spec.variant(target.key.variant)
    accuracy = variant.accuracy_on(target.key.accelerator_class) if variant else None
    accelerator = classes.get(target.key.accelerator_class)
    price = accelerator.price_per_hour if accelerator else None
    cost = None if price is None else price * target.replicas
    return Way(target.key, target.replicas, cost, accuracy, target.weight)


def _queue_bounds(targets: Iterable[Target], spec: ModelDeployment) -> Iterable[Constraint]:
    """Where fewer requests may wait than the user allows. It holds no replica back, so it never
    binds a decision."""
    for target in targets:
        size = target.queue_size
        if target.replicas and size is not None and size < spec.triton.max_queue_size:
            effect = (
                f"at a replica of {target.key} {size} requests may wait: one that joined more would"
                f" be answered after {ms(spec.slo.target_s)}, so it is refused"
            )
            yield Constraint(QUEUE_BOUND, effect)


def action_of(state: ModelState, targets: Iterable[Target]) -> str:
    """One word for what the targets do to the cluster as it is.

    Where variants share the traffic only one that comes or goes, or one that grows while another
    shrinks, is a Switch.
    """
    goals = {t.key: t.replicas for t in targets}
    running = {w.key: w.replicas for w in state.workloads if w.replicas}
    if not running:
        return "Start" if any(goals.values()) else "Hold"
    ups = {k for k, n in goals.items() if n > running.get(k, 0)}
    downs = {k for k, n in running.items() if goals.get(k, 0) < n}
    if state.spec.routing.type is RoutingType.GATEWAY:
        gone = any(not goals.get(k, 0) for k in downs)
        switched = gone or bool(ups and downs)
    else:
        switched = len(running) > 1 and bool(downs)
    if switched or any(k not in running for k in ups):
        return "Switch"
    if ups:
        return "ScaleUp"
    return "ScaleDown" if downs else "Hold"


def summary_of_mix(
    state: ModelState,
    targets: Iterable[Target],
    mix: Mix,
    demand: Demand,
    binding: str | None,
) -> str:
    """The same where variants share the traffic: each with its share of it as of now."""
    goals = {t.key: t for t in targets}
    parts, cost = [], Decimal(0)
    for member in mix.members:
        key, now = member.option.key, state.workload(member.option.key).replicas
        # Where another scaler holds the model, a member may not be there, and is not to come.
        goal, weight = (goals[key].replicas, goals[key].weight) if key in goals else (now, 0)
        moves = f"{now} -> {goal}" if goal != now else f"{now}"
        parts.append(f"{key}: {moves} ({weight} %)")
        cost += member.option.cost(goal) or Decimal(0)
    words = [", ".join(parts), *_for_what(demand)]
    words.append(f"at {money(cost)}")
    if binding:
        words.append(f"held by {binding}")
    return " ".join(words)


_LIMITS = {
    "": "",
    "Profile": ", by its profile",
    "Seen": ", as far as was seen",
    "Backlog": ", as a backlog told",
}


def summary_of(
    state: ModelState,
    targets: tuple[Target, ...],
    choice: Choice,
    demand: Demand,
    binding: str | None,
) -> str:
    """One sentence: what, how many, for which load and why for that, at what price, what binds."""
    now = state.workload(choice.option.key).replicas
    goal = targets[0].replicas if targets else now
    moves = f"{now} -> {goal}" if goal != now else f"{goal}"
    parts = [f"{choice.option.key}: {moves} {'replica' if goal == 1 else 'replicas'}"]
    factor = choice.option.load_factor
    parts += _for_what(demand, factor)
    parts += _of_cache(state, factor)
    if choice.option.capacity_rate is not None:
        within = f" within {ms(state.spec.slo.target_s)}" if choice.option.meets_slo else ""
        limit = _LIMITS[choice.option.limit]
        parts.append(f"({rate(factor * choice.option.capacity_rate)} each{within}{limit})")
    parts.append(f"at {money(choice.option.cost(goal))}")
    if binding:
        parts.append(f"held by {binding}")
    return " ".join(parts)


def _for_what(demand: Demand, factor: float = 1.0) -> Iterator[str]:
    if demand.rate is not None:
        load = factor * demand.rate
        yield f"for {rate(load)}" if load >= 1.0 else "for hardly any load"
    if demand.reason in _FORETOLD:
        yield f"({_FORETOLD[demand.reason]})"


def _of_cache(state: ModelState, factor: float) -> Iterator[str]:
    """What the load told is beside the arrivals: without hits, or with them where a cache that
    starts is empty."""
    if factor > 1.0:
        yield "with empty caches"
    elif state.readings.hit_share:
        yield "past the caches"

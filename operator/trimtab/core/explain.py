"""The decision in words: one place for status, Event and log line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from trimtab.core.choose import Choice
from trimtab.core.plan import ModelPlan, Target
from trimtab.core.snapshot import ModelState
from trimtab.core.units import money, ms, rate


def action_of(state: ModelState, targets: Iterable[Target]) -> str:
    """One word for what the targets do to the cluster as it is."""
    goals = {t.key: t.replicas for t in targets}
    running = {w.key: w.replicas for w in state.workloads if w.replicas}
    if not running:
        return "Start" if any(goals.values()) else "Hold"
    ups = {k for k, n in goals.items() if n > running.get(k, 0)}
    downs = {k for k, n in running.items() if goals.get(k, 0) < n}
    if any(k not in running for k in ups) or (len(running) > 1 and downs):
        return "Switch"
    if ups:
        return "ScaleUp"
    return "ScaleDown" if downs else "Hold"


def summary_of(
    state: ModelState,
    targets: tuple[Target, ...],
    choice: Choice,
    demand_rate: float | None,
    binding: str | None,
) -> str:
    """One sentence: what, how many, for which load, at what price, and what binds."""
    now = state.workload(choice.option.key).replicas
    goal = targets[0].replicas if targets else now
    moves = f"{now} -> {goal}" if goal != now else f"{goal}"
    parts = [f"{choice.option.key}: {moves} {'replica' if goal == 1 else 'replicas'}"]
    if demand_rate is not None and demand_rate >= 1.0:
        parts.append(f"for {rate(demand_rate)}")
    elif demand_rate is not None:
        parts.append("for hardly any load")
    if choice.option.capacity_rate is not None:
        within = f" within {ms(state.spec.slo.target_s)}" if choice.option.meets_slo else ""
        parts.append(f"({rate(choice.option.capacity_rate)} each{within})")
    parts.append(f"at {money(choice.option.cost(goal))}")
    if binding:
        parts.append(f"held by {binding}")
    return " ".join(parts)


def explain(plan: ModelPlan) -> str:
    """The whole decision as lines of text, for people."""
    return "\n".join(_lines(plan))


def _lines(plan: ModelPlan) -> Iterator[str]:
    decision = plan.decision
    yield f"{plan.key}: {decision.action}. {decision.summary}"
    latency = plan.latency
    if latency.observed_s is not None:
        how = "estimated from means" if latency.estimated else latency.source
        yield f"  latency    {ms(latency.observed_s)} ({how})"
    yield f"  cost       {money(plan.cost_per_hour)} of {_budget(plan)}"
    for constraint in decision.constraints:
        mark = "  <- binds" if constraint.name == decision.binding else ""
        yield f"  {constraint.name:<10} {constraint.effect}{mark}"
    for other in decision.alternatives:
        price = "" if other.cost_per_hour is None else f", {money(other.cost_per_hour)}"
        yield f"  instead of {other.key} (accuracy {other.accuracy}{price}): {other.why_not}"
    if decision.next_change_allowed_at_s is not None:
        at = datetime.fromtimestamp(decision.next_change_allowed_at_s, UTC)
        yield f"  may shrink at {at:%H:%M:%S} UTC"
    for condition in plan.conditions:
        yield f"  {condition.type}={condition.status} {condition.reason}: {condition.message}"


def _budget(plan: ModelPlan) -> str:
    return "no budget" if plan.budget_per_hour is None else money(plan.budget_per_hour)

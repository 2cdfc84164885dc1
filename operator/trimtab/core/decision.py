"""What was decided as data: the wish, what each rule did to it, and what was not taken."""

from __future__ import annotations

from trimtab.core import explain
from trimtab.core.allot import Shadow
from trimtab.core.choose import Choice, why_not
from trimtab.core.guard import Step
from trimtab.core.mix import Mix
from trimtab.core.plan import Alternative, Constraint, Decision, Target
from trimtab.core.view import View

_ALTERNATIVES_SHOWN = 3


def decision_of(
    view: View,
    choice: Choice,
    mix: Mix | None,
    others: tuple[Choice, ...],
    targets: tuple[Target, ...],
    notes: tuple[Constraint, ...],
    step: Step,
    shadow: Shadow,
    now_s: float,
) -> Decision:
    """The decision on one model; `mix` where a gateway shares its traffic out."""
    spec, lead = view.state.spec, mix.lead if mix else choice
    wanted = lead.wanted if lead.needed is None else lead.needed
    constraints = [*step.constraints, *notes]
    if lead.bound:
        effect = f"{wanted} wanted, {lead.granted} allowed"
        constraints.insert(0, Constraint(lead.bound, effect))
    binding = step.binding or lead.bound or (notes[0].name if notes else None)
    alternatives = view.memo.get(
        "alternatives",
        (spec, choice, mix, others, view.excluded),
        (),
        lambda: _alternatives(view, choice, mix, others),
    )
    return Decision(
        time_s=now_s,
        action=explain.action_of(view.state, targets),
        summary=explain.summary_of_mix(view.state, targets, mix, view.demand, binding)
        if mix and len(mix.members) > 1
        else explain.summary_of(view.state, targets, choice, view.demand, binding),
        wanted=lead.option.key,
        wanted_replicas=wanted,
        demand_rate=view.demand.rate,
        constraints=tuple(constraints),
        binding=binding,
        alternatives=alternatives,
        next_change_allowed_at_s=step.shrink_allowed_at_s,
        gap=shadow.gap,
        shadow_price=shadow.price,
    )


def _alternatives(
    view: View, choice: Choice, mix: Mix | None, others: tuple[Choice, ...]
) -> tuple[Alternative, ...]:
    spec = view.state.spec
    accuracy, cost = (mix or choice.option).accuracy, (mix or choice).cost_per_hour
    ranked = sorted(
        (c for c in others if c is not choice),
        key=lambda c: (c.cost_per_hour is None, c.cost_per_hour or 0, c.option.key),
    )[:_ALTERNATIVES_SHOWN]
    alternatives = tuple(
        Alternative(
            c.option.key,
            c.granted,
            c.cost_per_hour,
            c.option.accuracy,
            why_not(c, accuracy, cost, spec, spec.min_accuracy),
        )
        for c in ranked
    )
    return (*alternatives, *excluded_of(view))[:_ALTERNATIVES_SHOWN]


def excluded_of(view: View) -> tuple[Alternative, ...]:
    """What may not run at all, and why."""
    return tuple(Alternative(e.key, None, None, e.accuracy, e.why_not) for e in view.excluded)

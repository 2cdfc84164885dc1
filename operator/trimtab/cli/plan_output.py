"""A plan on the screen: one row a model, then each decision explained; or the same as data."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from trimtab.cli.columns import in_columns
from trimtab.control.status import build_status
from trimtab.core.explain import Explanation, explain
from trimtab.core.explain_text import text
from trimtab.core.plan import Condition, ConditionStatus, Plan
from trimtab.core.snapshot import Snapshot
from trimtab.core.units import iso, money, percent

_HEAD = ("MODEL", "DECIDED", "$/H", "ACCURACY", "PREDICTED", "PROMISED", "BINDS")
_RIGHT = ("$/H", "PREDICTED", "PROMISED")


def explanations(plan: Plan, snapshot: Snapshot) -> list[Explanation]:
    """Every model's decision in words, in the order of the models' keys."""
    states = sorted(snapshot.models, key=lambda s: s.spec.key)
    classes = snapshot.accelerator_classes
    return [explain(plan.models[s.spec.key], s.spec, classes) for s in states]


def as_text(plan: Plan, snapshot: Snapshot, width: int, *, live: bool) -> str:
    """The screen. `live`: the fleet really runs, so conditions that hold are worth telling too."""
    told = explanations(plan, snapshot)
    parts = [in_columns(_HEAD, [_row(each) for each in told], _RIGHT), _total(plan, told)]
    for each in told:
        shown = each.conditions if live else tuple(c for c in each.conditions if _matters(c))
        parts.append(text(each._replace(conditions=shown), width))
    return "\n\n".join(parts)


def as_data(plan: Plan, snapshot: Snapshot) -> dict[str, Any]:
    """{"time", "gap", "costPerHour", "models": {NAMESPACE/NAME: as the status would be}}."""
    told = {each.name: each for each in explanations(plan, snapshot)}
    models: dict[str, Any] = {
        str(s.spec.key): build_status(s, told[str(s.spec.key)], {}, plan.time_s)
        for s in snapshot.models
    }
    total = _cost(list(told.values()))
    return {
        "time": iso(plan.time_s),
        "gap": plan.gap,
        "costPerHour": None if total is None else f"{total:f}",
        "models": models,
    }


def _matters(condition: Condition) -> bool:
    """Of a fleet on paper: a promise that would be broken, and what would stop it altogether."""
    if condition.type == "Stalled":
        return condition.status is ConditionStatus.TRUE
    if condition.type == "WithinBudget":
        return condition.status is not ConditionStatus.TRUE
    return condition.type == "SLOMet" and condition.status is ConditionStatus.FALSE


def _row(told: Explanation) -> tuple[str, ...]:
    run = [way for way in told.decided if way.replicas] or list(told.decided[:1])
    cost, accuracies = _cost([told]), sorted({f"{w.accuracy:f}" for w in run if w.accuracy})
    return (
        told.name,
        ", ".join(f"{way.replicas} x {way.key}" for way in run) or "nothing",
        "unknown" if cost is None else f"{cost:f}",
        ", ".join(accuracies) or "-",
        told.predicted or "-",
        told.promise,
        told.binding or "-",
    )


def _cost(told: Sequence[Explanation]) -> Decimal | None:
    """Of all that was decided, per hour; None where a price is unknown."""
    costs = [way.cost_per_hour for each in told for way in each.decided]
    known = [cost for cost in costs if cost is not None]
    return None if len(known) < len(costs) else sum(known, Decimal(0))


def _total(plan: Plan, told: Sequence[Explanation]) -> str:
    words = f"together {money(_cost(told))}"
    if plan.gap is not None:
        words += f", at most {percent(plan.gap)} above the optimum"
    return words

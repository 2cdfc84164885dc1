"""Which variant on which class, and how many replicas of it the load asks for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import ModelDeployment, Objective
from trimtab.core.ledger import Shares
from trimtab.core.option import Option
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import WorkloadKey

_UNPRICED = Decimal("Infinity")


class Choice(NamedTuple):
    """An option and how many replicas of it.

    wanted: what load and SLO ask for, within the user's min and max but before money and
    inventory; None where the load is unknown. granted: after them. `bound` names what held it
    below `wanted`, empty where nothing did. `short` is True where `granted` cannot carry the load.
    ceiling: the most that user, money and inventory allow whatever is wanted, and its name: a fleet
    that is held for another reason may not stand above it either. needed: what load
    and SLO alone ask for; None where unknown.
    """

    option: Option
    wanted: int | None
    granted: int
    bound: str
    short: bool
    ceiling: tuple[int, str]
    needed: int | None = None

    @property
    def cost_per_hour(self) -> Decimal | None:
        """Of the granted replicas."""
        return self.option.cost(self.granted)

    @property
    def carried_rate(self) -> float:
        """Requests/s that the granted replicas carry; 0 where their speed is unknown."""
        return self.granted * (self.option.capacity_rate or 0.0)


def judge(
    option: Option, spec: ModelDeployment, rate: float | None, running: int, shares: Shares
) -> Choice:
    """What the option would get: the need, clamped by the user's bounds, money and inventory.

    `running`: the replicas of the workload that serves now.
    """
    needed = option.needed(rate)
    # Load or speed unknown: what runs is the best guess there is.
    asked = running if needed is None else needed
    wanted = max(spec.scaling.min_replicas, min(asked, spec.scaling.max_replicas))
    most, bound = shares.most_replicas(spec, option.key.accelerator_class, option.price_per_hour)
    ceiling = min((spec.scaling.max_replicas, "MaxReplicas"), (most, bound))
    closed = "PriceUnknown" if option.price_per_hour is None else ""
    if shares.budget_missing(spec):
        closed = "BudgetMissing"
    if closed and wanted > running:
        most, bound = min((running, closed), (most, bound))
    granted = min(wanted, most)
    if granted == wanted:
        bound = "MaxReplicas" if needed is not None and needed > wanted else ""
    short = granted < wanted or (needed is not None and needed > granted) or not option.meets_slo
    return Choice(
        option, None if needed is None else wanted, granted, bound, short, ceiling, needed
    )


def choose(
    choices: Sequence[Choice],
    spec: ModelDeployment,
    current: WorkloadKey | None,
    policy: PolicySettings,
) -> Choice | None:
    """The best choice; None where there is none at all.

    Of those that carry the load within the SLO: the cheapest, or the most accurate. Where none
    does, the one that carries most: floor and budget hold, and latency gives way.
    """
    if not choices:
        return None
    good = [c for c in choices if not c.short]
    if not good:
        return max(choices, key=_carried)
    if spec.objective is Objective.MAXIMIZE_ACCURACY:
        best = max(good, key=lambda c: (c.option.accuracy, -_cost(c), c.option.key))
    else:
        # Of equal cost, the one that carries more for it: it meets the next burst without a switch.
        best = min(
            good, key=lambda c: (_cost(c), *_rate_price(c), -c.option.accuracy, c.option.key)
        )
    staying = next((c for c in good if c.option.key == current), None)
    if staying is None or best is staying or _worth_switching(best, staying, spec, policy):
        return best
    return staying


def why_not(
    other: Choice, accuracy: Decimal, base: Decimal | None, spec: ModelDeployment, floor: Decimal
) -> str:
    """Why a choice was not taken, in words; what was has that accuracy and costs `base` an hour."""
    if other.option.accuracy < floor:
        return f"accuracy {other.option.accuracy} is below the floor {floor}"
    if not other.option.meets_slo:
        return "misses the latency target even when idle"
    if other.bound and other.short:
        return f"{_BOUND_WORDS[other.bound]} allows only {other.granted}"
    if spec.objective is Objective.MAXIMIZE_ACCURACY and (other.option.accuracy < accuracy):
        return f"less accurate ({other.option.accuracy} against {accuracy})"
    cost = other.cost_per_hour
    if cost is None or base is None:
        return "its price is unknown"
    if cost > base:
        return f"costs ${cost - base:f}/h more"
    if cost < base:
        return f"would save ${base - cost:f}/h: not enough to restart on another variant"
    return "no better than what runs"


_BOUND_WORDS = {
    "Budget": "the budget",
    "SharedBudget": "the shared budget",
    "BudgetMissing": "the missing budget",
    "Inventory": "the accelerator inventory",
    "MaxReplicas": "scaling.maxReplicas",
    "PriceUnknown": "the unknown price",
}


def _cost(choice: Choice) -> Decimal:
    cost = choice.cost_per_hour
    return _UNPRICED if cost is None else cost


def _rate_price(choice: Choice) -> tuple[bool, float]:
    """Order by price per request carried; a speed that is not known comes last."""
    rate, price = choice.option.capacity_rate, choice.option.price_per_hour
    return (True, 0.0) if not rate or price is None else (False, float(price) / rate)


def _carried(choice: Choice) -> tuple[bool, float, Decimal]:
    """Order of the short choices: within SLO first, then by requests carried, then by cost."""
    meets = choice.option.meets_slo and choice.granted > 0
    return meets, choice.carried_rate, -_cost(choice)


def _worth_switching(
    best: Choice, staying: Choice, spec: ModelDeployment, policy: PolicySettings
) -> bool:
    """A switch starts every replica anew; it must pay. The counter-example: two variants whose
    costs cross at the load of the hour would swap at every tick."""
    if spec.objective is Objective.MAXIMIZE_ACCURACY and (
        best.option.accuracy > staying.option.accuracy
    ):
        budget = spec.budget_per_hour
        return budget is None or _cost(best) <= budget * Decimal(str(1 - policy.switch_gain))
    return _cost(best) < _cost(staying) * Decimal(str(1 - policy.switch_gain))

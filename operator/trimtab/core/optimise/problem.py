"""What the joint plan is asked and what it answers: plain numbers, no resources and no cluster.

Money is in whole micro-units (a millionth of the currency, per hour), so that no sum of prices is
ever rounded against a budget. Prices are rounded up and budgets down where they enter.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_MICRO = Decimal(1_000_000)


class Goal(enum.Enum):
    """What a model wants of its money once its load is carried."""

    LEAST_COST = "least cost"
    MOST_ACCURACY = "most accuracy"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve a model.

    pool: index of the inventory a replica is taken from; capacity_rate: requests/s one replica
    carries within the SLO, above 0; price_micro: of one replica, per hour; switch_micro: what one
    replica of it weighs in the score on top, because something else runs now (no money is spent
    of it, no budget holds it); accuracy: 0 to 1. missed: the share of the load that is missed with
    0, 1, .. replicas, beyond which nothing is gained; empty where score.py's measure does.
    """

    pool: int
    capacity_rate: float
    price_micro: int
    accuracy: float = 0.0
    switch_micro: int = 0
    missed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """One model: its load in requests/s, what may serve it and what bounds it.

    budget_micro: its own, per hour; None is none. shared: index of the budget it shares.
    running_rate: requests/s of what runs now; to take of that, for another's sake, weighs more than
    never to have given it. Where `mix` is False it runs one option; else also two side by side.
    traffic_rate: what of the load arrives now, requests/s, None for all; accuracy is counted of
    this, since what may come is room and may never be asked.
    """

    rate: float
    options: tuple[Option, ...]
    min_replicas: int = 1
    max_replicas: int = 10
    budget_micro: int | None = None
    shared: int | None = None
    priority: int = 0
    running_rate: float = 0.0
    goal: Goal = Goal.LEAST_COST
    mix: bool = False
    traffic_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """All models at once. budgets_micro: per hour; inventories: replicas, None is unlimited. keep:
    by what share a shortage weighs more where what runs now would have prevented it."""

    models: tuple[Demand, ...]
    budgets_micro: tuple[int, ...] = ()
    inventories: tuple[int | None, ...] = ()
    keep: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """So many replicas of an option (its index), which takes `weight` of the traffic (0 to 1)."""

    option: int
    replicas: int
    weight: float


@dataclass(frozen=True, slots=True)
class Allotment:
    """What one model gets; nothing where `runs` is empty.

    shortfall_rate: requests/s of its load beyond its capacity; binding: what kept it from the
    choice it would make alone ("budget", "pool"; empty where nothing did), and `price_micro` what
    one unit more of that limit is worth: score per micro-unit of money, or per replica.
    """

    runs: tuple[Run, ...]
    cost_micro: int
    shortfall_rate: float = 0.0
    binding: str = ""
    shadow_price: float = 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """One allotment a model, in the order asked.

    value: the score reached, lower is better; bound: no solution scores less. budget_prices,
    pool_prices: the shadow price of each shared limit, 0 where it does not bind.
    """

    models: tuple[Allotment, ...]
    value: float
    bound: float
    budget_prices: tuple[float, ...]
    pool_prices: tuple[float, ...]

    @property
    def cost_micro(self) -> int:
        """Of everything, per hour."""
        return sum(m.cost_micro for m in self.models)

    @property
    def gap(self) -> float:
        """How far from the best the score can be, as a share of it: 0 is proven best."""
        if self.value <= 0.0:
            return 0.0
        return max(0.0, self.value - self.bound) / self.value


def price_micro(per_hour: Decimal) -> int:
    """A price in micro-units, rounded up: a budget is never broken by a rounding."""
    return int((per_hour * _MICRO).to_integral_value(ROUND_CEILING))


def budget_micro(per_hour: Decimal) -> int:
    """A budget in micro-units, rounded down; 0 for what is overspent already."""
    return max(0, int((per_hour * _MICRO).to_integral_value(ROUND_FLOOR)))

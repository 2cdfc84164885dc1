"""The joint plan of many models under shared budgets and inventories; knows only numbers."""

from trimtab.core.optimise.problem import (
    Allotment,
    Demand,
    Goal,
    Option,
    Problem,
    Run,
    Solution,
    budget_micro,
    price_micro,
)
from trimtab.core.optimise.solve import solve

__all__ = [
    "Allotment",
    "Demand",
    "Goal",
    "Option",
    "Problem",
    "Run",
    "Solution",
    "budget_micro",
    "price_micro",
    "solve",
]

"""A price on every shared limit, such that models that choose alone at these prices keep them.

Lagrange's relaxation: with a price on a budget's micro-unit and on an inventory's replica, each
model's choice is its own, and

    L(prices) = sum over models of min over choices (score + prices * use) - prices * limits

is never above the best score that keeps the limits (Everett 1963; Geoffrion 1974). L is concave and
its slope is what is used beyond a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trimtab.core.optimise.candidates import Candidates, Ints
from trimtab.core.optimise.problem import Problem
from trimtab.core.optimise.score import Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """budgets: micro-units (G); pools: replicas (R), a large number where unlimited."""

    budgets: Ints
    pools: Ints

    @property
    def sizes(self) -> tuple[int, int]:
        """How many budgets and pools there are."""
        return len(self.budgets), len(self.pools)


@dataclass(frozen=True, slots=True)
class Priced:
    """What the models choose at some prices.

    rows: the best row of each model; bound: L; over_budget, over_pool: use beyond each limit.
    """

    budget_prices: Floats
    pool_prices: Floats
    rows: Ints
    bound: float
    over_budget: Ints
    over_pool: Ints

    @property
    def keeps(self) -> bool:
        """Whether every limit holds."""
        return not ((self.over_budget > 0).any() or (self.over_pool > 0).any())


_UNLIMITED = 1 << 40


def limits_of(problem: Problem) -> Limits:
    """The shared limits as arrays; one that is overspent already leaves nothing."""
    return Limits(
        np.array([max(0, b) for b in problem.budgets_micro], dtype=np.int64),
        np.array(
            [_UNLIMITED if i is None else max(0, i) for i in problem.inventories], dtype=np.int64
        ),
    )


def price(candidates: Candidates, limits: Limits, budgets: Floats, pools: Floats) -> Priced:
    """Every model's best choice at these prices."""
    worth = priced_scores(candidates, budgets, pools)
    least = np.minimum.reduceat(worth, candidates.start)
    hits = np.flatnonzero(worth == least[candidates.model])
    rows = np.empty(len(candidates.start), dtype=np.int64)
    rows[candidates.model[hits][::-1]] = hits[::-1]  # the first of equals
    count_budgets, count_pools = limits.sizes
    return Priced(
        budgets,
        pools,
        rows,
        float(least.sum() - budgets @ limits.budgets - pools @ limits.pools),
        candidates.budget_use(rows, count_budgets) - limits.budgets,
        candidates.pool_use(rows, count_pools) - limits.pools,
    )


def priced_scores(candidates: Candidates, budgets: Floats, pools: Floats) -> Floats:
    """Score plus the price of what every choice takes of the shared limits."""
    c = candidates
    worth = c.score + pools[c.pool] * c.count
    if c.count_second.any():
        worth = worth + pools[c.pool_second] * c.count_second
    if budgets.any():
        worth = worth + np.append(budgets, 0.0)[c.shared][c.model] * c.cost
    return worth

"""The joint plan of all models: fast, inside every limit, and with how far from the best it is."""

from __future__ import annotations

import numpy as np

from trimtab.core.optimise.candidates import Candidates, Ints, candidates_of
from trimtab.core.optimise.dual import Priced, limits_of, price
from trimtab.core.optimise.interior import interior_prices
from trimtab.core.optimise.problem import Allotment, Problem, Run, Solution
from trimtab.core.optimise.search import begin, improve, repaired
from trimtab.core.optimise.tighten import tighten


def solve(problem: Problem) -> Solution:
    """Replicas for every model. Hard limits hold always, also where no plan carries the load.

    Where no shared limit binds, every model simply gets its own best and the gap is 0. Else shared
    limits are priced, the prices' choices repaired and improved, and the bound tightened.
    """
    if not problem.models:
        return Solution((), 0.0, 0.0, *_no_prices(problem))
    candidates, limits = candidates_of(problem), limits_of(problem)
    free = price(candidates, limits, *(np.zeros(n) for n in limits.sizes))
    if free.keeps:
        return solution_of(problem, candidates, free.rows, free, free.bound)
    first = begin(candidates, limits, candidates.options.least)
    improve(first, free, rounds=3)
    # What alone loses more than all of a plan at hand is in no best plan. Without it the numbers
    # stay within what doubles can tell apart. To run nothing stays a choice, at no more than that
    # loss: the linear relaxation needs room inside the limits.
    worst = candidates.score[free.rows] + (first.score - free.bound)
    useful = candidates.convex() & (candidates.score <= worst[candidates.model] * (1 + 1e-9))
    useful[candidates.start] = True
    convex = candidates.only(useful, worst)
    highest = price(candidates, limits, *interior_prices(convex, limits))
    standings = [first, repaired(candidates, limits, highest)]
    for one in standings:
        improve(one, highest)
    standing = min(standings, key=lambda s: s.score)
    rows, bound = tighten(candidates, limits, highest, standing)
    return solution_of(problem, candidates, rows, highest, bound)


def solution_of(
    problem: Problem, candidates: Candidates, rows: Ints, prices: Priced, bound: float
) -> Solution:
    """The answer in the problem's own words; `rows`: the choice of each model."""
    value = float(candidates.score[rows].sum())
    own = np.minimum.reduceat(candidates.score, candidates.start)
    models = tuple(
        _allotment(problem, candidates, m, int(row), prices, float(own[m]))
        for m, row in enumerate(rows)
    )
    return Solution(
        models,
        value,
        min(value, bound),
        tuple(prices.budget_prices.tolist()),
        tuple(prices.pool_prices.tolist()),
    )


def _allotment(
    problem: Problem,
    candidates: Candidates,
    model: int,
    row: int,
    prices: Priced,
    own: float,
) -> Allotment:
    c = candidates
    demand = problem.models[model]
    begin = int(c.options.begin[model])
    capacity = c.options.capacity
    counts = (
        (int(c.first[row]), int(c.count[row])),
        (int(c.second[row]), int(c.count_second[row])),
    )
    carried = sum(n * float(capacity[o]) for o, n in counts)
    runs = tuple(Run(o - begin, n, n * float(capacity[o]) / carried) for o, n in counts if n)
    binding, shadow = "", 0.0
    if c.score[row] > own:
        binding, shadow = _binding(demand.shared, c, row, prices)
    lack = max(0.0, demand.rate - carried)
    return Allotment(runs, int(c.cost[row]), lack, binding, shadow)


def _binding(
    shared: int | None, candidates: Candidates, row: int, prices: Priced
) -> tuple[str, float]:
    """The shared limit that weighs most on the model's options."""
    model = candidates.model[row]
    begin = candidates.start[model]
    end = (
        candidates.start[model + 1] if model + 1 < len(candidates.start) else len(candidates.model)
    )
    rows = slice(begin, end)
    money = 0.0 if shared is None else float(prices.budget_prices[shared])
    weighs = money * float(candidates.cost[rows].max())
    pools = prices.pool_prices[candidates.pool[rows]] * candidates.count[rows]
    most = int(np.argmax(pools))
    if pools[most] > weighs:
        return "pool", float(prices.pool_prices[candidates.pool[rows][most]])
    return ("budget", money) if money > 0 else ("", 0.0)


def _no_prices(problem: Problem) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (0.0,) * len(problem.budgets_micro), (0.0,) * len(problem.inventories)

"""Small random fleets, and the hard limits counted from an answer alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from trimtab.core.optimise import Demand, Goal, Option, Problem, Solution
from trimtab.core.optimise.score import Weights, missing_share, weights_of

PRICES = (100_000, 190_000, 710_000, 1_230_001)


@st.composite
def demands(draw: st.DrawFn, pools: int, budgets: int) -> Demand:
    """One model; prices belong to pools, as they do to accelerator classes."""
    options = []
    for _ in range(draw(st.integers(1, 4))):
        pool = draw(st.integers(0, pools - 1))
        options.append(
            Option(
                pool,
                draw(st.floats(5.0, 60.0)),
                PRICES[pool],
                draw(st.sampled_from([0.8, 0.85, 0.9, 0.91])),
                draw(st.sampled_from([0, 0, PRICES[pool] // 9])),
            )
        )
    return Demand(
        rate=draw(st.one_of(st.just(0.0), st.floats(1.0, 150.0))),
        options=tuple(options),
        min_replicas=draw(st.integers(0, 2)),
        max_replicas=draw(st.integers(2, 8)),
        budget_micro=draw(st.one_of(st.none(), st.integers(0, 3_000_000))),
        shared=draw(st.sampled_from([None, *range(budgets), *range(budgets)])),
        priority=draw(st.sampled_from([0, 0, 10])),
        running_rate=draw(st.sampled_from([0.0, 40.0, 90.0])),
        goal=draw(st.sampled_from(Goal)),
        mix=draw(st.booleans()),
    )


@st.composite
def problems(draw: st.DrawFn, most: int = 4) -> Problem:
    """A fleet in which limits often bind."""
    pools, budgets = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    return Problem(
        draw(st.lists(demands(pools, budgets), min_size=1, max_size=most).map(tuple)),
        tuple(draw(st.integers(0, 4_000_000)) for _ in range(budgets)),
        tuple(draw(st.one_of(st.none(), st.integers(0, 8))) for _ in range(pools)),
        draw(st.sampled_from([0.0, 0.1])),
    )


def broken(problem: Problem, solution: Solution) -> list[str]:
    """Every hard limit that the answer breaks."""
    found: list[str] = []
    money, free = list(problem.budgets_micro), list(problem.inventories)
    for i, (demand, got) in enumerate(zip(problem.models, solution.models, strict=True)):
        spent = sum(demand.options[r.option].price_micro * r.replicas for r in got.runs)
        if spent != got.cost_micro:
            found.append(f"model {i} says it costs {got.cost_micro}, and costs {spent}")
        if demand.budget_micro is not None and spent > demand.budget_micro:
            found.append(f"model {i} spends more than its budget")
        if sum(r.replicas for r in got.runs) > demand.max_replicas:
            found.append(f"model {i} runs more than its maximum")
        if len(got.runs) > (2 if demand.mix else 1):
            found.append(f"model {i} runs too many options")
        if demand.shared is not None:
            money[demand.shared] -= spent
        for run in got.runs:
            pool = demand.options[run.option].pool
            left = free[pool]
            free[pool] = None if left is None else left - run.replicas
    found += [f"budget {b} is overspent" for b, left in enumerate(money) if left < 0]
    found += [
        f"pool {p} is overused" for p, left in enumerate(free) if left is not None and left < 0
    ]
    return found


def brute_force(problem: Problem) -> float:
    """The least score of all plans of one option a model, each scored in plain words."""
    weights = weights_of(problem)
    choices = [list(_choices(m)) for m in problem.models]
    best = math.inf
    for plan in itertools.product(*choices):
        money, free = list(problem.budgets_micro), list(problem.inventories)
        score = 0.0
        for i, (demand, (option, replicas)) in enumerate(zip(problem.models, plan, strict=True)):
            if demand.shared is not None:
                money[demand.shared] -= option.price_micro * replicas
            left = free[option.pool]
            free[option.pool] = None if left is None else left - replicas
            score += _score(demand, option, replicas, weights, i, problem.keep)
        if min(money, default=0) >= 0 and min((f for f in free if f is not None), default=0) >= 0:
            best = min(best, score)
    return best


def _choices(demand: Demand) -> Iterator[tuple[Option, int]]:
    yield demand.options[0], 0
    for option in demand.options:
        needed = max(demand.min_replicas, math.ceil(demand.rate / option.capacity_rate - 1e-9))
        for replicas in range(1, min(needed, demand.max_replicas) + 1):
            own = demand.budget_micro
            if own is None or option.price_micro * replicas <= own:
                yield option, replicas


def _score(
    demand: Demand, option: Option, replicas: int, weights: Weights, i: int, keep: float
) -> float:
    score = (option.price_micro + option.switch_micro) * float(replicas)
    lacking = max(0, demand.min_replicas - replicas)
    score += weights.first[i] * lacking
    if demand.rate:
        share = min(1.0, option.capacity_rate * replicas / demand.rate)
        runs = min(1.0, demand.running_rate / demand.rate)
        missed, before = missing_share(np.array([share, runs]))
        missed += keep * max(0.0, missed - before)
        score += weights.shortage[i] * demand.rate * missed
    if demand.goal is Goal.MOST_ACCURACY and replicas:
        best = max(o.accuracy for o in demand.options)
        score += weights.accuracy * demand.rate * (best - option.accuracy)
    return float(score)

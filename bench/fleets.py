"""Fleets to plan for, as they are met: skewed loads, a few classes, team budgets, priorities."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from trimtab.core.optimise.problem import Demand, Goal, Option, Problem

# (micro-units per hour, speed against the first) of one replica: a slice of CPU, a small GPU, a
# large one; more classes repeat them a little dearer. List prices of a large cloud, rounded.
_CLASSES = ((190_000, 1.0), (710_000, 6.0), (3_670_000, 28.0))
_MODELS_A_BUDGET = 12
_PRIORITIES = (0, 0, 0, 0, 10, 10, 100)


def fleet(models: int, variants: int, classes: int, seed: int) -> Problem:
    """A fleet in which limits bind, the same for the same seed.

    Seeds go through four kinds: inventories scarce (80 to 95 % of what everyone would take), team
    budgets scarce, both, and both loose (150 %).
    """
    draw = random.Random(f"{models}/{variants}/{classes}/{seed}")  # noqa: S311 - a bench, no secret
    demands = tuple(_demand(draw, variants, classes, i) for i in range(models))
    budgets = -(-models // _MODELS_A_BUDGET)
    shared = tuple(
        replace(d, shared=draw.randrange(budgets)) if draw.random() < 0.7 else d for d in demands
    )
    kind = seed % 4
    tight_pools, tight_budgets = kind in (0, 2), kind in (1, 2)
    wishes = [_wish(d) for d in shared]
    pools = [[n for o, n in wishes if o.pool == p] for p in range(classes)]
    money = [
        [(o.price_micro, n) for d, (o, n) in zip(shared, wishes, strict=True) if d.shared == b]
        for b in range(budgets)
    ]
    return Problem(
        shared,
        tuple(_limit(draw, group, tight_budgets) for group in money),
        tuple(
            # Nobody buys two of a class for a thousand models.
            max(models // 20, _limit(draw, [(1, n) for n in group], tight_pools))
            for group in pools
        ),
    )


def _limit(draw: random.Random, wishes: list[tuple[int, int]], tight: bool) -> int:
    """Of (weight, replicas): one replica each, and a share of the rest."""
    share = draw.uniform(0.80, 0.95) if tight else 1.5
    return sum(w for w, _ in wishes) + int(share * sum(w * (n - 1) for w, n in wishes))


def _demand(draw: random.Random, variants: int, classes: int, index: int) -> Demand:
    """A model with a Pareto-skewed load; lighter variants are faster and less accurate."""
    base = draw.lognormvariate(3.0, 0.8)  # requests/s of the heaviest variant on the first class
    rate = min(base * 300.0, base * draw.paretovariate(1.1))
    runs_now = draw.randrange(variants * classes) if draw.random() < 0.8 else None
    options = tuple(_options(draw, variants, classes, base, runs_now))
    accurate = draw.random() < 0.3
    dearest = max(o.price_micro / o.capacity_rate for o in options) * rate
    return Demand(
        rate=rate,
        options=options,
        min_replicas=1,
        max_replicas=40,
        budget_micro=int(dearest * draw.uniform(0.8, 2.0)) + 3_670_000
        if draw.random() < 0.3
        else None,
        priority=_PRIORITIES[index % len(_PRIORITIES)],
        goal=Goal.MOST_ACCURACY if accurate else Goal.LEAST_COST,
        mix=draw.random() < 0.2,
    )


def _options(
    draw: random.Random, variants: int, classes: int, base: float, runs_now: int | None
) -> Iterator[Option]:
    accuracy = draw.uniform(0.80, 0.97)
    for variant in range(variants):
        speed = 1.6**variant * draw.uniform(0.85, 1.15)
        accuracy -= draw.uniform(0.002, 0.015)
        for pool in range(classes):
            price, faster = _CLASSES[pool % len(_CLASSES)]
            price += 30_000 * (pool // len(_CLASSES))
            rate = base * speed * faster * draw.uniform(0.6, 1.4)
            stays = runs_now == variant * classes + pool
            # Another option than the one that runs must save a tenth.
            yield Option(pool, rate, price, accuracy, 0 if stays else price // 9)


def _wish(demand: Demand) -> tuple[Option, int]:
    """What the model would take had it everything for itself."""

    def count(option: Option) -> int:
        needed = int(-(-demand.rate // option.capacity_rate))
        return max(demand.min_replicas, min(needed, demand.max_replicas))

    if demand.goal is Goal.MOST_ACCURACY:
        best = max(demand.options, key=lambda o: (o.accuracy, -count(o) * o.price_micro))
    else:
        best = min(demand.options, key=lambda o: count(o) * (o.price_micro + o.switch_micro))
    return best, count(best)

"""How many replicas a load asks for, and what a mix of two options is worth."""

from __future__ import annotations

import numpy as np

from trimtab.core.optimise import Demand, Goal, Option, Problem
from trimtab.core.optimise.candidates import candidates_of
from trimtab.core.optimise.options import replicas_for


def test_a_load_is_carried_by_the_next_whole_number() -> None:
    rates, capacities = np.array([0.0, 10.0, 10.1]), np.array([5.0, 5.0, 5.0])
    assert replicas_for(rates, capacities).tolist() == [0, 2, 3]


def test_more_than_64_bits_hold_is_many_and_not_less_than_nothing() -> None:
    (many,) = replicas_for(np.array([1e15]), np.array([1e-6])).tolist()
    assert many == 1_000_000_000


def test_a_mix_is_judged_by_who_is_filled_first() -> None:
    accurate = Option(0, capacity_rate=5.5, price_micro=100_000, accuracy=0.99)
    fast = Option(0, capacity_rate=30.0, price_micro=100_000, accuracy=0.985)
    demand = Demand(
        rate=35.0,
        options=(accurate, fast),
        min_replicas=1,
        max_replicas=6,
        budget_micro=600_000,
        goal=Goal.MOST_ACCURACY,
        mix=True,
    )
    found = candidates_of(Problem((demand,), (), (None,)))
    best = int(np.argmin(found.score))
    # By capacity the fast one takes half of the traffic anyhow, and a fifth accurate replica, which
    # takes an eighth of it back, would not be worth its price.
    assert (found.count[best], found.count_second[best]) == (5, 1)

"""Whatever the fleet, the joint plan keeps every hard limit and knows how good it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fleets import fleet
from tests.core.optimise.fleets import broken, problems
from trimtab.core.optimise import Demand, Option, Problem, solve
from trimtab.core.optimise.candidates import candidates_of
from trimtab.core.optimise.dual import limits_of, price


@given(problems(most=6))
@settings(max_examples=60, deadline=None)
def test_every_hard_limit_holds(problem: Problem) -> None:
    solution = solve(problem)
    assert broken(problem, solution) == []
    assert solution.bound <= solution.value
    for got in solution.models:
        assert (
            sum(r.weight for r in got.runs) in (0, 1)
            or abs(sum(r.weight for r in got.runs) - 1) < 1e-9
        )


@pytest.mark.parametrize("seed", range(8))
def test_fleets_as_they_are_met_are_planned_to_within_a_hundredth(seed: int) -> None:
    problem = fleet(40, 5, 3, seed)
    solution = solve(problem)
    assert broken(problem, solution) == []
    assert solution.gap <= 0.01


@given(problems(), st.lists(st.floats(0.0, 1e7), min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_the_prices_they_bound_every_plan_from_below(
    problem: Problem, prices: list[float]
) -> None:
    candidates, limits = candidates_of(problem), limits_of(problem)
    budgets, pools = limits.sizes
    worth = np.array(prices)
    priced = price(candidates, limits, worth[:budgets] / 1e6, worth[2 : 2 + pools])
    assert priced.bound <= solve(problem).value * (1 + 1e-9) + 1e-6


def twins(running: tuple[float, float], keep: float) -> tuple[int, ...]:
    """The replicas of two like models, of which 6 more are needed than the 6 there are."""
    option = Option(0, 100.0, 100_000)
    models = tuple(
        Demand(rate, (option,), running_rate=r)
        for rate, r in zip((600.0, 605.0), running, strict=True)
    )
    solution = solve(Problem(models, (), (6,), keep))
    return tuple(sum(r.replicas for r in m.runs) for m in solution.models)


def test_what_runs_is_not_moved_for_a_little() -> None:
    assert twins((0.0, 0.0), 0.1) == (3, 3)
    # A hair more load is no reason to take one from whom it serves; three more of six are.
    assert twins((300.0, 300.0), 0.1) == (3, 3)
    assert twins((400.0, 200.0), 0.0) == (3, 3)
    assert twins((400.0, 200.0), 0.5) == (4, 2)
    assert twins((600.0, 0.0), 0.1) == (3, 3)

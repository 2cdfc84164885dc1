"""The fast plan against the proven best one, over hundreds of random fleets.

Several tests with other seeds rather than one long one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.optimise.fleets import broken, brute_force, problems
from trimtab.core.optimise import Problem, solve
from trimtab.core.optimise.exact import solve_exact
from trimtab.core.optimise.highs import quiet_highs

pytest.importorskip("highspy")


def test_the_solver_says_nothing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    # A command that was asked for JSON prints one document there.
    quiet_highs().run()
    assert capfd.readouterr().out == ""


def judged(problem: Problem) -> None:
    """bound <= optimum <= value, and the value within its stated gap of the optimum."""
    quick, best = solve(problem), solve_exact(problem)
    assert broken(problem, quick) == []
    assert broken(problem, best) == []
    hair = 1e-6 * abs(best.value) + 1e-6
    assert quick.bound <= best.value + hair
    assert best.value <= quick.value + hair
    assert quick.value <= best.value + quick.gap * quick.value + hair


@pytest.mark.parametrize("models", [2, 3, 4, 5, 7])
def test_the_optimum_lies_between_bound_and_value(models: int) -> None:
    @given(problems(most=models))
    @settings(max_examples=50, deadline=None, database=None)
    def check(problem: Problem) -> None:
        judged(problem)

    check()


@given(problems(most=2))
@settings(max_examples=60, deadline=None)
def test_the_exact_plan_is_what_trying_everything_finds(problem: Problem) -> None:
    alone = replace(problem, models=tuple(replace(m, mix=False) for m in problem.models))
    best = solve_exact(alone)
    assert best.value == pytest.approx(brute_force(alone), rel=1e-6, abs=1e-3)


@given(problems(most=5), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_models_does_not_matter(problem: Problem, random: object) -> None:
    order = list(range(len(problem.models)))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = replace(problem, models=tuple(problem.models[i] for i in order))
    one, two = solve(problem), solve(other)
    assert max(one.bound, two.bound) <= min(one.value, two.value) * (1 + 1e-9) + 1e-3


@given(problems(most=5), st.integers(1, 2_000_000))
@settings(max_examples=60, deadline=None)
def test_more_money_is_never_worse(problem: Problem, more: int) -> None:
    richer = replace(problem, budgets_micro=tuple(b + more for b in problem.budgets_micro))
    poor, rich = solve_exact(problem), solve_exact(richer)
    assert rich.value <= poor.value * (1 + 1e-6) + 1e-3
    assert solve(richer).bound <= solve(problem).value + 1e-3

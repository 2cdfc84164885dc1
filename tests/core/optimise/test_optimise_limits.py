"""Whatever the fleet, the joint plan keeps every hard limit and knows how good it is."""

from __future__ import annotations

from hypothesis import given, settings

from tests.core.optimise.fleets import broken, problems
from trimtab.core.optimise import Problem, solve


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

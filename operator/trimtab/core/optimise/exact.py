"""The joint plan as an integer programme for HiGHS: exact, for small fleets and as an oracle.

Needs the extra `exact` (highspy). One 0-1 variable a choice, the same score as everywhere; every
count of every option is a choice here, also those that `solve` knows to be beaten.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.core.optimise.candidates import Candidates, Ints, candidates_of
from trimtab.core.optimise.dual import Limits, limits_of, price
from trimtab.core.optimise.highs import quiet_highs
from trimtab.core.optimise.problem import Problem, Solution
from trimtab.core.optimise.score import Floats
from trimtab.core.optimise.search import Standing
from trimtab.core.optimise.solve import solution_of, solve

_SPAN = 1e4  # the objective is scaled to this, where HiGHS' tolerances are meant for


def solve_exact(problem: Problem, time_limit_s: float = 10.0) -> Solution:
    """The best plan, proven; after `time_limit_s` the best plan found by then, with its bound.

    Raises ImportError where highspy is not installed.
    """
    import highspy

    quick = solve(problem)
    if not problem.models or quick.gap == 0.0:
        return quick
    candidates, limits = candidates_of(problem, every=True), limits_of(problem)
    least = np.minimum.reduceat(candidates.score, candidates.start)
    loss = candidates.score - least[candidates.model]
    # A choice that alone loses more than all of the quick plan is in no better one.
    most = quick.value - float(least.sum())
    columns = np.flatnonzero(loss <= most * (1 + 1e-9))
    unit = max(most, 1e-6) / _SPAN
    solver = quiet_highs()
    for name, value in (
        ("threads", 1),
        ("time_limit", time_limit_s),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 1e-6),
    ):
        solver.setOptionValue(name, value)
    solver.passModel(_model(highspy, candidates, limits, columns, loss[columns] / unit))
    solver.run()
    chosen = np.asarray(solver.getSolution().col_value)
    bound = float(least.sum()) + float(solver.getInfo().mip_dual_bound) * unit
    rows = _rows(candidates, limits, columns, chosen)
    if rows is None or float(candidates.score[rows].sum()) > quick.value:
        return quick
    free = price(candidates, limits, np.asarray(quick.budget_prices), np.asarray(quick.pool_prices))
    return solution_of(problem, candidates, rows, free, max(bound, quick.bound))


def _rows(candidates: Candidates, limits: Limits, columns: Ints, chosen: Floats) -> Ints | None:
    """The chosen row of each model; None where there is not one each, or a limit breaks."""
    if len(chosen) != len(columns):
        return None
    rows = columns[chosen > 0.5]
    models = candidates.model[rows]
    if not np.array_equal(models, np.arange(len(candidates.start))):
        return None
    return rows if Standing(candidates, limits, rows).keeps else None


def _model(
    highspy: Any, candidates: Candidates, limits: Limits, columns: Ints, cost: Floats
) -> Any:
    """One choice a model, all limits; every row scaled so that its limit is about 1."""
    c = candidates
    models = len(c.start)
    budgets, pools = limits.sizes
    at = np.arange(len(columns))
    use = np.zeros((models + budgets + pools, len(columns)))
    use[c.model[columns], at] = 1.0
    shared = c.shared[c.model[columns]]
    money = shared < budgets
    share = c.cost[columns] / np.append(np.maximum(limits.budgets, 1), 1)[shared]
    use[models + shared[money], at[money]] = share[money]
    for pool in range(pools):
        use[models + budgets + pool] = c.takes(pool)[columns]
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(columns), len(use)
    model.col_cost_ = cost
    model.col_lower_, model.col_upper_ = np.zeros(len(columns)), np.ones(len(columns))
    ones = np.ones(models)
    model.row_lower_ = np.concatenate([ones, np.full(budgets + pools, -highspy.kHighsInf)])
    room = np.where(limits.budgets > 0, 1.0, 0.0)
    model.row_upper_ = np.concatenate([ones, room, limits.pools.astype(np.float64)])
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(columns)
    row, column = np.nonzero(use)
    order = np.lexsort((row, column))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.searchsorted(column[order], np.arange(len(columns) + 1))
    model.a_matrix_.index_ = row[order]
    model.a_matrix_.value_ = use[row[order], column[order]]
    return model

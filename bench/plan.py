"""How long the joint plan of a fleet takes, and how far from the best it is.

    python -m bench.plan --models 1000 --variants 5 --classes 3 --seed 0 --json

`seconds` is from the problem's data to the answer, on one core; `gap` the share by which the score
can be above the best; `hard_limits_ok` is checked here again, from the answer alone.
"""

from __future__ import annotations

import argparse
import json
import time

from bench.fleets import fleet
from trimtab.core.optimise.problem import Problem, Solution
from trimtab.core.optimise.solve import solve


def hard_limits_ok(problem: Problem, solution: Solution) -> bool:
    """Whether maxima, own and shared budgets and inventories hold, counted anew."""
    budgets, pools = list(problem.budgets_micro), list(problem.inventories)
    for demand, allotment in zip(problem.models, solution.models, strict=True):
        spent = sum(demand.options[r.option].price_micro * r.replicas for r in allotment.runs)
        replicas = sum(r.replicas for r in allotment.runs)
        own = demand.budget_micro
        if spent != allotment.cost_micro or (own is not None and spent > own):
            return False
        if replicas > demand.max_replicas or len(allotment.runs) > (2 if demand.mix else 1):
            return False
        if demand.shared is not None:
            budgets[demand.shared] -= spent
        for run in allotment.runs:
            pool = demand.options[run.option].pool
            left = pools[pool]
            pools[pool] = None if left is None else left - run.replicas
    return min(budgets, default=0) >= 0 and min((p for p in pools if p is not None), default=0) >= 0


def main() -> None:
    """Prints one result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--variants", type=int, default=5)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    asked = parser.parse_args()
    problem = fleet(asked.models, asked.variants, asked.classes, asked.seed)
    begun = time.perf_counter()
    solution = solve(problem)
    seconds = time.perf_counter() - begun
    result = {
        "models": asked.models,
        "seconds": round(seconds, 4),
        "gap": solution.gap,
        "hard_limits_ok": hard_limits_ok(problem, solution),
    }
    if asked.json:
        print(json.dumps(result))  # noqa: T201 - the result is the output
    else:
        print(  # noqa: T201
            f"{result['models']} models in {seconds:.3f} s, gap {solution.gap:.2%},"
            f" hard limits {'hold' if result['hard_limits_ok'] else 'BROKEN'}"
        )


if __name__ == "__main__":
    main()

"""How long the joint plan of a fleet takes, and how far from the best it is.

    python -m bench.plan --models 1000 --variants 5 --classes 3 --seed 0 --json
    python -m bench.plan --models 10,100,1000,10000 --seed 0,1,2

`seconds` is from the problem's data to the answer, on one core; `gap` the share by which the score
can be above the best; `hard_limits_ok` is checked here again, from the answer alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time

from bench.fleets import fleet
from trimtab.core.optimise.problem import Problem, Solution
from trimtab.core.optimise.solve import solve

_HEAD = "| models | seed | seconds | of CPU | gap | hard limits |\n|---|---|---|---|---|---|"


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
    """Prints one result, or a table where several sizes or seeds are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__)
    parser.add_argument("--models", type=_integers, default=[1000], help="one, or more with commas")
    parser.add_argument("--variants", type=int, default=5)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--seed", type=_integers, default=[0], help="one, or more with commas")
    parser.add_argument("--json", action="store_true", help="a JSON object for each, for machines")
    asked = parser.parse_args()
    if not asked.json:
        print(_HEAD)  # noqa: T201 - the result is the output
    for models, seed in itertools.product(asked.models, asked.seed):
        result, cpu_s = solved(models, asked.variants, asked.classes, seed)
        if asked.json:
            print(json.dumps(result))  # noqa: T201
            continue
        print(  # noqa: T201
            f"| {models} | {seed} | {result['seconds']:.3f} | {cpu_s:.3f} | {result['gap']:.2%} |"
            f" {'hold' if result['hard_limits_ok'] else 'BROKEN'} |",
            flush=True,
        )


def solved(
    models: int, variants: int, classes: int, seed: int
) -> tuple[dict[str, float | bool], float]:
    """One fleet's result, and the seconds of CPU time it took: a busy machine adds to the other."""
    problem = fleet(models, variants, classes, seed)
    begun, cpu_begun_s = time.perf_counter(), time.process_time()
    solution = solve(problem)
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_begun_s
    result = {
        "models": models,
        "seconds": round(seconds, 4),
        "gap": solution.gap,
        "hard_limits_ok": hard_limits_ok(problem, solution),
    }
    return result, cpu_s


def _integers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()

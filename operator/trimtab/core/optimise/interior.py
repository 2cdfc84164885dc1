"""The prices of the shared limits from the linear relaxation, by an interior-point method.

minimise f.y   with   sum of y over the rows of a model = 1,   U y + s = b,   y, s >= 0

Its dual is Lagrange's (dual.py), so its multipliers are the best prices. Mehrotra's
predictor-corrector (SIAM J. Optim. 2, 1992) with the structure put to use: a model's row of the
normal equations touches its own rows alone, a budget only its own models, so what is left to solve
densely is as large as there are inventories. Some 30 passes over the rows, whatever the scales.
einsum and not @, which would start threads for little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trimtab.core.optimise.candidates import Candidates, Ints
from trimtab.core.optimise.dual import Limits
from trimtab.core.optimise.score import Floats

_PASSES = 60
_TOLERANCE = 1e-6
_BACK = 0.995  # how far to the wall a step goes


@dataclass(frozen=True, slots=True)
class _Linear:
    """The relaxation, scaled: costs start at 0 in each model, limits are 1.

    group: the budget of a row's model (C; G where none); money: share of that budget a row takes
    (C); pools: share of each inventory (R, C); cost (C); unit: what a cost of 1 is in score.
    """

    model: Ints
    start: Ints
    groups: Ints
    money: Floats
    pools: Floats
    cost: Floats
    unit: float
    budgets: int

    def by_model(self, rows: Floats) -> Floats:
        """Sums over the rows of each model."""
        return np.asarray(np.add.reduceat(rows, self.start), dtype=np.float64)

    def by_limit(self, rows: Floats) -> tuple[Floats, Floats]:
        """What y = `rows` uses of budgets and pools."""
        money = self.by_budget(self.by_model(self.money * rows))
        return money, np.einsum("rc,c->r", self.pools, rows)

    def by_budget(self, models: Floats) -> Floats:
        """Sums over the models of each budget."""
        sums = np.bincount(self.groups, models, minlength=self.budgets + 1)
        return np.asarray(sums[: self.budgets], dtype=np.float64)

    def priced(self, models: Floats, budgets: Floats, pools: Floats) -> Floats:
        """The transpose: one number a row."""
        money = np.append(budgets, 0.0)[self.groups][self.model] * self.money
        rows = models[self.model] + money + np.einsum("r,rc->c", pools, self.pools)
        return np.asarray(rows, dtype=np.float64)


def interior_prices(candidates: Candidates, limits: Limits) -> tuple[Floats, Floats]:
    """(price of a micro-unit of each budget, price of a replica of each inventory)."""
    linear = _scaled(candidates, limits)
    budgets, pools = _solve(linear)
    return (
        np.maximum(budgets, 0.0) * linear.unit / np.maximum(limits.budgets, 1),
        np.maximum(pools, 0.0) * linear.unit / np.maximum(limits.pools, 1),
    )


def _scaled(candidates: Candidates, limits: Limits) -> _Linear:
    c = candidates
    least = np.minimum.reduceat(c.score, c.start)
    cost = c.score - least[c.model]
    positive = cost[cost > 0]
    unit = float(np.median(positive)) if len(positive) else 1.0
    budgets, pools = limits.sizes
    money = c.cost / np.append(np.maximum(limits.budgets, 1), 1)[c.shared][c.model]
    use = np.zeros((pools, len(c.model)))
    rows = np.arange(len(c.model))
    use[c.pool, rows] += c.count
    use[c.pool_second, rows] += c.count_second
    use /= np.maximum(limits.pools, 1)[:, None]
    return _Linear(c.model, c.start, c.shared, money, use, cost / unit, unit, budgets)


@dataclass(slots=True)
class _Point:
    """y, its reduced costs z; slacks of budgets and pools and their prices; prices of models."""

    y: Floats
    z: Floats
    slack: Floats
    price: Floats
    models: Floats

    def mean_product(self) -> float:
        """The duality measure."""
        total = float((self.y * self.z).sum() + (self.slack * self.price).sum())
        return total / (len(self.y) + len(self.slack))


def _solve(linear: _Linear) -> tuple[Floats, Floats]:
    count = linear.budgets + len(linear.pools)
    point = _start(linear, count)
    for _ in range(_PASSES):
        measure = point.mean_product()
        worth = abs(float((linear.cost * point.y).sum())) + 1e-12
        lack = 1.0 - linear.by_model(point.y)
        over = 1.0 - np.concatenate(linear.by_limit(point.y)) - point.slack
        budgets, pools = point.price[: linear.budgets], point.price[linear.budgets :]
        off = linear.cost - linear.priced(point.models, -budgets, -pools) - point.z
        wrong = abs(lack).max(initial=0.0)
        if wrong > 1e-5 or measure * (len(point.y) + count) <= _TOLERANCE * worth:
            break
        system = _System(linear, point)
        aim = system.step(lack, over, off, point.y * point.z, point.slack * point.price)
        reach = _reaches(point, aim)
        ahead = _moved(point, aim, *reach).mean_product()
        centre = (ahead / measure) ** 3 * measure
        target = point.y * point.z + aim.y * aim.z - centre
        target_slack = point.slack * point.price + aim.slack * aim.price - centre
        step = system.step(lack, over, off, target, target_slack)
        point = _moved(point, step, *(min(1.0, _BACK * r) for r in _reaches(point, step)))
    return point.price[: linear.budgets], point.price[linear.budgets :]


def _start(linear: _Linear, count: int) -> _Point:
    """Even shares, every limit half used, and every product of a number and its price the same:
    from the middle, steps are long."""
    sizes = np.diff(np.append(linear.start, len(linear.model)))
    y = 1.0 / sizes[linear.model]
    slack = np.ones(count)
    product = float(linear.cost.mean()) + 1e-3
    models = np.minimum.reduceat(linear.cost, linear.start) - product * sizes
    return _Point(y, product / y, slack, product / slack, models)


def _reaches(point: _Point, step: _Point) -> tuple[float, float]:
    """How far the step stays inside, of the shares and of the prices."""
    return (
        min(_reach(point.y, step.y), _reach(point.slack, step.slack)),
        min(_reach(point.z, step.z), _reach(point.price, step.price)),
    )


def _reach(at: Floats, step: Floats) -> float:
    falls = step < 0
    return min(1.0, float((at[falls] / -step[falls]).min())) if falls.any() else 1.0


def _moved(point: _Point, step: _Point, primal: float, dual: float) -> _Point:
    return _Point(
        point.y + primal * step.y,
        point.z + dual * step.z,
        point.slack + primal * step.slack,
        point.price + dual * step.price,
        point.models + dual * step.models,
    )


class _System:
    """The normal equations at a point, reduced to the limits and factored once for both steps.

    With centred uses (a row's use less the weighted mean of its model's) nothing cancels.
    """

    def __init__(self, linear: _Linear, point: _Point) -> None:
        self.linear, self.point = linear, point
        self.weight = point.y / point.z
        self.sum = linear.by_model(self.weight)
        self.mean_money = linear.by_model(self.weight * linear.money) / self.sum
        self.mean_pools = np.array(
            [linear.by_model(self.weight * p) / self.sum for p in linear.pools]
        ).reshape(len(linear.pools), len(self.sum))
        money = linear.money - self.mean_money[linear.model]
        pools = linear.pools - self.mean_pools[:, linear.model]
        heavy = self.weight * money
        slack = point.slack / point.price
        budgets = linear.budgets
        self.own = linear.by_budget(linear.by_model(heavy * money)) + slack[:budgets]
        self.cross = np.array(
            [linear.by_budget(linear.by_model(heavy * p)) for p in pools]
        ).reshape(len(pools), budgets)
        dense = np.einsum("rc,qc->rq", pools * self.weight, pools) + np.diag(slack[budgets:])
        self.dense = dense - (self.cross / self.own) @ self.cross.T
        self.dense += np.eye(len(pools)) * 1e-13 * (1.0 + np.trace(self.dense))

    def step(
        self, lack: Floats, over: Floats, off: Floats, product: Floats, product_slack: Floats
    ) -> _Point:
        """The Newton step that mends the residuals and takes the products to nothing."""
        linear, point = self.linear, self.point
        budgets = linear.budgets
        rows = self.weight * off + product / point.z
        of_models = lack + linear.by_model(rows)
        money, pools = linear.by_limit(rows)
        of_limits = over + np.concatenate([money, pools])
        # A limit's multiplier is minus its price, so its slack's reduced cost is the price.
        of_limits = of_limits + product_slack / point.price
        first = of_limits[:budgets] - linear.by_budget(self.mean_money * of_models)
        second = of_limits[budgets:] - self.mean_pools @ of_models
        tail = np.linalg.solve(self.dense, second - self.cross @ (first / self.own))
        head = (first - tail @ self.cross) / self.own
        mine = np.append(head, 0.0)[linear.groups] * self.mean_money
        models = of_models / self.sum - mine - tail @ self.mean_pools
        d_z = off - linear.priced(models, head, tail)
        d_y = -(product + point.y * d_z) / point.z
        d_price = -np.concatenate([head, tail])
        d_slack = -(product_slack + point.slack * d_price) / point.price
        return _Point(d_y, d_z, d_slack, d_price, models)

"""Closing the gap: the best whole choices of models that share limits, by enumeration.

At the prices of the limits, every choice has a reduced cost: how much worse it is, priced, than the
best of its model. A plan's score is the bound, plus its reduced costs, plus what it leaves of every
limit at its price. So a plan better than the one at hand has less than the gap of both: few choices
of each model can be in it, and those are enumerated (states.py).

First each budget's models on their own, inventories at their prices: what their best plan loses
raises the bound. Then all budgets' plans and the other models together, inventories counted.
"""

from __future__ import annotations

import numpy as np

from trimtab.core.optimise.candidates import Candidates, Ints
from trimtab.core.optimise.dual import Limits, Priced, priced_scores
from trimtab.core.optimise.score import Floats
from trimtab.core.optimise.search import Standing, improve, make_way
from trimtab.core.optimise.states import States, combined

_GOOD_ENOUGH = 4e-3  # a gap that is not worth more time
_STATES_OF_BUDGET = 4000
_STATES = 20000
_PARTS = 200  # with more models left to choose for, the states drown in each other


def tighten(
    candidates: Candidates, limits: Limits, found: Priced, standing: Standing
) -> tuple[Ints, float]:
    """(rows that score no more than those of `standing`, a bound no lower than that of `found`)."""
    if _close(standing, found.bound):
        return standing.rows, found.bound
    work = _Work(candidates, limits, found)
    losses = work.by_budget(standing)
    bound = found.bound + float(losses.sum())
    if not _close(standing, bound):
        rows, above = work.together(standing, losses)
        if rows is not None:
            better = Standing(candidates, limits, rows)
            # Counted anew: whatever an enumeration says, no limit is ever broken.
            standing = better if better.keeps else standing
            improve(standing, found)
        bound = max(bound, found.bound + above)
    return standing.rows, min(bound, standing.score)


def _close(standing: Standing, bound: float) -> bool:
    return standing.score - bound <= _GOOD_ENOUGH * abs(standing.score)


class _Work:
    """The reduced costs, and the models of each budget that binds."""

    def __init__(self, candidates: Candidates, limits: Limits, found: Priced) -> None:
        c = candidates
        self.candidates, self.limits, self.found = c, limits, found
        worth = priced_scores(c, found.budget_prices, found.pool_prices)
        self.reduced = worth - np.minimum.reduceat(worth, c.start)[c.model]
        self.ends = np.append(c.start, len(c.model))
        order = np.argsort(c.shared, kind="stable")
        cuts = np.searchsorted(c.shared[order], np.arange(limits.sizes[0] + 1))
        self.budgets = np.flatnonzero(found.budget_prices > 0)
        self.members = [order[cuts[b] : cuts[b + 1]] for b in self.budgets]

    def by_budget(self, standing: Standing) -> Floats:
        """What the best plan of each budget's models alone loses at least, and its moves made."""
        losses = np.zeros(len(self.budgets))
        moved = False
        for i, models in enumerate(self.members):
            now = standing.rows[models]
            states = self._plans(i, self._above(i, now), pools=False, most=_STATES_OF_BUDGET)
            losses[i] = states.least
            rows = states.best_rows()
            if rows is not None:
                changed = sorted(set(rows.tolist()) - set(now.tolist()))
                moved |= make_way(standing, self.reduced, *changed)
        if moved:
            improve(standing, self.found)
        return losses

    def together(self, standing: Standing, losses: Floats) -> tuple[Ints | None, float]:
        """(a better plan of all models, None where none was found; how far above the found bound
        every plan is at least)."""
        gap = standing.score - self.found.bound
        slack = gap - float(losses.sum())
        models = len(self.candidates.start)
        # Most models have one choice left that loses less than the gap: those need no list each.
        several = np.add.reduceat(self.reduced < slack, self.candidates.start) > 1
        if np.count_nonzero(several) > _PARTS:
            return None, float(losses.sum())
        bound_models = set(np.concatenate([np.array([], int), *self.members]).tolist())
        alone = [m for m in range(models) if m not in bound_models]
        fixed = np.array([m for m in alone if not several[m]], dtype=np.int64)
        parts = [
            self._plans(i, losses[i] + slack, pools=True, most=_STATES).less(losses[i])
            for i in range(len(self.budgets))
        ]
        parts += [self._choices(m, slack, self._pool_uses(m)) for m in alone if several[m]]
        left = self.limits.pools - self.candidates.pool_use(
            self.found.rows[fixed], len(self.limits.pools)
        )
        states = combined(parts, left, slack, _STATES)
        whole = states.closed(self.found.pool_prices, left, slack)
        rows = whole.best_rows()
        base = float(losses.sum())
        if rows is None:
            return None, base + min(slack, whole.least)
        rows = np.append(rows, self.found.rows[fixed])
        return rows[np.argsort(self.candidates.model[rows])], base + whole.least

    def _above(self, i: int, rows: Ints) -> float:
        """How far the choices `rows` of a budget's models are above the bound."""
        budget = self.budgets[i]
        left = self.limits.budgets[budget] - self.candidates.cost[rows].sum()
        return float(self.reduced[rows].sum() + self.found.budget_prices[budget] * left)

    def _plans(self, i: int, above: float, *, pools: bool, most: int) -> States:
        """Plans of one budget's models that keep it and lose less than `above`."""
        budget = self.budgets[i]
        left = self.limits.budgets[budget : budget + 1]
        price = self.found.budget_prices[budget : budget + 1]
        c = self.candidates
        parts = []
        for m in self.members[i]:
            cost = c.cost[self.ends[m] : self.ends[m + 1]][None, :]
            uses = np.vstack([cost, self._pool_uses(m)]) if pools else cost
            parts.append(self._choices(m, above, uses))
        room = np.append(left, self.limits.pools) if pools else left
        states = combined(parts, room, above, most, price)
        return states.closed(price, left, above)

    def _choices(self, model: int, above: float, uses: Ints) -> States:
        """The rows of one model that lose less than `above`."""
        begin, end = self.ends[model], self.ends[model + 1]
        keep = np.flatnonzero(self.reduced[begin:end] < above)
        return States(self.reduced[begin:end][keep], uses[:, keep], (begin + keep)[None, :], np.inf)

    def _pool_uses(self, model: int) -> Ints:
        """What every row of a model takes of each inventory (R, rows)."""
        c = self.candidates
        rows = slice(self.ends[model], self.ends[model + 1])
        uses = np.zeros((self.limits.sizes[1], rows.stop - rows.start), dtype=np.int64)
        at = np.arange(uses.shape[1])
        uses[c.pool[rows], at] += c.count[rows]
        uses[c.pool_second[rows], at] += c.count_second[rows]
        return uses

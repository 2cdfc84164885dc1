"""Whole choices that keep every limit: from the prices' choices to a feasible plan, then better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.core.optimise.candidates import Candidates, Ints
from trimtab.core.optimise.dual import Limits, Priced, priced_scores
from trimtab.core.optimise.score import Floats

_ROUNDS = 30
_TRIES = 60  # exchanges tried in one round, the most promising first
_PARTNERS = 8  # models that give way to one
_LOOKS = 32
_EPSILON = 1e-9


class Standing:
    """One choice a model, with what it leaves of every limit. Every move keeps all of them."""

    def __init__(self, candidates: Candidates, limits: Limits, rows: Ints) -> None:
        self.candidates, self.rows = candidates, rows.copy()
        budgets, pools = limits.sizes
        left = limits.budgets - candidates.budget_use(rows, budgets)
        # One more budget that holds everything, for the models that share none.
        self.money = np.append(left, np.iinfo(np.int64).max // 4)
        self.free = limits.pools - candidates.pool_use(rows, pools)
        self._takes: dict[int, Ints] = {}

    @property
    def score(self) -> float:
        """Of all choices together; lower is better."""
        return float(self.candidates.score[self.rows].sum())

    @property
    def keeps(self) -> bool:
        """Whether every shared limit holds."""
        return bool(self.money.min() >= 0 and self.free.min(initial=0) >= 0)

    def fits(self, *rows: int) -> bool:
        """Whether the models of `rows` can all move there, all others staying."""
        return all(n <= 0 or n <= self.left(key) for key, n in self.needs(*rows).items())

    def move(self, *rows: int) -> None:
        """The models of `rows` run those from now on."""
        for key, amount in self.needs(*rows).items():
            if key < 0:
                self.money[-1 - key] -= amount
            else:
                self.free[key] -= amount
        for row in rows:
            self.rows[self.candidates.model[row]] = row

    def left(self, key: int) -> int:
        """What is free of an inventory, or of budget b where the key is -1 - b."""
        return int(self.money[-1 - key] if key < 0 else self.free[key])

    def needs(self, *rows: int) -> dict[int, int]:
        """What moving to `rows`, of one model each, takes more of each limit, by `left`'s key."""
        c = self.candidates
        need: dict[int, int] = {}
        for row in rows:
            model = c.model[row]
            old = self.rows[model]
            key = -1 - int(c.shared[model])
            need[key] = need.get(key, 0) + int(c.cost[row] - c.cost[old])
            for at, sign in ((row, 1), (old, -1)):
                for pools, counts in ((c.pool, c.count), (c.pool_second, c.count_second)):
                    pool = int(pools[at])
                    need[pool] = need.get(pool, 0) + sign * int(counts[at])
        return need

    def takes(self, pool: int) -> Ints:
        """Replicas of one inventory, by row."""
        if pool not in self._takes:
            self._takes[pool] = self.candidates.takes(pool)
        return self._takes[pool]

    def gains(self) -> Floats:
        """By row: how much the score would change if its model moved there."""
        c = self.candidates
        return c.score - c.score[self.rows][c.model]

    def possible(self) -> NDArray[np.bool_]:
        """By row: whether its model could move there, all others staying."""
        c, old = self.candidates, self.rows
        money = self.money[c.shared] + c.cost[old]
        fits: NDArray[np.bool_] = c.cost <= money[c.model]
        for pool in np.flatnonzero(self.free < 1 << 30):
            takes = self.takes(int(pool))
            fits &= takes <= self.free[pool] + takes[old][c.model]
        return fits


def begin(candidates: Candidates, limits: Limits, least: Ints) -> Standing:
    """Nothing for anyone, then the minimum (`least`, by model) for everyone whom it fits, then what
    gains most: a plan that is good enough to tell which choices no good plan holds."""
    c = candidates
    standing = Standing(c, limits, c.start)
    enough = np.flatnonzero(c.count + c.count_second >= np.maximum(least, 1)[c.model])
    enough = enough[np.lexsort((enough, c.cost[enough], -c.score[c.start][c.model[enough]]))]
    served = np.zeros(len(c.start), dtype=bool)
    for row in enough.tolist():
        model = c.model[row]
        if not served[model] and standing.fits(row):
            standing.move(row)
            served[model] = True
    free = np.zeros(limits.sizes[0]), np.zeros(limits.sizes[1])
    _single_moves(standing, priced_scores(c, *free))
    return standing


def repaired(candidates: Candidates, limits: Limits, found: Priced) -> Standing:
    """The choices at the prices, with as little moved as brings every limit back: of all moves that
    free some of what is overused, the one that is least worse at the prices for what it frees."""
    c = candidates
    standing = Standing(c, limits, found.rows)
    reduced = priced_scores(c, found.budget_prices, found.pool_prices)
    for pool in np.flatnonzero(standing.free < 0):
        rows = np.flatnonzero(np.isin(c.model, c.model[c.takes(int(pool)) > 0]))
        while standing.free[pool] < 0:
            standing.move(_freeing(standing, reduced, rows, int(pool)))
    over = np.flatnonzero(standing.money < 0)
    for budget in over:
        rows = np.flatnonzero(c.shared[c.model] == budget)
        while standing.money[budget] < 0:
            standing.move(_freeing(standing, reduced, rows, -1 - int(budget)))
    return standing


def _freeing(standing: Standing, reduced: Floats, rows: Ints, key: int) -> int:
    """Of `rows`, the move that frees some of a limit at the least reduced cost."""
    c, old = standing.candidates, standing.rows
    now = old[c.model[rows]]
    use = c.cost if key < 0 else standing.takes(key)
    freed = np.minimum(use[now] - use[rows], -standing.left(key))
    able = np.flatnonzero(freed > 0)
    price = (reduced[rows] - reduced[now])[able] / freed[able]
    for row in rows[able[_least(price, _LOOKS)]]:
        if standing.fits(int(row)):
            return int(row)
    # Nothing at all takes none of any other limit.
    begins = able[rows[able] == c.start[c.model[rows[able]]]]
    return int(rows[begins[np.argmin(reduced[rows[begins]] - reduced[now[begins]])]])


def improve(standing: Standing, found: Priced, rounds: int = _ROUNDS) -> None:
    """Moves one model, or lets others give way to one, for as long as the score falls."""
    c = standing.candidates
    reduced = priced_scores(c, found.budget_prices, found.pool_prices)
    for _ in range(rounds):
        before = standing.score
        _single_moves(standing, reduced)
        _exchanges(standing, reduced)
        if standing.score >= before - _EPSILON * abs(before):
            return


def _single_moves(standing: Standing, reduced: Floats) -> None:
    """Best gain per priced use first: add, drop, swap, each model to its best row that fits."""
    c = standing.candidates
    for _ in range(_ROUNDS):
        gains = standing.gains()
        good = gains < -_EPSILON * np.maximum(1.0, c.score[standing.rows])[c.model]
        good &= standing.possible()
        if not good.any():
            return
        worth = np.where(good, reduced - reduced[standing.rows][c.model], np.inf)
        order = np.flatnonzero(good)
        order = order[np.lexsort((order, worth[order]))]
        _, lead = np.unique(c.model[order], return_index=True)
        for row in order[np.sort(lead)]:
            if standing.fits(int(row)):
                standing.move(int(row))


def _exchanges(standing: Standing, reduced: Floats) -> None:
    """One model takes what others give up, where all together score less.

    Worth a try is what is better at the prices too: the rest is kept by nothing but chance.
    """
    c = standing.candidates
    worth = reduced - reduced[standing.rows][c.model]
    wish = np.flatnonzero((worth < -_EPSILON) & (standing.gains() < -_EPSILON))
    for row in wish[np.argsort(worth[wish], kind="stable")[:_TRIES]]:
        make_way(standing, reduced, int(row))


def make_way(standing: Standing, reduced: Floats, *rows: int) -> bool:
    """Moves the models of `rows` there, and others out of their way, the least worse at the prices
    first (`reduced`), where all together score less; else nothing changes."""
    group = list(rows)
    gains = standing.gains()
    while gains[group].sum() < -_EPSILON:
        if standing.fits(*group):
            standing.move(*group)
            return True
        more = len(group) < len(rows) + _PARTNERS
        partner = _partner(standing, group, gains, reduced) if more else -1
        if partner < 0:
            return False
        group.append(partner)
    return False


def _partner(standing: Standing, group: list[int], gains: Floats, reduced: Floats) -> int:
    """The row of another model that makes room for those of `group`, the least worse at the prices
    for what it frees; -1 where none does for less than the gain.

    One that lacks nothing itself comes first. Else the best of all: who makes room for it is found
    next, and what it takes of other limits is in its price.
    """
    c, old = standing.candidates, standing.rows
    needs = standing.needs(*group)
    key = next(k for k, amount in needs.items() if amount > max(0, standing.left(k)))
    short = needs[key] - standing.left(key)
    use = np.where(c.shared[c.model] == -1 - key, c.cost, 0) if key < 0 else standing.takes(key)
    freed = use[old][c.model] - use
    able = np.flatnonzero((freed > 0) & (gains + gains[group].sum() < -_EPSILON))
    able = able[~np.isin(c.model[able], c.model[group])]
    worse = reduced[able] - reduced[old][c.model[able]]
    price = worse / np.minimum(freed[able], short)
    best = able[_least(price, _LOOKS)].tolist()
    for partner in best:
        more = standing.needs(partner)
        if all(n <= 0 or needs.get(k, 0) + n <= standing.left(k) for k, n in more.items()):
            return int(partner)
    alone = standing.possible()[able]
    if alone.any():
        return int(able[alone][np.argmin(price[alone])])
    return best[0] if best else -1


def _least(values: Floats, most: int) -> Ints:
    """Where the least values are, in order, of equals the first; at most so many."""
    if len(values) > most:
        edge = np.partition(values, most)[most]
        near = np.flatnonzero(values <= edge)
        return near[np.argsort(values[near], kind="stable")[:most]]
    return np.asarray(np.argsort(values, kind="stable"), dtype=np.int64)

"""Every choice each model has, in flat arrays: one row a choice, the rows of a model together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.core.optimise.mixes import mixed_counts
from trimtab.core.optimise.options import Options, flat_options
from trimtab.core.optimise.problem import Problem
from trimtab.core.optimise.score import (
    SEGMENTS,
    TRAFFIC_MARGIN,
    Floats,
    Weights,
    missing_share,
    weights_of,
)

Ints = NDArray[np.int64]

# Up to so many replicas every count is a choice. Beyond, only those next to a corner of the
# shortage: between two corners score and price are straight lines, so the best is at an end.
_EVERY_COUNT = 24
_HULL_PASSES = 8


@dataclass(frozen=True, slots=True)
class Candidates:
    """C choices of M models; rows sorted by model, the first row of each runs nothing.

    model, start: the model of a row (C) and the first row of a model (M). first, second: options
    (flat index) that run, and `count`, `count_second` of them; a missing second is the first with
    count 0. pool, pool_second: their inventories. cost: micro-units per hour. score: what the
    choice scores before any price of a shared limit.
    shared: the budget of the model (M), G where it has none.
    """

    model: Ints
    start: Ints
    first: Ints
    count: Ints
    second: Ints
    count_second: Ints
    pool: Ints
    pool_second: Ints
    cost: Ints
    score: Floats
    shared: Ints
    options: Options

    def only(self, keep: NDArray[np.bool_], worst: Floats) -> Candidates:
        """Those rows alone, none worse than the `worst` of its model (M); one of each must stay."""
        model = self.model[keep]
        start = np.searchsorted(model, np.arange(len(self.start)))
        return Candidates(
            model,
            start,
            self.first[keep],
            self.count[keep],
            self.second[keep],
            self.count_second[keep],
            self.pool[keep],
            self.pool_second[keep],
            self.cost[keep],
            np.minimum(self.score[keep], worst[model]),
            self.shared,
            self.options,
        )

    def convex(self) -> NDArray[np.bool_]:
        """False where two other counts of the same option, mixed, use as much and score no more:
        no linear price makes such a row the only best one."""
        single = np.flatnonzero((self.count_second == 0) & (self.count > 0))
        single = single[np.lexsort((self.count[single], self.first[single]))]
        keep = np.ones(len(self.model), dtype=bool)
        for _ in range(_HULL_PASSES):
            row, before, after = single[1:-1], single[:-2], single[2:]
            option, count = self.first, self.count.astype(np.float64)
            inside = (option[before] == option[row]) & (option[after] == option[row])
            width = np.maximum(count[after] - count[before], 1.0)
            share = (count[row] - count[before]) / width
            chord = self.score[before] + share * (self.score[after] - self.score[before])
            beaten = inside & (self.score[row] > chord)
            if not beaten.any():
                break
            keep[row[beaten]] = False
            single = single[keep[single]]
        return keep

    def takes(self, pool: int) -> Ints:
        """Replicas of one inventory, by row (C)."""
        first = np.where(self.pool == pool, self.count, 0)
        return first + np.where(self.pool_second == pool, self.count_second, 0)

    def pool_use(self, rows: Ints, pools: int) -> Ints:
        """Replicas of each inventory that these rows take together (an array of `pools`)."""
        use = np.bincount(self.pool[rows], self.count[rows], minlength=pools)
        use += np.bincount(self.pool_second[rows], self.count_second[rows], minlength=pools)
        return use.astype(np.int64)

    def budget_use(self, rows: Ints, budgets: int) -> Ints:
        """Money that these rows, one a model, take of each shared budget."""
        use = np.zeros(budgets + 1, dtype=np.int64)
        np.add.at(use, self.shared[self.model[rows]], self.cost[rows])
        return use[:budgets]


def candidates_of(problem: Problem, *, every: bool = False) -> Candidates:
    """All choices that keep what is the model's own: maximum, budget, one option or a mix.

    `every`: also counts and lone options that cannot be part of a better plan than the rest.
    """
    options = flat_options(problem)
    weights = weights_of(problem)
    single, count = _single_counts(options, every=every)
    pairs = mixed_counts(problem, options)
    nothing = np.full(len(problem.models), -1, dtype=np.int64)
    zero = np.zeros_like(nothing)
    first = np.concatenate([nothing, single, pairs[0]])
    counts = np.concatenate([zero, count, pairs[1]])
    second = np.concatenate([nothing, single, pairs[2]])
    counts2 = np.concatenate([zero, np.zeros_like(count), pairs[3]])
    owner = np.concatenate(
        [np.arange(len(problem.models)), options.model[single], options.model[pairs[0]]]
    )
    order = np.argsort(owner, kind="stable")
    rows = [a[order] for a in (owner, first, counts, second, counts2)]
    return _scored(problem, options, weights, rows)


def _scored(problem: Problem, options: Options, weights: Weights, rows: list[Ints]) -> Candidates:
    owner, first, count, second, count2 = rows
    # A row that runs nothing points at option 0 with count 0, which adds nothing anywhere.
    first, second = np.maximum(first, 0), np.maximum(second, 0)
    cost = options.price[first] * count + options.price[second] * count2
    keep = (cost <= options.budget[owner]) & (count + count2 <= options.most[owner])
    keep &= _fits_alone(problem, options, owner, (first, count, second, count2, cost))
    owner, first, count = owner[keep], first[keep], count[keep]
    second, count2, cost = second[keep], count2[keep], cost[keep]
    rate = options.rate[owner]
    capacity, capacity2 = options.capacity[first] * count, options.capacity[second] * count2
    carried = capacity + capacity2
    share = np.divide(carried, rate, out=np.ones_like(rate), where=rate > 0)
    score = cost + options.switch[first] * count + options.switch[second] * count2
    missed = missing_share(share)
    runs = np.divide(options.running[owner], rate, out=np.ones_like(rate), where=rate > 0)
    missed = missed + problem.keep * np.maximum(0.0, missed - missing_share(runs))
    equal = np.floor((carried + 1e-9) / options.capacity[first]).astype(np.int64)
    missed = _as_told(options, missed, owner, first, np.where(count2 > 0, equal, count))
    score = score + weights.shortage[owner] * rate * missed
    lacking = np.maximum(0, options.least[owner] - count - count2)
    score += weights.first[owner] * lacking
    traffic = options.traffic[owner]
    served = _served_by_first(options, traffic, (first, capacity), (second, capacity2))
    worse = options.loss[first] * served + options.loss[second] * (1.0 - served)
    # What runs nothing serves nothing badly: its shortage says it all.
    score += weights.accuracy * traffic * np.where(carried > 0, worse, 0.0)
    start = np.searchsorted(owner, np.arange(len(problem.models)))
    return Candidates(
        owner,
        start.astype(np.int64),
        first,
        count,
        second,
        count2,
        options.pool[first],
        options.pool[second],
        cost,
        score,
        options.shared,
        options,
    )


def _served_by_first(
    options: Options, rate: Floats, one: tuple[Ints, Floats], other: tuple[Ints, Floats]
) -> Floats:
    """By row: the share of the traffic that the first option of a mix gets, as the weights have it:
    the more accurate is filled first, with room for bursts, and the other gets the rest; of what is
    more than both carry each gets as much as it carries of it.

    By capacity alone, a fast variant that has just started would look as if it took half of the
    traffic, and a replica of the accurate one, which takes it back, not worth its price.
    """
    (first, carries), (second, carries2) = one, other
    # Short of that room both are filled alike, and together they are all there is.
    load = np.minimum(rate * TRAFFIC_MARGIN, carries + carries2)
    accurate = options.loss[first] <= options.loss[second]
    filled = np.where(accurate, carries, carries2)
    share = np.minimum(1.0, np.divide(filled, load, out=np.ones_like(load), where=load > 0))
    return np.where(accurate, share, 1.0 - share)


def _as_told(options: Options, missed: Floats, owner: Ints, first: Ints, count: Ints) -> Floats:
    """By row: what the option says is missed with so many, where it says so; with none, the most
    that any of the model's says."""
    tells = np.flatnonzero(options.told > 0)
    if not len(tells):
        return missed
    begin = np.cumsum(options.told) - options.told
    missed = missed.copy()
    none = np.zeros(len(options.rate))
    np.maximum.at(none, options.model[tells], options.missed[begin[tells]])
    nothing = count == 0
    missed[nothing] = np.maximum(missed[nothing], none[owner[nothing]])
    told = np.flatnonzero((options.told[first] > 0) & ~nothing)
    option = first[told]
    missed[told] = options.missed[begin[option] + np.minimum(count[told], options.told[option] - 1)]
    return missed


def _fits_alone(
    problem: Problem, options: Options, owner: Ints, rows: tuple[Ints, ...]
) -> NDArray[np.bool_]:
    """Whether every shared limit holds it while nobody else takes anything."""
    first, count, second, count2, cost = rows
    most = np.iinfo(np.int64).max
    money = np.array([max(0, b) for b in problem.budgets_micro] + [most])
    free = np.array([most if i is None else max(0, i) for i in problem.inventories], dtype=np.int64)
    pool, pool2 = options.pool[first], options.pool[second]
    together = np.where(pool == pool2, count + count2, count)
    return (
        (cost <= money[options.shared[owner]]) & (together <= free[pool]) & (count2 <= free[pool2])
    )


def _single_counts(options: Options, *, every: bool) -> tuple[Ints, Ints]:
    """(option, replicas) of every choice that runs one option."""
    kept = np.flatnonzero(options.kept | every)
    top = options.top[kept]
    few = (top <= _EVERY_COUNT) | (options.told[kept] > 0) | every
    option = np.repeat(kept[few], top[few])
    ends = np.cumsum(top[few])
    count = np.arange(len(option)) - np.repeat(ends - top[few], top[few]) + 1
    many, counts = _corner_counts(options, kept[~few])
    return np.concatenate([option, many]), np.concatenate([count, counts])


def _corner_counts(options: Options, many: Ints) -> tuple[Ints, Ints]:
    """The counts on both sides of each corner of the shortage, and next to the bounds."""
    if not len(many):
        return many, many
    model = options.model[many]
    whole = (options.rate[model] / options.capacity[many])[:, None]
    corners = whole * np.linspace(0.0, 1.0, SEGMENTS + 1)[None, :]
    top = options.top[many][:, None]
    least = options.least[model][:, None]
    running = (options.running[model] / options.capacity[many])[:, None]
    corners = np.concatenate([corners, running], axis=1)
    counts = np.concatenate(
        [np.floor(corners), np.ceil(corners - 1e-9), top, top - 1, least, np.ones_like(top)], axis=1
    )
    counts = np.sort(np.clip(counts.astype(np.int64), 1, top), axis=1)
    fresh = np.ones_like(counts, dtype=bool)
    fresh[:, 1:] = counts[:, 1:] != counts[:, :-1]
    row, column = np.nonzero(fresh)
    return many[row], counts[row, column]

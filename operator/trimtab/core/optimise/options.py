"""The options of all models in flat arrays, without those that another is never worse than."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from trimtab.core.optimise.problem import Goal, Problem

_NO_BUDGET = np.iinfo(np.int64).max
_MANY = 1_000_000_000  # replicas, more than any maximum


@dataclass(frozen=True, slots=True)
class Options:
    """O options of M models, those of a model together.

    By option: model, pool, capacity (requests/s), price and switch (micro-units), loss (accuracy
    lacking to the model's best; 0 where accuracy is no goal), top (the most replicas worth a
    thought), kept (False where another is never worse). By model: begin (its first option), rate,
    traffic (what of it arrives), running (requests/s of what runs), least, most, budget (its own),
    shared (index of the budget it shares, G where it shares none).
    """

    model: NDArray[np.int64]
    pool: NDArray[np.int64]
    capacity: NDArray[np.float64]
    price: NDArray[np.int64]
    switch: NDArray[np.int64]
    loss: NDArray[np.float64]
    top: NDArray[np.int64]
    kept: NDArray[np.bool_]
    begin: NDArray[np.int64]
    rate: NDArray[np.float64]
    traffic: NDArray[np.float64]
    running: NDArray[np.float64]
    least: NDArray[np.int64]
    most: NDArray[np.int64]
    budget: NDArray[np.int64]
    shared: NDArray[np.int64]
    told: NDArray[np.int64]
    missed: NDArray[np.float64]


def flat_options(problem: Problem) -> Options:
    """One pass over the problem's data."""
    models = problem.models
    sizes = np.array([len(m.options) for m in models], dtype=np.int64)
    model = np.repeat(np.arange(len(models)), sizes)
    options = list(chain.from_iterable(m.options for m in models))
    capacity = np.array([o.capacity_rate for o in options], dtype=np.float64)
    price = np.array([o.price_micro for o in options], dtype=np.int64)
    accuracy = np.array([o.accuracy for o in options], dtype=np.float64)
    switch = np.array([o.switch_micro for o in options], dtype=np.int64)
    pool = np.array([o.pool for o in options], dtype=np.int64)
    rate = np.array([m.rate for m in models], dtype=np.float64)
    traffic = np.array(
        [m.rate if m.traffic_rate is None else min(m.traffic_rate, m.rate) for m in models],
        dtype=np.float64,
    )
    running = np.array([m.running_rate for m in models], dtype=np.float64)
    least = np.array([m.min_replicas for m in models], dtype=np.int64)
    most = np.array([m.max_replicas for m in models], dtype=np.int64)
    budget = np.array(
        [_NO_BUDGET if m.budget_micro is None else m.budget_micro for m in models], dtype=np.int64
    )
    none = len(problem.budgets_micro)
    shared = np.array([none if m.shared is None else m.shared for m in models], dtype=np.int64)
    matters = np.array([m.goal is Goal.MOST_ACCURACY for m in models], dtype=bool)
    best = np.zeros(len(models))
    np.maximum.at(best, model, accuracy)
    loss = np.where(matters[model], best[model] - accuracy, 0.0)
    needed = np.maximum(least[model], replicas_for(rate[model], capacity))
    money = budget[model] // np.maximum(price, 1)
    told = np.array([len(o.missed) for o in options], dtype=np.int64)
    needed = np.where(told > 0, np.maximum(least[model], told - 1), needed)
    top = np.minimum(np.minimum(needed, most[model]), np.where(price > 0, money, needed))
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    kept = (told > 0) | _undominated(sizes, begin, (pool, capacity, price, switch, loss))
    kept &= top > 0
    missed = np.fromiter(chain.from_iterable(o.missed for o in options), dtype=np.float64)
    by_option = (model, pool, capacity, price, switch, loss, top, kept)
    by_model = (begin, rate, traffic, running, least, most, budget, shared)
    return Options(*by_option, *by_model, told, missed)


def replicas_for(rate: NDArray[np.float64], capacity: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of that capacity carry that rate.

    Up to a bound: of 1e15 requests/s a tiny replica carries so little that the number does not fit
    64 bits, and what numpy makes of it is less than nothing.
    """
    whole: NDArray[np.int64] = np.ceil(np.minimum(rate / capacity, _MANY) - 1e-9).astype(np.int64)
    return whole


def _undominated(
    sizes: NDArray[np.int64],
    begin: NDArray[np.int64],
    columns: tuple[NDArray[np.int64] | NDArray[np.float64], ...],
) -> NDArray[np.bool_]:
    """False where another option of the model and pool is at least as good in everything; of
    equals the first stays."""
    pool, capacity, price, switch, loss = columns
    kept = np.ones(len(pool), dtype=bool)
    for size in np.unique(sizes):
        if size < 2:
            continue
        rows = begin[sizes == size][:, None] + np.arange(size)[None, :]

        def pair(
            column: NDArray[np.int64] | NDArray[np.float64],
            rows: NDArray[np.int64] = rows,
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            values = column[rows].astype(np.float64)
            return values[:, :, None], values[:, None, :]

        same = np.equal(*pair(pool))
        no_worse = (
            same
            & np.less_equal(*pair(capacity))
            & np.greater_equal(*pair(price))
            & np.greater_equal(*pair(switch))
            & np.greater_equal(*pair(loss))
        )  # [m, i, j]: j is at least as good as i
        both = no_worse & no_worse.transpose(0, 2, 1)
        earlier = np.tri(int(size), k=-1, dtype=bool)[None, :, :]
        beaten = (no_worse & ~both) | (both & earlier)
        kept[rows] = ~beaten.any(axis=2)
    return kept

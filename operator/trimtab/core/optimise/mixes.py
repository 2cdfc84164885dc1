"""Choices that run two options side by side, for models whose routing can weigh the traffic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.core.optimise.options import Options, replicas_for
from trimtab.core.optimise.problem import Problem

Ints = NDArray[np.int64]

_MOST_OF_FIRST = 16  # replicas of the first option in a mix; beyond, a mix saves next to nothing


def mixed_counts(problem: Problem, options: Options) -> tuple[Ints, Ints, Ints, Ints]:
    """(option, replicas, other option, its replicas), one array each.

    For every ordered pair of a model's options worth a thought: so many of the first as do not
    carry the load alone, with just enough of the other to carry it, and with one fewer (what a
    model gets that has to do with a little less).
    """
    mixing = np.array([m.mix for m in problem.models], dtype=bool)
    kept = (
        np.flatnonzero(options.kept & mixing[options.model]) if len(mixing) else np.array([], int)
    )
    one, other = _pairs(options.model[kept])
    one, other = kept[one], kept[other]
    rate = options.rate[options.model[one]]
    alone = replicas_for(rate, options.capacity[one])
    most = np.minimum(options.top[one], _MOST_OF_FIRST)
    times = np.minimum(np.maximum(alone - 1, 0), most)
    row = np.repeat(np.arange(len(one)), times)
    count = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times) + 1
    rest = rate[row] - count * options.capacity[one[row]]
    enough = replicas_for(rest, options.capacity[other[row]])
    first, second = np.tile(one[row], 2), np.tile(other[row], 2)
    counts, counts2 = np.tile(count, 2), np.concatenate([enough, enough - 1])
    good = (counts2 > 0) & (counts + counts2 <= options.most[options.model[first]])
    return first[good], counts[good], second[good], counts2[good]


def _pairs(model: Ints) -> tuple[Ints, Ints]:
    """All ordered pairs of distinct rows of the same model; rows of a model lie together."""
    if not len(model):
        return model, model
    _, begin, sizes = np.unique(model, return_index=True, return_counts=True)
    left = np.repeat(np.arange(len(model)), np.repeat(sizes, sizes))
    ends = np.cumsum(np.repeat(sizes, sizes))
    within = np.arange(len(left)) - np.repeat(
        ends - np.repeat(sizes, sizes), np.repeat(sizes, sizes)
    )
    right = np.repeat(np.repeat(begin, sizes), np.repeat(sizes, sizes)) + within
    different = left != right
    return left[different], right[different]

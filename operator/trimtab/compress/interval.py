"""How sure a figure is: intervals at 95 % for accuracies, their differences, and medians."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

_Z95 = 1.959963984540054
Interval = tuple[float, float]
_Array = npt.NDArray[Any]


def wilson(correct: int, total: int) -> Interval:
    """The 95 % Wilson score interval of a proportion; honest also close to 0 and 1."""
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is not a proportion")
    share = correct / total
    scale = 1 + _Z95**2 / total
    centre = (share + _Z95**2 / (2 * total)) / scale
    half = _Z95 / scale * sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    # Rounding may not push an end past the share itself, which matters at 0 and at 1.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def mean(scores: _Array) -> Interval:
    """Of the mean of [n] scores from 0 to 1: Wilson's where all are 0 or 1, else the normal one."""
    if _is_proportion(scores):
        return wilson(int(scores.sum()), len(scores))
    low, high = _normal(scores)
    return max(0.0, low), min(1.0, high)


def drop(before: _Array, after: _Array) -> Interval:
    """Of mean(before) - mean(after), where both are [n] scores of the same items.

    For proportions Newcombe's square-and-add of Wilson intervals with the pairs' correlation
    (Statistics in Medicine 17, 1998, p. 2635, method 10): the same items are easy or hard for both,
    so the difference is known better than either figure. Else the normal one of the differences.
    """
    if not (_is_proportion(before) and _is_proportion(after)):
        return _normal(before - after)
    first, second = before.astype(bool), after.astype(bool)
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    return newcombe(both, only_first, only_second, neither)


def newcombe(both: int, only_first: int, only_second: int, neither: int) -> Interval:
    """The 95 % interval of a paired difference of proportions, from the table of the pairs."""
    total = both + only_first + only_second + neither
    p1, p2 = (both + only_first) / total, (both + only_second) / total
    low1, high1 = wilson(both + only_first, total)
    low2, high2 = wilson(both + only_second, total)
    phi = _correlation(both, only_first, only_second, neither)
    below = _square_and_add(p1 - low1, high2 - p2, phi)
    above = _square_and_add(high1 - p1, p2 - low2, phi)
    return p1 - p2 - below, p1 - p2 + above


def median(values: Sequence[float]) -> Interval:
    """Between two of the values, which hold the median in 95 % of samples, whatever its law.

    Fewer than six values can say nothing at that level: the interval is then all numbers.
    """
    ordered, n = sorted(values), len(values)
    tail, rank = 0.0, 0
    # The largest rank r for which P(fewer than r of n fair coins show heads) is 2.5 % at most.
    while tail + comb(n, rank) / 2**n <= 0.025:
        tail += comb(n, rank) / 2**n
        rank += 1
    if rank == 0:
        return float("-inf"), float("inf")
    return ordered[rank - 1], ordered[n - rank]


def _is_proportion(scores: _Array) -> bool:
    return bool(np.isin(scores, (0, 1)).all())


def _normal(values: _Array) -> Interval:
    """Needs two values at least; of one nothing is known."""
    if len(values) < 2:
        return float("-inf"), float("inf")
    half = _Z95 * float(np.std(values, ddof=1)) / sqrt(len(values))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def _correlation(a: int, b: int, c: int, d: int) -> float:
    """phi of the table, with the continuity correction where it is positive."""
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    cross = float(a * d - b * c)
    if cross > 0:
        cross = max(cross - (a + b + c + d) / 2, 0.0)
    return cross / sqrt(margins)


def _square_and_add(x: float, y: float, phi: float) -> float:
    return sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))

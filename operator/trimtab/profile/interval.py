"""How sure a quantile is: intervals at 95 % between two of the values, whatever their law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_TAIL = 0.025


class Quantile(NamedTuple):
    """A quantile and its 95 % interval; an end is infinite where there are too few values."""

    value: float
    low: float
    high: float


def quantile(values: Sequence[float], share: float) -> Quantile:
    """The smallest value that a share (between 0 and 1) of all do not exceed; of one at least.

    The interval is of order statistics: of n values, Binomial(n, share) lie below the true one.
    """
    ordered, n = sorted(values), len(values)
    value = ordered[max(1, math.ceil(round(share * n, 9))) - 1]
    below, high_rank = _ranks(n, share)
    low = ordered[below - 1] if below >= 1 else -math.inf
    high = ordered[high_rank - 1] if high_rank <= n else math.inf
    return Quantile(value, low, high)


def _ranks(n: int, share: float) -> tuple[int, int]:
    """The largest rank that is below in all but 2.5 % of samples, the smallest that is above."""
    cumulated, low, high = 0.0, 0, n + 1
    for k in range(n + 1):
        # P(k of n lie below), by logarithms: n may be thousands.
        cumulated += math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(share)
            + (n - k) * math.log1p(-share)
        )
        if cumulated <= _TAIL:
            low = k + 1
        if cumulated >= 1.0 - _TAIL:
            high = k + 1
            break
    return low, high

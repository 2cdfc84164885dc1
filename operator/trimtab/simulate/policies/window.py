"""Headroom x a quantile over a window of the recent rate / capacity, held for a time.

The family that every rule on a recent rate belongs to. With its four numbers searched in hindsight
on the very trace it is a bound: no causal fixed rule of this kind does better there.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.jit import compiled
from trimtab.simulate.policies.rule import View
from trimtab.simulate.policies.timeline import Counts

SAMPLE_S = 10.0
_SPACING_S = 5.0  # the operator's tick, at which rates are sampled


@dataclass(frozen=True, slots=True)
class WindowNumbers:
    """Seconds of the window and of the hold; the quantile in [0, 1]; the headroom, a factor."""

    window_s: float
    quantile: float
    hold_s: float
    headroom: float


class Window:
    """`rate_each`: requests per second of one replica within the SLO."""

    def __init__(self, numbers: WindowNumbers, rate_each: float) -> None:
        self._numbers = numbers
        self._rate_each = rate_each
        self._rates: deque[tuple[float, float]] = deque()
        self._wishes: deque[tuple[float, int]] = deque()
        self._first_rate = 0.0

    def first(self, rate: float) -> int:
        self._first_rate = rate
        return self._wish(rate)

    def replicas(self, view: View, now_s: float) -> int:
        rate = view.metrics.rate(view.model, SAMPLE_S)
        if rate is not None:
            if not self._rates:
                self._remember_first(now_s)
            self._rates.append((now_s, rate))
        _forget(self._rates, now_s - self._numbers.window_s)
        if not self._rates:
            return view.replicas
        recent = np.quantile([r for _, r in self._rates], self._numbers.quantile)
        self._wishes.append((now_s, self._wish(float(recent))))
        _forget(self._wishes, now_s - self._numbers.hold_s)
        return max(w for _, w in self._wishes)

    def _remember_first(self, now_s: float) -> None:
        """As if the first rate had been there for a window: with a short history a long window
        would follow every rise at once, which is not what its length promises."""
        since = int(self._numbers.window_s / _SPACING_S)
        self._rates.extend((now_s - i * _SPACING_S, self._first_rate) for i in range(since, 0, -1))

    def _wish(self, rate: float) -> int:
        return math.ceil(self._numbers.headroom * rate / self._rate_each - 1e-9)


def _forget(history: deque[tuple[float, float]] | deque[tuple[float, int]], until_s: float) -> None:
    while len(history) > 1 and history[0][0] <= until_s:
        history.popleft()


@dataclass(frozen=True, slots=True)
class Fluid:
    """What the quick evaluation needs: arrivals per second, shape (seconds,); seconds of a tick, of
    the start, and by which a reading lags; what a replica carries within the SLO and at most."""

    arrivals: Counts
    tick_s: int
    start_s: int
    lag_s: int
    rate_each: float
    most_each: float
    low: int


def recent_quantiles(fluid: Fluid, window_s: float, quantile: float) -> NDArray[np.float64]:
    """The quantile of the sampled rates at each tick, shape (ticks,)."""
    span = int(SAMPLE_S)
    past = np.concatenate((np.full(span + fluid.lag_s, fluid.arrivals[:60].mean()), fluid.arrivals))
    total = np.concatenate(([0.0], past.cumsum()))
    at = np.arange(0, fluid.arrivals.size, fluid.tick_s)
    sampled = (total[at + span] - total[at]) / span
    width = max(1, math.ceil(window_s / fluid.tick_s))
    padded = np.concatenate((np.full(width - 1, sampled[0]), sampled))
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(np.quantile(windows, quantile, axis=1))


def fluid_result(
    fluid: Fluid, quantiles: NDArray[np.float64], hold_s: float, headroom: float
) -> tuple[float, float]:
    """(replica-seconds, attainment) of the rule by a fluid queue: quick, for a search alone."""
    wishes = np.maximum(
        np.ceil(headroom * quantiles / fluid.rate_each - 1e-9).astype(np.int64), fluid.low
    )
    hold = max(1, math.ceil(hold_s / fluid.tick_s))
    cost, late = _flow(
        fluid.arrivals,
        _rolling_max(wishes, hold),
        fluid.tick_s,
        fluid.start_s,
        fluid.rate_each,
        fluid.most_each,
    )
    return float(cost), 1.0 - late / max(1, int(fluid.arrivals.sum()))


@compiled
def _rolling_max(values: Counts, width: int) -> Counts:
    out = np.empty_like(values)
    for i in range(values.size):
        out[i] = values[max(0, i - width + 1) : i + 1].max()
    return out


@compiled
def _flow(
    arrivals: Counts,
    replicas: Counts,
    tick_s: int,
    start_s: int,
    rate_each: float,
    most_each: float,
) -> tuple[float, float]:
    """Ready is the least that was asked for during a start; above `rate_each` a growing share is
    late, above `most_each` a backlog stays and all of it is."""
    cost, late, backlog = 0.0, 0.0, 0.0
    for second in range(arrivals.size):
        tick = second // tick_s
        since = max(0, (second - start_s) // tick_s)
        ready = replicas[since : tick + 1].min()
        cost += replicas[tick]
        load = arrivals[second] / ready
        backlog = max(0.0, backlog + arrivals[second] - ready * most_each)
        if backlog > 0.0:
            late += arrivals[second]
        elif load > rate_each:
            late += arrivals[second] * (0.01 + 0.99 * (load - rate_each) / (most_each - rate_each))
    return cost, late

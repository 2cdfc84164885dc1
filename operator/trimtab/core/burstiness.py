"""How much more arrivals vary than a Poisson process, at the time scale of one replica's queue."""

from __future__ import annotations

import itertools
import math

_LARGEST = 4.0  # as far as the latency model was held against simulations
_PRIOR = 10.0  # worth of so many windows that say Poisson
_KEPT = 0.8  # of the differences, the smallest: a step of the load is not its burstiness
_OF_A_STEP = 2  # differences, where it falls into the midst of a window
_KEPT_SQUARE = 0.44  # their mean square, where all are normal of variance 1
_STANDS_OUT = 0.25


def dispersion(
    recent: tuple[tuple[float, float], ...], window_s: float, scale_s: float, replicas: int
) -> float:
    """The index of dispersion (variance over mean, at least 1) of what one replica receives.

    `recent`: (time in seconds, requests/s over the `window_s` before it), ascending. `scale_s`: the
    time that matters, about the latency target.

    From the differences of one window to the next, so that no trend counts, without the largest.
    What exceeds 1 is taken in proportion to the time: on public traces it grows so from 0.1 s to
    10 s, because it is the rate that varies and not requests that come in clusters. And a share of
    the requests, drawn for each replica, has that share of the excess.
    """
    counts = _apart(recent, window_s)
    squares = sorted((b - a) ** 2 for a, b in itertools.pairwise(counts))
    kept = squares[: min(int(_KEPT * len(squares)), max(0, len(squares) - _OF_A_STEP))]
    mean = sum(counts) / len(counts) if counts else 0.0
    if not kept or mean <= 0.0:
        return 1.0
    index = sum(kept) / len(kept) / _KEPT_SQUARE / 2.0 / mean
    believed = max(0.0, index - 1.0) * len(squares) / (len(squares) + _PRIOR)
    excess = believed * min(1.0, scale_s / window_s) / max(1, replicas)
    return min(_LARGEST, 1.0 + excess)


def is_steady(
    recent: tuple[tuple[float, float], ...], window_s: float, now_s: float, over_s: float
) -> bool:
    """Whether no rate of the last `over_s` seconds stood out: a quarter of the mean above it, and
    three standard deviations of a Poisson count over the window. False where nothing is known."""
    rates = [rate for at, rate in recent if at >= now_s - over_s]
    if not rates:
        return False
    mean = sum(rates) / len(rates)
    return max(rates) - mean <= _STANDS_OUT * mean + 3.0 * math.sqrt(mean / window_s)


def _apart(recent: tuple[tuple[float, float], ...], window_s: float) -> list[float]:
    """Counts of windows that do not overlap, the newest last."""
    counts: list[float] = []
    edge_s = math.inf
    for at, rate in reversed(recent):
        if at <= edge_s + 1e-6:
            counts.append(rate * window_s)
            edge_s = at - window_s
    return counts[::-1]

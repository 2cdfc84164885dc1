"""Sudden rises: a rate that jumps far out of what the minutes before it had."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

_LEAST_SAMPLES = 6
_RATIO = 1.5  # a smaller rise is carried by the room that every fleet has
_DEVIATIONS = 6.0
_QUARTILES = 1.349  # distance of a normal distribution's quartiles, in standard deviations
_MINUTE_S = 60.0
_APART_S = 180.0  # a second jump within that time is the same burst
_PEAK_WITHIN_S = 90.0  # the height that matters is the one before help can have come


@dataclass(frozen=True, slots=True)
class Onset:
    """A jump: when it was seen, from what rate, and the largest rate in the 90 s after."""

    at_s: float
    before_rate: float
    peak_rate: float


def latest_onset(
    onsets: tuple[Onset, ...],
    recent: tuple[tuple[float, float], ...],
    before: Usual,
    now_s: float,
    rate: float,
) -> tuple[Onset, ...]:
    """The onsets after one more rate: a new one, a higher peak of the last, or the same.

    recent: (time, rate) of the last minutes; before: what is usual of them.
    """
    last = onsets[-1] if onsets else None
    if last is not None and now_s - last.at_s < _APART_S:
        if rate > last.peak_rate and now_s - last.at_s <= _PEAK_WITHIN_S:
            return (*onsets[:-1], replace(last, peak_rate=rate))
        return onsets
    if len(recent) < _LEAST_SAMPLES:
        return onsets
    if rate <= _RATIO * before.rate or rate - before.rate <= _DEVIATIONS * before.deviation:
        return onsets
    return (*onsets, Onset(now_s, before.rate, rate))


class Usual(NamedTuple):
    """What the rate was in the last minutes, and how far off one window's count usually is."""

    rate: float
    deviation: float


NOTHING_USUAL = Usual(0.0, 0.0)


def usual(recent: tuple[tuple[float, float], ...], window_s: float) -> Usual:
    """The median of the recent rates, and their standard deviation, from the quartiles; at least
    that of a Poisson count. Of none: 0, and one count.

    A service that is called in lots of ten varies three times as much as a Poisson count: by the
    count alone, every minute of it would be a burst.
    """
    if not recent:
        return Usual(0.0, noise(0.0, window_s, 1.0))
    rates = sorted([r for _, r in recent])
    quarter = len(rates) // 4
    middle = rates[len(rates) // 2]
    spread = (rates[-1 - quarter] - rates[quarter]) / _QUARTILES
    return Usual(middle, max(spread, noise(middle, window_s, 1.0)))


def excess_deviations(recent: tuple[tuple[float, float], ...], before: Usual, rate: float) -> float:
    """How many standard deviations a rate is above those just before it; 0 where too little was
    seen.

    Above the median of five minutes and above the mean of the last: on a slope that lasts, every
    rate is above the median.
    """
    if len(recent) < 4 * _LEAST_SAMPLES:
        return 0.0
    return (rate - max(before.rate, last_minute(recent))) / before.deviation


def last_minute(recent: tuple[tuple[float, float], ...]) -> float:
    """The mean rate of the last minute."""
    since_s, total, count = recent[-1][0] - _MINUTE_S, 0.0, 0
    for t, r in reversed(recent):
        if t <= since_s:
            break
        total, count = total + r, count + 1
    return total / count


def noise(rate: float, window_s: float, deviations: float) -> float:
    """So many standard deviations of a Poisson rate counted over a window; at least one count."""
    return deviations * math.sqrt(max(rate, 1.0 / window_s) / window_s)

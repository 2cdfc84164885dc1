"""Sudden rises: a rate that jumps far out of what the minutes before it had."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median

_LEAST_SAMPLES = 6
_RATIO = 1.5  # a smaller rise is carried by the room that every fleet has
_DEVIATIONS = 6.0  # of a Poisson count over the window
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
    now_s: float,
    rate: float,
    window_s: float,
) -> tuple[Onset, ...]:
    """The onsets after one more rate: a new one, a higher peak of the last, or the same."""
    last = onsets[-1] if onsets else None
    if last is not None and now_s - last.at_s < _APART_S:
        if rate > last.peak_rate and now_s - last.at_s <= _PEAK_WITHIN_S:
            return (*onsets[:-1], replace(last, peak_rate=rate))
        return onsets
    if len(recent) < _LEAST_SAMPLES:
        return onsets
    before = median(r for _, r in recent)
    if rate <= _RATIO * before or rate - before <= noise(before, window_s, _DEVIATIONS):
        return onsets
    return (*onsets, Onset(now_s, before, rate))


def excess_deviations(
    recent: tuple[tuple[float, float], ...], rate: float, window_s: float
) -> float:
    """How many standard deviations of its own count a rate is above the median before it; 0 where
    too little was seen."""
    if len(recent) < 4 * _LEAST_SAMPLES:
        return 0.0
    before = median(r for _, r in recent)
    return (rate - before) / noise(before, window_s, 1.0)


def noise(rate: float, window_s: float, deviations: float) -> float:
    """So many standard deviations of a Poisson rate counted over a window; at least one count."""
    return deviations * math.sqrt(max(rate, 1.0 / window_s) / window_s)

"""The largest rate to be ready for, and what each part of the forecast says."""

from __future__ import annotations

import itertools
import math
import operator
from typing import NamedTuple

from trimtab.core.forecast.history import History
from trimtab.core.forecast.insurance import Insurance, expected_height
from trimtab.core.forecast.onsets import last_minute
from trimtab.core.forecast.recurrence import (
    CLOCK_WINDOW_S,
    clock_chance,
    is_due,
    is_on_the_clock,
)
from trimtab.core.forecast.warnings import HOLDS_S
from trimtab.core.settings import PolicySettings

_TREND_S = 120.0
_JUMP_DEVIATIONS, _HIGH_DEVIATIONS = 4.0, 3.0
_OF_THE_LAST = 0.45  # of the price: a fleet without room then seldom breaks the promise
_FOLLOWS_S = 60.0  # how long after a jump the height of earlier jumps is expected of it


class Forecast(NamedTuple):
    """rate: items per second that may have to be served within the lead; 0 where nothing is known.
    reason: the part that asks for most: Level, Rise, Trend, Season, Recurrence, Clock, Warning or
    Insurance. slope: of the last two minutes, items/s each second; 0 where it falls or there is no
    line."""

    rate: float
    reason: str
    slope: float = 0.0

    def trend(self, lead_s: float) -> float:
        """What the slope adds within the lead, in items/s."""
        return _trend(self.slope, lead_s)


def _trend(slope: float, lead_s: float) -> float:
    return slope * (lead_s + _TREND_S / 4)


def forecast(
    history: History,
    level: float,
    now_s: float,
    lead_s: float,
    percentile: float,
    policy: PolicySettings,
    *,
    late_last: bool = False,
) -> Forecast:
    """The largest of all parts: each may only raise.

    level: the rate measured over the long window, items/s. lead_s: seconds until a replica that is
    asked for now serves, the age of the readings included. percentile: the SLO's, 0.99 for a p99.
    late_last: whether late requests go behind those that can still be in time.
    """
    price_s = policy.late_price_s * _overdrawn(
        history, level, lead_s, percentile, policy, late_last
    )
    insurance = Insurance(lead_s, price_s, late_last)
    slope = _slope(history)
    parts = [
        (level, "Level"),
        (_risen(history, policy), "Rise"),
        (level + _trend(slope, lead_s), "Trend"),
        (level * history.season.growth(now_s, lead_s), "Season"),
    ]
    if not _is_rising(history, now_s, lead_s):
        parts += [
            (_recurring(history, now_s, insurance), "Recurrence"),
            (_on_the_clock(history, now_s, insurance, policy), "Clock"),
            (_announced(history, now_s, insurance, policy), "Warning"),
        ]
    parts.append((_usual_room(history, level, insurance), "Insurance"))
    rate, reason = max(parts, key=operator.itemgetter(0))
    return Forecast(rate, reason, slope)


def _overdrawn(
    history: History,
    level: float,
    lead_s: float,
    percentile: float,
    policy: PolicySettings,
    late_last: bool,
) -> float:
    """By what factor late requests are dearer than the usual, or less dear where they go last and
    a burst that finds no room does not break the promise."""
    budget, calm = history.error_budget, history.calm_rate or level
    if not late_last:
        return budget.overdrawn(calm, percentile, 0.0)
    unready_s = lead_s * (policy.burst_ratio - 1.0)
    return _OF_THE_LAST * budget.overdrawn(calm, percentile, unready_s)


def _risen(history: History, policy: PolicySettings) -> float:
    """Where the rate is after a jump that its window has only half seen; 0 where there is none."""
    return max(_half_seen(history, policy.fast_window_s), _as_earlier_jumps(history))


def _half_seen(history: History, window_s: float) -> float:
    """The rate of the newest part of the window alone.

    From one window to the next a part falls out and a new one comes in. What fell out was the rate
    of one window ago: of the last reading, the second half of a jump would be counted again.
    """
    recent = history.recent
    if len(recent) < 3:
        return 0.0
    (before_s, before), (now_s, rate) = recent[-2:]
    fell_out = next((r for t, r in reversed(recent) if t <= now_s - window_s), None)
    if fell_out is None:
        return 0.0
    share = min(1.0, max(0.25, (now_s - before_s) / window_s))
    deviation = history.before.deviation
    # Their difference is that of two parts of a window. And up from a dip is back, not a rise.
    is_jump = rate - before > _JUMP_DEVIATIONS * deviation * math.sqrt(2.0 * share)
    is_high = rate - last_minute(recent[:-1]) > _HIGH_DEVIATIONS * deviation
    return fell_out + (rate - before) / share if is_jump and is_high else 0.0


def _as_earlier_jumps(history: History) -> float:
    """In the minute after a jump, what earlier jumps came to: no more than twice what is seen."""
    if len(history.onsets) < 2:
        return 0.0
    *earlier, last = history.onsets
    if history.recent[-1][0] - last.at_s > _FOLLOWS_S:
        return 0.0
    peaks = sorted(o.peak_rate for o in earlier)
    return min(peaks[len(peaks) // 2], 2.0 * last.peak_rate)


def _slope(history: History) -> float:
    """The slope of the last two minutes in items/s each second, where a line tells more of them
    than a step does; 0 where it falls."""
    if not history.recent:
        return 0.0
    newest_s = history.recent[-1][0]
    since_s = newest_s - _TREND_S
    points = [(t - newest_s, r) for t, r in history.recent if t > since_s]
    count = len(points)
    if count < 12:
        return 0.0
    mean_t = sum([t for t, _ in points]) / count
    mean_r = sum([r for _, r in points]) / count
    times = [t - mean_t for t, _ in points]
    rates = [r - mean_r for _, r in points]
    spread = sum([t**2 for t in times])
    slope = sum([t * r for t, r in zip(times, rates, strict=True)]) / spread
    if slope <= 0.0:
        return 0.0
    # A jump is no slope: a line through it ends far above where it stays. And of noise alone some
    # step nearly always explains more than the line does.
    if _explained_by_a_step(rates) >= slope**2 * spread:
        return 0.0
    return slope


def _explained_by_a_step(deviations: list[float]) -> float:
    """How much of the sum of squares a single step takes away, at the best place for it.

    deviations: from the mean of all, in order of time.
    """
    count = len(deviations)
    sums = itertools.accumulate(deviations[:-1])
    return max([s * s * count / (n * (count - n)) for n, s in enumerate(sums, 1)])


def _is_rising(history: History, now_s: float, lead_s: float) -> bool:
    """Whether a burst has just come: the next is not due while help for this one is on its way."""
    return bool(history.onsets) and now_s - history.onsets[-1].at_s < lead_s


def _recurring(history: History, now_s: float, insurance: Insurance) -> float:
    """The height of the bursts that are due by the clock and worth being ready for."""
    calm = max(history.calm_rate or 0.0, 1e-9)
    since_s = now_s - history.watched_s
    due = [r for r in history.recurrences if is_due(r, now_s, insurance.lead_s)]
    paying = (
        r.peak_rate
        for r in due
        if insurance.pays(r.chance(now_s, since_s), r.peak_rate / calm, r.window_s)
    )
    return max(paying, default=0.0)


def _on_the_clock(
    history: History, now_s: float, insurance: Insurance, policy: PolicySettings
) -> float:
    """The height of a burst that the half hour may bring, before there ever was one: after that,
    its own time is known."""
    if history.onsets or not is_on_the_clock(now_s, insurance.lead_s):
        return 0.0
    chance = clock_chance(history.watched_s, insurance.lead_s)
    if not insurance.pays(chance, policy.burst_ratio, CLOCK_WINDOW_S):
        return 0.0
    return (history.calm_rate or 0.0) * policy.burst_ratio


def _announced(
    history: History, now_s: float, insurance: Insurance, policy: PolicySettings
) -> float:
    """The height of a burst that a small jump has announced."""
    warnings, height = history.warnings, expected_height(history, policy)
    # The warning is heard late in its own time, so its window holds the lead already.
    window_s = HOLDS_S - insurance.lead_s
    if not warnings.stands(now_s) or not insurance.pays(warnings.chance, height, window_s):
        return 0.0
    return (history.calm_rate or 0.0) * height


def _usual_room(history: History, level: float, insurance: Insurance) -> float:
    """The rate that the bursts of the last hours make it worth being ready for at all times."""
    return history.surprises.room(level, insurance.price_s, late_last=insurance.late_last)

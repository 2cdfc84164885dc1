"""The largest rate to be ready for, and what each part of the forecast says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trimtab.core.forecast.history import History
from trimtab.core.forecast.insurance import expected_height, surprise_rate, worth
from trimtab.core.forecast.onsets import noise
from trimtab.core.forecast.recurrence import is_due
from trimtab.core.forecast.warnings import HOLDS_S
from trimtab.core.settings import PolicySettings

_TREND_S = 120.0
_TREND_DEVIATIONS = 3.0
_FOLLOWS_S = 60.0  # how long after a jump the height of earlier jumps is expected of it


@dataclass(frozen=True, slots=True)
class Forecast:
    """rate: items per second that may have to be served within the lead; 0 where nothing is known.
    reason: the part that asks for most: Level, Rise, Trend, Season, Recurrence or Insurance."""

    rate: float
    reason: str


def forecast(
    history: History,
    level: float,
    now_s: float,
    lead_s: float,
    policy: PolicySettings,
) -> Forecast:
    """The largest of all parts: each may only raise.

    level: the rate measured over the long window, items/s. lead_s: seconds until a replica that is
    asked for now serves, the age of the readings included.
    """
    price_s = policy.late_price_s
    parts = [
        Forecast(level, "Level"),
        Forecast(_risen(history, policy), "Rise"),
        Forecast(level + _trend(history, lead_s), "Trend"),
        Forecast(level * history.season.growth(now_s, lead_s), "Season"),
    ]
    if not _is_rising(history, now_s, lead_s):
        parts += [
            Forecast(_recurring(history, now_s, lead_s, price_s), "Recurrence"),
            Forecast(_announced(history, now_s, lead_s, price_s, policy), "Warning"),
            Forecast(_unforeseen(history, lead_s, price_s, policy), "Insurance"),
        ]
    return max(parts, key=lambda part: part.rate)


def _risen(history: History, policy: PolicySettings) -> float:
    """Where the rate is after a jump that its window has only half seen.

    Two windows that overlap by half differ by half the jump: the newest half alone had
    before + 2 * difference. In the minute after a jump, what earlier jumps came to is expected.
    """
    if len(history.recent) < 2:
        return 0.0
    (before_s, before), (now_s, rate) = history.recent[-2:]
    window_s = policy.fast_window_s
    if rate - before <= noise(before, window_s, 4.0):
        risen = 0.0
    else:
        share = min(1.0, max(0.25, (now_s - before_s) / window_s))
        risen = before + (rate - before) / share
    last = history.onsets[-1] if history.onsets else None
    if last is not None and now_s - last.at_s <= _FOLLOWS_S and len(history.onsets) > 1:
        peaks = sorted(o.peak_rate for o in history.onsets[:-1])
        risen = max(risen, min(peaks[len(peaks) // 2], 2.0 * last.peak_rate))
    return risen


def _trend(history: History, lead_s: float) -> float:
    """What the slope of the last two minutes adds within the lead, if it is no noise."""
    if not history.recent:
        return 0.0
    last = history.onsets[-1] if history.onsets else None
    if last is not None and history.recent[-1][0] - last.at_s <= _TREND_S:
        return 0.0  # a jump is no slope: a line through it ends far above where it stays
    newest_s = history.recent[-1][0]
    points = [(t - newest_s, r) for t, r in history.recent if t > newest_s - _TREND_S]
    if len(points) < 12:
        return 0.0
    mean_t = sum(t for t, _ in points) / len(points)
    mean_r = sum(r for _, r in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (r - mean_r) for t, r in points) / spread
    left = sum((r - mean_r - slope * (t - mean_t)) ** 2 for t, r in points)
    error = math.sqrt(left / (len(points) - 2) / spread)
    # Overlapping windows tell half as much as they seem to.
    if slope <= _TREND_DEVIATIONS * math.sqrt(2.0) * error:
        return 0.0
    return slope * (lead_s + _TREND_S / 4)


def _is_rising(history: History, now_s: float, lead_s: float) -> bool:
    """Whether a burst has just come: the next is not due while help for this one is on its way."""
    return bool(history.onsets) and now_s - history.onsets[-1].at_s < lead_s


def _recurring(history: History, now_s: float, lead_s: float, price_s: float) -> float:
    """The height of the bursts that are due by the clock and worth being ready for."""
    calm = max(history.calm_rate or 0.0, 1e-9)
    due = (
        r.peak_rate
        for r in history.recurrences
        if is_due(r, now_s, lead_s)
        and worth(r.chance(now_s), r.peak_rate / calm, r.window_s + lead_s, lead_s, price_s)
    )
    return max(due, default=0.0)


def _announced(
    history: History, now_s: float, lead_s: float, price_s: float, policy: PolicySettings
) -> float:
    """The height of a burst that a small jump has announced."""
    warnings, height = history.warnings, expected_height(history, policy)
    if not warnings.stands(now_s):
        return 0.0
    if not worth(warnings.chance, height, HOLDS_S, lead_s, price_s):
        return 0.0
    return (history.calm_rate or 0.0) * height


def _unforeseen(history: History, lead_s: float, price_s: float, policy: PolicySettings) -> float:
    """The height of a burst that nothing foretells, while such bursts are worth being ready for."""
    height = expected_height(history, policy)
    if not worth(surprise_rate(history, policy), height, 1.0, lead_s, price_s):
        return 0.0
    return (history.calm_rate or 0.0) * height

"""The past of one model's arrival rate, as far as the forecast needs it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from trimtab.core.forecast.error_budget import ErrorBudget
from trimtab.core.forecast.onsets import (
    NOTHING_USUAL,
    Onset,
    Usual,
    excess_deviations,
    latest_onset,
    usual,
)
from trimtab.core.forecast.recurrence import Recurrence, find_recurrences
from trimtab.core.forecast.season import Season
from trimtab.core.forecast.surprises import Surprises
from trimtab.core.forecast.warnings import Warnings

RECENT_S = 300.0  # what a sudden rise is measured against
_GAP_S = 60.0  # a longer silence is not watching
_CALM_S = 900.0  # how slowly the calm rate follows
_ONSETS_KEPT = 48
_LEAD_S = 60.0  # of a replica, where no start was seen


@dataclass(frozen=True, slots=True)
class History:
    """Rates in items per second, times in seconds since the epoch.

    recent: (time, rate over the fast window), the last five minutes. before: what is usual of them,
    the last left out. calm_rate: the rate between
    bursts. watched_s: for how long rates came without a gap, all in all. onsets: sudden rises, the
    oldest first. recurrences: what the onsets have in common. warnings: small jumps and what came
    after them. surprises: what bursts made late for a fleet that only follows. season: the usual
    rate by the time of the week. error_budget: what came too late of late.
    """

    recent: tuple[tuple[float, float], ...] = ()
    before: Usual = NOTHING_USUAL
    calm_rate: float | None = None
    watched_s: float = 0.0
    onsets: tuple[Onset, ...] = ()
    recurrences: tuple[Recurrence, ...] = ()
    warnings: Warnings = field(default_factory=Warnings)
    surprises: Surprises = field(default_factory=Surprises)
    season: Season = field(default_factory=Season)
    error_budget: ErrorBudget = field(default_factory=ErrorBudget)


def record(
    history: History,
    now_s: float,
    rate: float,
    window_s: float,
    lead_s: float,
    hold_s: float,
    backlog: float = 0.0,
    *,
    late_last: bool = False,
) -> History:
    """The history with one more rate, counted over the `window_s` seconds before `now_s`.

    lead_s: how long help takes. hold_s: for how long it then stays. backlog: items that wait
    beyond what is in time. late_last: whether they go behind what still can be in time.
    """
    last_s = history.recent[-1][0] if history.recent else None
    if last_s is not None and now_s <= last_s:
        return history
    step_s = 0.0 if last_s is None else now_s - last_s
    watched = step_s <= _GAP_S
    recent = _since(history.recent, now_s - RECENT_S) if watched else ()
    before = usual(recent, window_s)
    onsets = latest_onset(history.onsets, recent, before, now_s, rate)
    is_new = bool(onsets) and (not history.onsets or onsets[-1].at_s != history.onsets[-1].at_s)
    in_burst = bool(onsets) and now_s - onsets[-1].at_s < RECENT_S
    excess = 0.0 if in_burst else excess_deviations(recent, before, rate)
    step_s = step_s if watched else 0.0
    return History(
        recent=(*recent, (now_s, rate)),
        before=before,
        calm_rate=_calm(history, rate, step_s),
        watched_s=history.watched_s + step_s,
        onsets=onsets[-_ONSETS_KEPT:],
        recurrences=history.recurrences
        if onsets == history.onsets
        else find_recurrences(onsets[-_ONSETS_KEPT:]),
        warnings=history.warnings.heard(now_s, excess, burst=is_new),
        surprises=history.surprises.heard(
            now_s, rate, _followed(recent, now_s - lead_s, hold_s), step_s
        ),
        season=history.season.recorded(now_s, rate),
        error_budget=history.error_budget.heard(now_s, rate, step_s, backlog, late_last=late_last),
    )


def replayed(points: Iterable[tuple[float, float]], window_s: float) -> History:
    """The history of (time, rate) as it was recorded, each over the `window_s` seconds before.

    How late help came and what was late is not known any more: as of a model that never started.
    """
    history = History()
    for at_s, rate in points:
        history = record(history, at_s, rate, window_s, _LEAD_S + window_s, _LEAD_S)
    return history


def _since(
    recent: tuple[tuple[float, float], ...], after_s: float
) -> tuple[tuple[float, float], ...]:
    first = 0
    while first < len(recent) and recent[first][0] <= after_s:
        first += 1
    return recent[first:]


def _followed(recent: tuple[tuple[float, float], ...], asked_s: float, hold_s: float) -> float:
    """What a fleet that follows the rate is ready for, where what is ready now was asked for then;
    all, where too little was seen to tell."""
    if not recent or recent[0][0] > asked_s:
        return math.inf
    return max([r for t, r in recent if asked_s - hold_s <= t <= asked_s], default=0.0)


def _calm(history: History, rate: float, step_s: float) -> float:
    """Follows the rate slowly, and a burst more slowly still: it is not the new usual.

    At first the mean of all that was seen: the first window of a service is often half empty, and
    a quarter of an hour is long to believe it.
    """
    calm = history.calm_rate
    if calm is None:
        return rate
    slow_s = _CALM_S * (4.0 if rate > 1.5 * calm else 1.0)
    slow_s = min(slow_s, history.watched_s + step_s) if history.watched_s < _CALM_S else slow_s
    return calm + (min(1.0, step_s / slow_s) if step_s else 0.0) * (rate - calm)

"""Bursts that come by the clock: jobs start on the half hour, the hour, at the same time of day.

Real request traces show it: in the 2018 twitter trace 70 of 80 bursts of a week begin within 25
seconds of the same phase of the half hour, though only every fourth half hour has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trimtab.core.forecast.onsets import Onset

# Period in seconds, and how many occurrences are believed in before any was seen, of how many.
_PERIODS = ((86400.0, 1.0, 1.0), (3600.0, 1.0, 2.0), (1800.0, 1.0, 2.0), (900.0, 0.1, 3.0),
            (600.0, 0.1, 3.0), (300.0, 0.1, 3.0))  # fmt: skip
_SPREAD_S = 30.0  # onsets whose phases are closer than that belong together
_EARLY_S, _LATE_S = 10.0, 15.0  # how far off the known phases the next may be
_HALF_HOUR_S = 1800.0
_ACQUAINTED_S, _MINUTE_S, _SLOW_S = 600.0, 60.0, 25.0
CLOCK_WINDOW_S = 180.0  # what the clock sets off comes within three minutes


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Onsets at one phase of a period.

    first_s: the first of them; hits: how many came after it; early_s, late_s: the least and the
    greatest distance from first_s + k periods; peak_rate: the largest rate that followed.
    """

    period_s: float
    first_s: float
    hits: int
    early_s: float
    late_s: float
    peak_rate: float
    expected: tuple[float, float]

    @property
    def window_s(self) -> float:
        """For how long an occurrence is waited for."""
        return self.late_s - self.early_s + _EARLY_S + _LATE_S

    def chance(self, now_s: float, since_s: float) -> float:
        """The probability that the next occurrence has a burst: Beta prior, hits of trials, of all
        that were watched since `since_s`.

        Those before the first burst count: what comes every five minutes would have come before.
        """
        after = int((now_s - self.first_s + self.period_s / 2) / self.period_s)
        before = int(max(0.0, self.first_s - since_s) / self.period_s)
        trials = max(self.hits, after) + before
        believed, of = self.expected
        return (self.hits + believed) / (trials + believed + of)

    def next_s(self, now_s: float) -> float:
        """The nearest phase time not yet past, the latest known onset of it included."""
        cycles = math.ceil((now_s - self.late_s - _LATE_S - self.first_s) / self.period_s)
        return self.first_s + max(1, cycles) * self.period_s


def is_due(recurrence: Recurrence, now_s: float, lead_s: float) -> bool:
    """Whether a replica that takes `lead_s` to be Ready must be begun, or kept, for it now."""
    at_s = recurrence.next_s(now_s)
    return at_s + recurrence.early_s - _EARLY_S - lead_s <= now_s


def is_on_the_clock(now_s: float, lead_s: float) -> bool:
    """Whether a replica that takes `lead_s` to be Ready must be begun, or kept, for what the next
    half hour of the clock may bring."""
    return (now_s + lead_s) % _HALF_HOUR_S < CLOCK_WINDOW_S + lead_s


def clock_chance(watched_s: float, lead_s: float) -> float:
    """The probability that the next half hour brings a burst, where none was seen in so many
    seconds: one in four is believed to, and that as if six had been seen.

    Nothing is believed in the first ten minutes, or in the first alone where help is so slow that
    waiting to know costs more.
    """
    if watched_s < (_ACQUAINTED_S if lead_s < _SLOW_S else _MINUTE_S):
        return 0.0
    return 1.5 / (6.0 + watched_s // _HALF_HOUR_S)


def find_recurrences(onsets: tuple[Onset, ...]) -> tuple[Recurrence, ...]:
    """Every period under which onsets fall together, or would with the next one.

    A shorter period that divides a longer one and shows the same phases is enough where its
    chances are good; `is_due` judges each by its own chance.
    """
    found: list[Recurrence] = []
    for period_s, believed, of in _PERIODS:
        groups: list[list[Onset]] = []
        for onset in onsets:
            group = next(
                (g for g in groups if abs(_off(onset.at_s - g[0].at_s, period_s)) <= _SPREAD_S),
                None,
            )
            if group is None:
                groups.append([onset])
            else:
                group.append(onset)
        found.extend(_recurrence(g, period_s, (believed, of)) for g in groups)
    return tuple(found)


def _recurrence(group: list[Onset], period_s: float, expected: tuple[float, float]) -> Recurrence:
    offsets = [_off(o.at_s - group[0].at_s, period_s) for o in group]
    return Recurrence(
        period_s=period_s,
        first_s=group[0].at_s,
        hits=len(group) - 1,
        early_s=min(offsets),
        late_s=max(offsets),
        peak_rate=max(o.peak_rate for o in group[-8:]),
        expected=expected,
    )


def _off(distance_s: float, period_s: float) -> float:
    """The signed distance to the nearest multiple of the period."""
    return (distance_s + period_s / 2) % period_s - period_s / 2

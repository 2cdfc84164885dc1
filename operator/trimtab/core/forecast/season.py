"""The usual rate by the time of the day and of the week, once a whole one was seen."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

_BIN_S = 300.0
_DAY_BINS, _WEEK_BINS = 288, 2016
_WEIGHT = 0.3  # of the newest day or week against those before
_UNSEEN = -1.0  # a rate of no bin


class Season(NamedTuple):
    """Mean rates by five-minute bin of the day and of the week; empty before the first.

    open_bin, open_sum, open_count: the bin being filled. Plain numbers of seven digits, never
    changed: in dictionaries those of a thousand models took 200 MiB after a week.
    """

    day: Sequence[float] = ()
    week: Sequence[float] = ()
    open_bin: int | None = None
    open_sum: float = 0.0
    open_count: int = 0

    def recorded(self, now_s: float, rate: float) -> Season:
        """The season with one more rate."""
        current = int(now_s // _BIN_S)
        if current == self.open_bin:
            return self._replace(open_sum=self.open_sum + rate, open_count=self.open_count + 1)
        if self.open_bin is None:
            return Season(self.day, self.week, current, rate, 1)
        mean = self.open_sum / self.open_count
        return Season(
            _blend(self.day, _DAY_BINS, self.open_bin, mean),
            _blend(self.week, _WEEK_BINS, self.open_bin, mean),
            current,
            rate,
            1,
        )

    def growth(self, now_s: float, ahead_s: float) -> float:
        """By what factor the rate usually grows from now to `ahead_s` seconds later; 1 where the
        week, or else the day, was not seen at both times before. Between bins: straight line."""
        for bins in (self.week, self.day):
            before = _at(bins, now_s)
            after = _at(bins, now_s + ahead_s)
            if before and after is not None:
                return after / before
        return 1.0


def _blend(bins: Sequence[float], size: int, number: int, mean: float) -> Sequence[float]:
    blended = array("f", bins or [_UNSEEN] * size)
    known = blended[number % size]
    blended[number % size] = mean if known < 0.0 else known + _WEIGHT * (mean - known)
    return blended


def _at(bins: Sequence[float], at_s: float) -> float | None:
    if not bins:
        return None
    position = at_s / _BIN_S - 0.5
    first = int(position // 1)
    low, high = bins[first % len(bins)], bins[(first + 1) % len(bins)]
    if low < 0.0 or high < 0.0:
        return None
    return low + (high - low) * (position - first)

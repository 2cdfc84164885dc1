"""The usual rate by the time of the day and of the week, once a whole one was seen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_BIN_S = 300.0
_DAY_BINS, _WEEK_BINS = 288, 2016
_WEIGHT = 0.3  # of the newest day or week against those before


_UNSEEN: Mapping[int, float] = MappingProxyType({})


class Season(NamedTuple):
    """Mean rates by five-minute bin of the day and of the week.

    started_bin: the first bin ever recorded; open_bin, open_sum, open_count: the bin being filled.
    """

    day: Mapping[int, float] = _UNSEEN
    week: Mapping[int, float] = _UNSEEN
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
            _blend(self.day, self.open_bin % _DAY_BINS, mean),
            _blend(self.week, self.open_bin % _WEEK_BINS, mean),
            current,
            rate,
            1,
        )

    def growth(self, now_s: float, ahead_s: float) -> float:
        """By what factor the rate usually grows from now to `ahead_s` seconds later; 1 where the
        week, or else the day, was not seen at both times before. Between bins: straight line."""
        for bins, size in ((self.week, _WEEK_BINS), (self.day, _DAY_BINS)):
            before = _at(bins, size, now_s)
            after = _at(bins, size, now_s + ahead_s)
            if before and after is not None:
                return after / before
        return 1.0


def _blend(bins: Mapping[int, float], index: int, mean: float) -> dict[int, float]:
    known = bins.get(index)
    return {**bins, index: mean if known is None else known + _WEIGHT * (mean - known)}


def _at(bins: Mapping[int, float], size: int, at_s: float) -> float | None:
    position = at_s / _BIN_S - 0.5
    first = int(position // 1)
    low, high = bins.get(first % size), bins.get((first + 1) % size)
    if low is None or high is None:
        return None
    return low + (high - low) * (position - first)

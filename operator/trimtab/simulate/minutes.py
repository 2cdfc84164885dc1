"""What became of the requests of each minute of arrival."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trimtab.simulate.bins import BINS, quantile_s
from trimtab.simulate.state import ANSWERED, DROPPED, REQUESTS, WITHIN, Counts, Ints

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Minute:
    """The requests that arrived in one minute, and what became of them, whenever that was.

    p50_s, p99_s: None where a request that was never answered makes them infinite, or where none
    came. replicas: the mean number that existed.
    """

    minute: int
    requests: int
    answered: int
    within: int
    dropped: int
    p50_s: float | None
    p99_s: float | None
    replicas: float

    @property
    def slo_share(self) -> float:
        """The share answered within the target; 1 where none came."""
        return self.within / self.requests if self.requests else 1.0


class MinuteBook:
    """Keeps the rows of open minutes and closes those whose requests are all answered.

    `histogram`: every answered request by bin, shape (BINS,).
    """

    def __init__(self) -> None:
        self.closed: list[Minute] = []
        self.histogram: Ints = np.zeros(BINS, np.int64)
        self._replicas: dict[int, list[float]] = {}

    def note_replicas(self, at_s: float, replicas: int) -> None:
        """So many replicas exist from that second on."""
        self._replicas.setdefault(int(at_s // _MINUTE_S), []).append(replicas)

    def room(self, counts: Counts, end_s: float) -> Counts:
        """The counts with a row for every minute that is open before `end_s`."""
        first = len(self.closed)
        rows = len(counts.minutes)
        needed = int(end_s // _MINUTE_S) - first + 1
        if needed <= rows:
            return counts
        larger = max(needed, 2 * rows)
        minutes = np.zeros((larger, counts.minutes.shape[1]), np.int64)
        histogram = np.zeros((larger, BINS), np.int64)
        for minute in range(first, first + rows):
            minutes[minute % larger] = counts.minutes[minute % rows]
            histogram[minute % larger] = counts.histogram[minute % rows]
        return counts._replace(minutes=minutes, histogram=histogram)

    def close(self, counts: Counts, before_s: float) -> None:
        """Closes every minute that ends at or before that second; its row is free again."""
        while (len(self.closed) + 1) * _MINUTE_S <= before_s:
            self._close_next(counts)

    def close_all(self, counts: Counts, end_s: float) -> None:
        """Closes every minute that began before the end of the run."""
        while len(self.closed) < math.ceil(end_s / _MINUTE_S):
            self._close_next(counts)

    def _close_next(self, counts: Counts) -> None:
        minute = len(self.closed)
        row = minute % len(counts.minutes)
        tally, bins = counts.minutes[row], counts.histogram[row]
        lost = int(tally[REQUESTS] - tally[ANSWERED])
        seen = self._replicas.pop(minute, None)
        before = self.closed[-1].replicas if self.closed else 0.0
        self.closed.append(
            Minute(
                minute,
                int(tally[REQUESTS]),
                int(tally[ANSWERED]),
                int(tally[WITHIN]),
                int(tally[DROPPED]),
                quantile_s(bins, 0.50, lost),
                quantile_s(bins, 0.99, lost),
                sum(seen) / len(seen) if seen else before,
            )
        )
        self.histogram += bins
        tally[:] = 0
        bins[:] = 0

"""Recorded load: when requests arrived, and how it is played again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK_S = 1800.0  # arrivals are drawn for so much of the trace at a time
_SHARES = 1 << 32  # sets the streams of cut intervals apart from those of blocks


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Arrivals by interval. Seconds count from the start of the trace.

    edges: shape (n + 1,), ascending from 0. counts: shape (n,), the arrivals in each interval.
    times: shape (sum of counts,), ascending, where every arrival was recorded; None where counts
    are all there is, and arrivals are spread uniformly at random inside their interval.
    """

    edges: Floats
    counts: Ints
    times: Floats | None = None

    @property
    def duration_s(self) -> float:
        """The end of the last interval."""
        return float(self.edges[-1])

    def until(self, at_s: Floats) -> Floats:
        """The arrivals before each of those seconds; a part of an interval counts in proportion."""
        if self.times is not None:
            return np.searchsorted(self.times, at_s).astype(np.float64)
        total = np.concatenate(([0.0], np.cumsum(self.counts, dtype=np.float64)))
        return np.interp(at_s, self.edges, total)

    def rate(self, start_s: float, end_s: float) -> float:
        """Mean requests per second in [start, end), of that part of it the trace covers."""
        end_s = min(end_s, self.duration_s)
        if end_s <= start_s:
            return 0.0
        low, high = self.until(np.array([start_s, end_s]))
        return float(high - low) / (end_s - start_s)

    def rates(self, step_s: float) -> Floats:
        """Mean requests per second of every step of that length; the last one may be cut short."""
        steps = math.ceil(self.duration_s / step_s - 1e-9)
        ends = np.minimum(np.arange(1, steps + 1) * step_s, self.duration_s)
        rates: Floats = np.diff(self.until(ends), prepend=0.0) / np.diff(ends, prepend=0.0)
        return rates

    def scaled(self, factor: float, seed: int) -> Trace:
        """The same trace at `factor` times its rate.

        Each request is kept, repeated or left out by a draw of its own, so that a trace scaled down
        is as random as the few requests it holds. Copies of a recorded time are spread evenly up to
        the next one, lest they arrive as batches that nobody sent.
        """
        if factor == 1.0:
            return self
        rng = np.random.default_rng(seed)
        whole, part = int(factor), factor - int(factor)
        if self.times is None:
            return Trace(self.edges, whole * self.counts + rng.binomial(self.counts, part))
        copies = whole + (rng.random(len(self.times)) < part)
        gaps = np.diff(self.times, append=self.duration_s)
        which = np.repeat(np.arange(len(self.times)), copies)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(copies) - copies, copies)
        times = self.times[which] + gaps[which] * nth / copies[which]
        counts, _ = np.histogram(times, bins=self.edges)
        return Trace(self.edges, counts.astype(np.int64), times)

    def arrivals(self, start_s: float, end_s: float, *seed: int) -> Floats:
        """The arrival times in [start, end), ascending: the same for a seed, however it is cut."""
        blocks = [
            self.block(i, *seed)
            for i in range(int(start_s // _BLOCK_S), block_of(min(end_s, self.duration_s)) + 1)
        ]
        times = np.concatenate([np.empty(0), *blocks])
        low, high = np.searchsorted(times, [start_s, end_s])
        return times[low:high]

    def block(self, index: int, *seed: int) -> Floats:
        """The arrival times in that block of the trace (see `block_of`), ascending."""
        low_s, high_s = index * _BLOCK_S, min((index + 1) * _BLOCK_S, self.duration_s)
        if low_s >= high_s:
            return np.empty(0)
        if self.times is not None:
            low, high = np.searchsorted(self.times, [low_s, high_s])
            return self.times[low:high]
        first = int(np.searchsorted(self.edges, low_s, side="right")) - 1
        last = int(np.searchsorted(self.edges, high_s))
        starts = np.maximum(self.edges[first:last], low_s)
        widths = np.minimum(self.edges[first + 1 : last + 1], high_s) - starts
        counts = self.counts[first:last].copy()
        for at in np.flatnonzero(widths < np.diff(self.edges[first : last + 1])):
            counts[at] = self._share(first + int(at), high_s, *seed)
        rng = np.random.default_rng((*seed, index))
        times = np.repeat(starts, counts) + np.repeat(widths, counts) * rng.random(counts.sum())
        # Intervals follow one another already, of which the stable sort makes use.
        times.sort(kind="stable")
        # Rounding may reach the end of a block, which belongs to the next.
        found: Floats = np.minimum(times, np.nextafter(high_s, 0.0))
        return found

    def _share(self, interval: int, high_s: float, *seed: int) -> int:
        """How many arrivals of an interval that crosses blocks fall into the block that ends at
        `high_s`: they are dealt to the blocks one after the other, alike whichever block asks."""
        rng = np.random.default_rng((*seed, _SHARES, interval))
        start_s, end_s = self.edges[interval : interval + 2]
        count = int(self.counts[interval])
        while True:
            border_s = min((start_s // _BLOCK_S + 1) * _BLOCK_S, end_s)
            mine = int(rng.binomial(count, (border_s - start_s) / (end_s - start_s)))
            if border_s >= min(high_s, end_s):
                return mine
            start_s, count = border_s, count - mine


def block_of(at_s: float) -> int:
    """The block of a trace that holds that second."""
    return int(at_s // _BLOCK_S)

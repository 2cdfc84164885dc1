"""A latency histogram of Envoy's, and what it really says of a percentile. Pure.

Envoy notes whole milliseconds, the rest of the time cut off, and keeps two digits of them: 104 and
109 ms are one number to it. A bucket with `le` takes in the whole step that begins at or below
`le`, so that le="50" counts what took less than 51 ms and le="100" what took less than 110 ms (see
openhistogram/libcircllhist#72; Envoy 1.40 counted 103 ms as le="100" and 153 ms as le="150"). Read
by its label, a p99 of 108 ms would keep a promise of 100 ms. Every bound here is where a bucket
ends in truth. Older Envoys leave the last step out (envoyproxy/envoy#36549): of those a reading is
a step too high at most.

Between two bounds nothing is known, and a percentile is a straight line drawn between them. At a
bound it is known exactly which share of the requests was faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_SAME = 1e-9  # of rates that Prometheus computed from whole counts


class MixedBuckets(ValueError):  # noqa: N818 - it names the state of the series
    """Counts that fall as the bound rises: some series have buckets that others lack."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Where a percentile lies, in seconds: above `low_s` and up to `high_s`, and, if requests are
    spread evenly between the two, at `value_s`. `high_s` is infinite past the highest bucket, and
    `value_s` then as low as it can be."""

    value_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """`bounds_s` in rising order, the last of them infinite, and how many requests (or how many
    per second, only shares count) took less than each. One request at least."""

    bounds_s: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def total(self) -> float:
        """All requests."""
        return self.counts[-1]

    def percentile(self, percentile: float) -> Percentile:
        """The percentile (0 to 100). At most a bound if and only if the share that is faster than
        that bound is at least the percentile's."""
        rank = self.total * percentile / 100.0
        at = next(i for i, count in enumerate(self.counts) if _at_least(count, rank, self.total))
        low_s, below = (self.bounds_s[at - 1], self.counts[at - 1]) if at else (0.0, 0.0)
        high_s = self.bounds_s[at]
        if math.isinf(high_s):
            return Percentile(math.nextafter(low_s, math.inf), low_s, high_s)
        inside = (rank - below) / (self.counts[at] - below)
        return Percentile(min(low_s + (high_s - low_s) * inside, high_s), low_s, high_s)

    def late_share(self, target_s: float) -> float | None:
        """The share of the requests that took longer than the target; None where no bucket ends
        there, and so nobody counted."""
        for bound_s, count in zip(self.bounds_s, self.counts, strict=True):
            if math.isclose(bound_s, target_s, rel_tol=_SAME):
                return max(0.0, 1.0 - count / self.total)
        return None


def histogram_of(buckets: Mapping[float, float]) -> Histogram | None:
    """The histogram of counts by `le` in milliseconds; None where nothing was counted.

    Raises MixedBuckets. Pods of one gateway differ so while a change of their buckets rolls out.
    """
    total = buckets.get(math.inf, 0.0)
    if total <= 0.0:
        return None
    counts: dict[float, float] = {}
    before = 0.0
    for le_ms in sorted(buckets):
        count = max(0.0, buckets[le_ms])
        if not _at_least(count, before, total):
            raise MixedBuckets
        before = max(before, count)
        counts[end_ms(le_ms) / 1000.0] = before
    return Histogram(tuple(counts), tuple(counts.values()))


def end_ms(le_ms: float) -> float:
    """Where Envoy's bucket with that `le` (0 or more) ends in truth."""
    if math.isinf(le_ms):
        return le_ms
    step = 10 ** max(0, len(str(int(le_ms))) - 2)
    return float((int(le_ms) // step + 1) * step)


def le_ms_of(target_s: float) -> int | None:
    """The `le` whose bucket ends at the target; None where none can: only whole milliseconds of two
    digits are kept apart."""
    le_ms = round(target_s * 1000.0) - 1
    fits = le_ms >= 0 and math.isclose(end_ms(le_ms), target_s * 1000.0, rel_tol=_SAME)
    return le_ms if fits else None


def _at_least(count: float, wanted: float, total: float) -> bool:
    return count >= wanted - _SAME * total

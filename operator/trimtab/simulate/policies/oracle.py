"""A clairvoyant: it knows every arrival, and still needs a start-up before a replica is ready.

In each tick a model needs ceil(headroom x its true arrivals / capacity) replicas. A replica is
created a start-up early, paid from then on, and kept through a gap that is shorter than making it
anew. Which variant on which class runs when comes from dynamic programming (MinimizeCost) or from
an exact programme for each stretch of time over all models at once (MaximizeAccuracy, in
`accuracy`). The headroom of each model is tuned in hindsight, see `tune`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.core.plan import Target
from trimtab.core.queue_timeout import queue_timeout_s
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.policies.pin import Pinned
from trimtab.simulate.policies.timeline import Counts, alive, cheapest_sequence, need
from trimtab.simulate.policy import Seen, Targets

Timeline = Mapping[WorkloadKey, Counts]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one model: the ways to serve it, requests per second of each tick, shape
    (ticks,), and its bounds on replicas."""

    ways: tuple[Pinned, ...]
    rates: NDArray[np.float64]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of a tick, and the ticks that a start and a removal take."""

    tick_s: float
    start_ticks: int
    drain_ticks: int


def needs(known: Known, headroom: float) -> list[Counts]:
    """Replicas needed of each way if it served alone, each of shape (ticks,)."""
    return [
        np.minimum(need(known.rates, w.rate, headroom, known.low), known.high) for w in known.ways
    ]


def cheapest(known: Known, clock: Clock, headroom: float) -> Timeline:
    """Replicas over time at least cost, one way at a time."""
    needed = needs(known, headroom)
    price = np.array([[float(w.price_per_hour)] for w in known.ways])
    # Gaps that are cheaper kept than made anew count as need; each growth pays for its start.
    filled = np.array([alive(n, 0, clock.start_ticks + clock.drain_ticks) for n in needed])
    growth = np.maximum(np.diff(filled, axis=1, prepend=filled[:, :1]), 0)
    running = price * (filled + growth * clock.start_ticks)
    # A change pays all of its newcomers' start, and about as much again while the others drain.
    entry = price * ((filled - growth) * clock.start_ticks + filled * clock.drain_ticks)
    return along(known, needed, cheapest_sequence(running, entry), clock)


def cheapest_mix(known: Known, clock: Clock, headroom: float) -> Timeline:
    """Replicas over time where variants may share the traffic: the cheapest way alone, or the
    cheapest pair of which the second carries what whole replicas of the first leave over."""
    best = cheapest(known, clock, headroom)
    prices = {w.key: float(w.price_per_hour) for w in known.ways}
    rates = np.maximum(headroom * known.rates, 1e-9)
    for first, second in itertools.permutations(known.ways, 2):
        whole = np.floor(rates / first.rate + 1e-9).astype(np.int64)
        rest = np.ceil((rates - whole * first.rate) / second.rate - 1e-9).astype(np.int64)
        rest = np.maximum(rest, known.low - whole)
        if (whole + rest).max() > known.high:
            continue
        pair = {
            w.key: alive(n, clock.start_ticks, clock.drain_ticks)
            for w, n in ((first, whole), (second, rest))
        }
        best = min(best, pair, key=lambda t: sum(prices[k] * int(c.sum()) for k, c in t.items()))
    return best


def along(known: Known, needed: list[Counts], path: NDArray[np.int64], clock: Clock) -> Timeline:
    """The replicas that exist of each way where `path` says which one serves, shape (ticks,)."""
    return {
        way.key: alive(np.where(path == i, n, 0), clock.start_ticks, clock.drain_ticks)
        for i, (way, n) in enumerate(zip(known.ways, needed, strict=True))
        if (path == i).any()
    }


class Timetable:
    """Plays timelines: what each workload was worked out to be, tick after tick."""

    def __init__(
        self,
        timelines: Mapping[ObjectKey, Timeline],
        ways: Mapping[ObjectKey, tuple[Pinned, ...]],
        tick_s: float,
    ) -> None:
        self._timelines = timelines
        self._ways = {model: {w.key: w for w in each} for model, each in ways.items()}
        self._tick_s = tick_s
        self._began_s = 0.0

    def start(self, seen: Seen, now_s: float) -> Targets:
        self._began_s = now_s
        return self.tick(seen, now_s)

    def tick(self, seen: Seen, now_s: float) -> Targets:
        at = round((now_s - self._began_s) / self._tick_s)
        return {s.spec.key: self._targets(s.spec, at) for s in seen.snapshot.models}

    def _targets(self, spec: ModelDeployment, at: int) -> tuple[Target, ...]:
        model = spec.key
        ways = self._ways[model]
        counts = {key: int(c[min(at, c.size - 1)]) for key, c in self._timelines[model].items()}
        total = sum(n * ways[key].rate for key, n in counts.items())
        return tuple(
            # The weight of a variant is its share of what all carry.
            Target(
                key,
                n,
                ways[key].batch_cap,
                weight=max(1, round(100 * n * ways[key].rate / total)),
                queue_timeout_s=queue_timeout_s(spec, key.variant),
            )
            for key, n in counts.items()
            if n > 0
        )

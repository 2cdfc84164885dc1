"""A bursty load drawn from a seed, or cut from a recorded trace. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from e2e.load.arrivals import Schedule, Segment

# Long enough that each is followed: shorter ones find the fleet held where the last had it.
_CALM_S, _BURST_S = (40.0, 60.0), (30.0, 50.0)
_CALM, _BURST = (0.02, 0.1), (0.7, 1.3)  # of `most`
_LEAST_RATE = 2.0


def drawn(seed: int, duration_s: float, most: float) -> Schedule:
    """Calm stretches and bursts in turn, Poisson within each: a Markov-modulated process of two
    states. Bursts reach `most` requests/s and a third more, so that fleets must grow and shrink."""
    rng = random.Random(seed)
    segments: list[Segment] = []
    left_s, calm = duration_s, True
    while left_s > 0.0:
        length_s = min(left_s, round(rng.uniform(*(_CALM_S if calm else _BURST_S)), 1))
        share = rng.uniform(*(_CALM if calm else _BURST))
        segments.append(Segment(length_s, round(max(_LEAST_RATE, share * most), 1)))
        left_s, calm = round(left_s - length_s, 3), not calm
    return Schedule(tuple(segments))


def cut(
    counts: Sequence[tuple[float, float, int]], start_s: float, duration_s: float, most: float
) -> Schedule:
    """A stretch of a trace, (start, length, requests) each, with its largest rate made `most`.

    Raises ValueError where the trace has no requests there.
    """
    chosen = [c for c in counts if start_s <= c[0] < start_s + duration_s]
    peak = max((count / length for _, length, count in chosen), default=0.0)
    if peak <= 0.0:
        raise ValueError(f"the trace has no requests from {start_s:g} s for {duration_s:g} s")
    return Schedule(
        tuple(
            Segment(length, round(most * count / length / peak, 2)) for _, length, count in chosen
        )
    )


def text(schedule: Schedule) -> str:
    """As the load generator reads it."""
    return ",".join(f"{s.duration_s:g}s@{s.rate:g}" for s in schedule.segments)

"""A bursty load drawn from a seed, or cut from a recorded trace. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from e2e.load.arrivals import Schedule, Segment

# Calms are long enough for a fleet to follow them down, and bursts so short that one replica, where
# readings are gone meanwhile, has answered what queued before its clients give up.
_CALM_S, _BURST_S = (25.0, 55.0), (15.0, 40.0)
_CALM, _BURST = (0.05, 0.2), (0.7, 1.3)  # of `most`
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

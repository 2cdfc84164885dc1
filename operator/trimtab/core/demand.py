"""How much load to plan for, from rates that are measured, and what to do when they are not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trimtab.core.memory import ModelMemory
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import Reading, is_blind, value_or_none
from trimtab.core.snapshot import ModelReadings


@dataclass(frozen=True, slots=True)
class Demand:
    """rate: items per second to plan for, None where nothing is known. A request is one item for
    most clients; one that brings a batch of its own counts as many, as it does for Triton's cap.

    blind: True where the fleet must not shrink on what was read.
    """

    rate: float | None
    blind: bool


def estimate_demand(readings: ModelReadings, target_s: float, policy: PolicySettings) -> Demand:
    """The upper edge of the measured rates, and the backlog worked off in a bounded time.

    Each rate is a Poisson count over its window, so its standard deviation is sqrt(rate/window):
    that is the headroom, derived and not guessed. The short window sees a step first, the long one
    keeps a lull of one scrape from being believed.
    """
    edges = list(
        _upper_edges(
            (
                (readings.arrival_rate, policy.long_window_s),
                (readings.arrival_rate_fast, policy.fast_window_s),
            ),
            policy.rate_confidence,
        )
    )
    if not edges:
        return Demand(None, blind=True)
    rate = max(edges)
    # Little's law: more in flight than rate * target means requests are already too late.
    pending = value_or_none(readings.pending) or 0.0
    backlog = max(0.0, pending - max(1.0, rate * target_s))
    return Demand(
        readings.items * (rate + backlog / policy.backlog_drain_s),
        # A dead long window with a live short one is a gap in the scrapes: enough to grow on.
        blind=is_blind(readings.arrival_rate),
    )


def remember_demand(
    memory: ModelMemory, demand: Demand, now_s: float, keep_s: float
) -> ModelMemory:
    """The memory with this demand added; blind times break the record that shrinking needs."""
    if demand.blind:
        memory = replace(
            memory,
            blind_since_s=now_s if memory.blind_since_s is None else memory.blind_since_s,
            seeing_since_s=None,
        )
    else:
        memory = replace(
            memory,
            blind_since_s=None,
            seeing_since_s=now_s if memory.seeing_since_s is None else memory.seeing_since_s,
        )
    if demand.rate is None:
        return memory
    # Only what no later entry reaches can ever be a maximum again.
    kept = tuple((t, r) for t, r in memory.demand if t > now_s - keep_s and r > demand.rate)
    return replace(memory, demand=(*kept, (now_s, demand.rate)))


def peak_demand(memory: ModelMemory, now_s: float, window_s: float) -> float | None:
    """The largest demand of the last `window_s` seconds; None where none was recorded."""
    return next((r for t, r in memory.demand if t >= now_s - window_s), None)


def seen_for(memory: ModelMemory, now_s: float, window_s: float) -> bool:
    """True where readings came without a gap for the whole of the last `window_s` seconds."""
    return memory.seeing_since_s is not None and memory.seeing_since_s <= now_s - window_s


def last_time_above(memory: ModelMemory, rate: float) -> float | None:
    """When the demand was last above `rate`; None where it never was."""
    return max((t for t, r in memory.demand if r > rate), default=None)


def _upper_edges(readings: tuple[tuple[Reading, float], ...], confidence: float) -> Iterator[float]:
    for reading, window_s in readings:
        rate = value_or_none(reading)
        if rate is not None:
            yield rate + confidence * math.sqrt(rate / window_s)

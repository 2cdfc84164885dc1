"""What one autoscaler made of the load. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from e2e.kit.recorder import Moment
from e2e.load.arrivals import Schedule
from e2e.load.stats import Result, summarise

_RISE = 2.0
"""From how many times the rate before on a segment is a burst that takes more replicas."""


@dataclass(frozen=True)
class Outcome:
    """One run. in_time: share of all requests that were answered within the SLO's target.
    cost_per_hour: the mean of what existed. reaction_s: the median, over the bursts that came to a
    fleet of one replica, from the burst to the first patch; None where none brought one.
    """

    name: str
    requests: int
    failed: int
    in_time: float
    p99_ms: float | None
    cost_per_hour: float
    most_replicas: int
    changes: int
    reaction_s: float | None


def outcome(
    name: str,
    results: Sequence[Result],
    moments: Sequence[Moment],
    started_at_s: float,
    schedule: Schedule,
    target_s: float,
) -> Outcome:
    """`started_at_s`: when second 0 of the load was (epoch seconds)."""
    everything = summarise(results)
    in_time = sum(not r.error and r.latency_s <= target_s for r in results)
    end_s = started_at_s + sum(s.duration_s for s in schedule.segments)
    during = [m for m in moments if started_at_s <= m.at_s <= end_s]
    return Outcome(
        name=name,
        requests=everything.requests,
        failed=everything.failed,
        in_time=round(in_time / max(1, len(results)), 5),
        p99_ms=None if everything.p99_s is None else round(1000 * everything.p99_s, 1),
        cost_per_hour=round(_mean_cost(during), 4),
        most_replicas=max((m.replicas for m in during), default=0),
        changes=sum(a.replicas != b.replicas for a, b in itertools.pairwise(during)),
        reaction_s=_reaction_s(during, started_at_s, schedule),
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """As docs/benchmarks.md has it."""
    head = (
        "| | requests | failed | in time | p99 | mean $/h | most replicas | changes | reaction |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {o.name} | {o.requests:,} | {o.failed} | {100 * o.in_time:.2f} % |"
        f" {'-' if o.p99_ms is None else f'{o.p99_ms:,.0f} ms'} | {o.cost_per_hour:.3f} |"
        f" {o.most_replicas} | {o.changes} |"
        f" {'-' if o.reaction_s is None else f'{o.reaction_s:.1f} s'} |\n"
        for o in outcomes
    )


def _mean_cost(moments: Sequence[Moment]) -> float:
    """By the time that each cost stood."""
    spans = [(b.at_s - a.at_s, float(a.cost_per_hour)) for a, b in itertools.pairwise(moments)]
    seconds = sum(length for length, _ in spans)
    return sum(length * cost for length, cost in spans) / seconds if seconds else 0.0


def _reaction_s(moments: Sequence[Moment], started_at_s: float, schedule: Schedule) -> float | None:
    reactions = []
    for start_s, end_s in _bursts(schedule):
        since = [m for m in moments if start_s <= m.at_s - started_at_s < end_s]
        if since and since[0].replicas == 1:
            grown = next((m for m in since if m.replicas > 1), None)
            if grown is not None:
                reactions.append(grown.at_s - started_at_s - start_s)
    return round(sorted(reactions)[len(reactions) // 2], 1) if reactions else None


def _bursts(schedule: Schedule) -> list[tuple[float, float]]:
    """Start and end of every segment that the load rises to, in seconds of the load."""
    found, at_s, before = [], 0.0, None
    for segment in schedule.segments:
        if before is not None and segment.rate >= _RISE * before:
            found.append((at_s, at_s + segment.duration_s))
        at_s, before = at_s + segment.duration_s, segment.rate
    return found

"""The figures of a demo run, from the load's results and the recorder's moments. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from e2e.kit.recorder import Moment
from e2e.load.stats import Result, summarise

_SETTLE_S = 30.0  # the queue that grew before the new replicas is worked off by then


@dataclass(frozen=True)
class Phases:
    """When, in seconds from the start of the load, it steps up, steps down and ends."""

    up_s: float
    down_s: float
    end_s: float


@dataclass(frozen=True)
class Figures:
    """What a run came to. Milliseconds are of the client's own p99, from the scheduled send time.

    before: the low load. during: from the step until the last new replica was Ready and the queue
    worked off. settled: the rest of the high load, on the fleet that was made for it. after: the
    low load that follows.
    """

    requests: int
    failed: int
    target_ms: float
    p99_before_ms: float | None
    p99_during_ms: float | None
    p99_settled_ms: float | None
    p99_after_ms: float | None
    replicas_before: int
    replicas_peak: int
    replicas_after: int
    cost_per_hour_before: float
    cost_per_hour_peak: float
    cost_per_hour_after: float
    budget_per_hour: float
    seconds_from_step_to_patch: float | None
    seconds_from_step_to_ready: float | None
    generator_lag_p99_ms: float | None
    errors: dict[str, int]
    connect_retries: int


def figures(
    results: Sequence[Result],
    moments: Sequence[Moment],
    started_at_s: float,
    phases: Phases,
    target_ms: float,
    budget: Decimal,
) -> Figures:
    """The figures; `started_at_s` is when second 0 of the load was (epoch seconds)."""
    step_s = started_at_s + phases.up_s
    before = [m for m in moments if m.at_s < step_s]
    high = [m for m in moments if step_s <= m.at_s < started_at_s + phases.down_s]
    replicas_before = before[-1].replicas
    patched = next((m for m in high if m.replicas > replicas_before), None)
    replicas_peak = max(m.replicas for m in [before[-1], *high])
    ready = next((m for m in high if m.ready >= replicas_peak > replicas_before), None)
    settled_s = phases.down_s
    if ready is not None:
        settled_s = min(phases.down_s, ready.at_s - started_at_s + _SETTLE_S)
    everything = summarise(results)
    return Figures(
        requests=everything.requests,
        failed=everything.failed,
        target_ms=target_ms,
        p99_before_ms=_p99_ms(results, 0.0, phases.up_s),
        p99_during_ms=_p99_ms(results, phases.up_s, settled_s),
        p99_settled_ms=_p99_ms(results, settled_s, phases.down_s),
        p99_after_ms=_p99_ms(results, phases.down_s, phases.end_s),
        replicas_before=replicas_before,
        replicas_peak=replicas_peak,
        replicas_after=moments[-1].replicas,
        cost_per_hour_before=float(before[-1].cost_per_hour),
        cost_per_hour_peak=float(max(m.cost_per_hour for m in moments)),
        cost_per_hour_after=float(moments[-1].cost_per_hour),
        budget_per_hour=float(budget),
        seconds_from_step_to_patch=_seconds_after(step_s, patched),
        seconds_from_step_to_ready=_seconds_after(step_s, ready),
        generator_lag_p99_ms=_ms(everything.lag_p99_s),
        errors=everything.errors,
        connect_retries=everything.connect_retries,
    )


def _p99_ms(results: Sequence[Result], start_s: float, end_s: float) -> float | None:
    return _ms(summarise(results, start_s, end_s).p99_s)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _seconds_after(step_s: float, moment: Moment | None) -> float | None:
    return None if moment is None else round(moment.at_s - step_s, 1)

"""The load of the variants' demo, and what a run came to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from e2e.kit.recorder import Moment
from e2e.load.stats import Result, summarise

# (seconds, load as a multiple of the most that one replica of the fast variant answers). At its top
# the budget does not hold as many replicas of the accurate variant as it would take.
RISE = (
    *((40, 0.12), (20, 0.2), (20, 0.3), (20, 0.45), (20, 0.65), (20, 0.9), (20, 1.2), (20, 1.5)),
    *((120, 1.8), (20, 1.2), (20, 0.6), (150, 0.12)),
)


@dataclass(frozen=True)
class RisingFigures:
    """What a run came to. in_time: share of the requests that were answered within the target.
    accuracy: share of the answers that were right, on held-out images. variants: what served most,
    in order of time; cost in money per hour."""

    requests: int
    failed: int
    target_ms: float
    in_time: float
    p99_ms: float | None
    accuracy: float | None
    accuracy_floor: float
    variants: list[str]
    accurate_replicas_peak: int
    fast_replicas_peak: int
    cost_per_hour_peak: float
    budget_per_hour: float
    connect_retries: int
    errors: dict[str, int]


def schedule(most: float) -> str:
    """The rise and the fall as the load generator reads it; `most` in requests/s."""
    return ",".join(f"{seconds}s@{max(2, round(share * most))}" for seconds, share in RISE)


def duration_s() -> float:
    """How long it takes."""
    return sum(seconds for seconds, _ in RISE)


def replicas_of(moment: Moment, variant: str) -> tuple[int, int]:
    """(asked for, Ready) of a variant at that moment, as the status tells."""
    told = [v for v in moment.status.get("variants") or () if v["name"] == variant]
    return sum(v["replicas"] for v in told), sum(v["readyReplicas"] for v in told)


def rising_figures(
    results: Sequence[Result],
    moments: Sequence[Moment],
    *,
    fast: str,
    accurate: str,
    target_ms: float,
    floor: float,
    budget: Decimal,
) -> RisingFigures:
    """The figures of a run."""
    everything = summarise(results)
    in_time = sum(1 for r in results if not r.error and 1000 * r.latency_s <= target_ms)
    served = [max((accurate, fast), key=lambda v: replicas_of(m, v)[1]) for m in moments]
    return RisingFigures(
        requests=everything.requests,
        failed=everything.failed,
        target_ms=target_ms,
        in_time=round(in_time / max(1, everything.requests), 5),
        p99_ms=None if everything.p99_s is None else round(1000 * everything.p99_s, 1),
        accuracy=everything.accuracy,
        accuracy_floor=floor,
        variants=[variant for variant, _ in groupby(served)],
        accurate_replicas_peak=max(replicas_of(m, accurate)[0] for m in moments),
        fast_replicas_peak=max(replicas_of(m, fast)[0] for m in moments),
        cost_per_hour_peak=float(max(m.cost_per_hour for m in moments)),
        budget_per_hour=float(budget),
        connect_retries=everything.connect_retries,
        errors=everything.errors,
    )

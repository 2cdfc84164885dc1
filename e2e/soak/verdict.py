"""What a run came to, from the record of the cluster and the results of the load. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from e2e.kit.recorder import PERIOD_S, Moment
from e2e.load.stats import Result

# A request that was in flight in a killed pod, or went to it before its endpoint was gone.
KILL_S = 15.0
# A decision that was taken on readings of before is applied within a tick.
_BLIND_AFTER_S = 6.0
_GAP_S = 10 * PERIOD_S  # a longer silence of the API server is no time that was seen


@dataclass(frozen=True)
class Promise:
    """What a model's spec promises: the accuracy of each variant, its floor, its budget an hour."""

    accuracy: Mapping[str, Decimal]
    floor: Decimal
    budget: Decimal
    target_s: float


@dataclass(frozen=True)
class Fault:
    """What was done, when (epoch seconds), when it was taken back, and how long the recovery took
    from then; None where there was none in time. killed: the model of which it killed a serving
    pod outright."""

    name: str
    at_s: float
    ended_s: float
    recovery_s: float | None
    killed: str | None = None
    blinds: bool = False


@dataclass(frozen=True)
class SoakFigures:
    """The figures of `make soak`.

    failed: requests without a good answer; failed_at_kills: those of them that were sent up to 15 s
    before or after a serving pod of their model was killed; in_flight_at_kills: requests that such
    a model had not answered yet, over all its pods, when one was killed. slo_attainment: share of
    all requests that were answered within the target. changes: of a workload's replicas and of the
    variant that serves most. recoveries_seconds: by fault, in order; -1 where there was none in
    time. recorded_share: of the time, in which the fleets were seen: what is said of changes,
    budget and floor is said of that.
    """

    seed: int
    minutes: float
    requests: int
    failed: int
    failed_at_kills: int
    in_flight_at_kills: int
    slo_attainment: float
    changes: int
    scale_changes: int
    variant_changes: int
    faults: dict[str, int]
    shrinks_on_unknown: int
    budget_violation_seconds: float
    floor_violations: int
    recoveries_seconds: list[float]
    recoveries_by_fault: dict[str, list[float]]
    operator_restarts: int
    operator_rss_mib_max: float
    recorded_share: float
    errors: dict[str, int] = field(default_factory=dict)


def scale_changes(moments: Sequence[Moment]) -> int:
    """How often a workload was asked for another number of replicas."""
    return sum(
        sum(a.asked.get(k, 0) != b.asked.get(k, 0) for k in a.asked.keys() | b.asked.keys())
        for a, b in itertools.pairwise(moments)
    )


def variant_changes(moments: Sequence[Moment]) -> int:
    """How often another variant became the one with most Ready replicas."""
    leaders = [leader for m in moments if (leader := _leader(m))]
    return sum(a != b for a, b in itertools.pairwise(leaders))


def shrinks_on_unknown(moments: Sequence[Moment], faults: Iterable[Fault]) -> int:
    """How often a fleet was asked for fewer replicas while its readings were gone."""
    blind = [(f.at_s + _BLIND_AFTER_S, f.ended_s) for f in faults if f.blinds]
    return sum(
        b.replicas < a.replicas and any(start <= a.at_s and b.at_s <= end for start, end in blind)
        for a, b in itertools.pairwise(moments)
    )


def over_budget_s(moments: Sequence[Moment], budget: Decimal) -> float:
    """Seconds for which the pods that exist cost more than the budget."""
    return sum(
        min(_GAP_S, b.at_s - a.at_s)
        for a, b in itertools.pairwise(moments)
        if a.cost_per_hour > budget
    )


def recorded_s(moments: Sequence[Moment]) -> float:
    """Seconds of which there is a record."""
    return sum(min(_GAP_S, b.at_s - a.at_s) for a, b in itertools.pairwise(moments))


def floor_violations(moments: Sequence[Moment], promise: Promise) -> int:
    """How often a variant below the floor began to be asked for."""
    below = {v for v, accuracy in promise.accuracy.items() if accuracy < promise.floor}
    asked = [any(n and k.split("/")[0] in below for k, n in m.asked.items()) for m in moments]
    return sum(now and not before for before, now in itertools.pairwise([False, *asked]))


def in_time(results: Sequence[Result], target_s: float) -> int:
    """How many were answered within the target."""
    return sum(1 for r in results if not r.error and r.latency_s <= target_s)


def failed_at_kills(results: Sequence[Result], kills_s: Sequence[float]) -> int:
    """How many of the failed were sent around a moment, in seconds of the run, in which a serving
    pod was killed."""
    return sum(
        any(abs(r.scheduled_s - at_s) <= KILL_S for at_s in kills_s) for r in results if r.error
    )


def in_flight(results: Sequence[Result], at_s: Sequence[float]) -> int:
    """How many had been sent and not been answered at these seconds of the run."""
    return sum(
        r.scheduled_s + r.lag_s <= moment <= r.scheduled_s + r.latency_s
        for r in results
        for moment in at_s
    )


def counted(faults: Iterable[Fault]) -> dict[str, int]:
    """Faults by name."""
    return dict(sorted(Counter(f.name for f in faults).items()))


def recoveries(faults: Iterable[Fault]) -> dict[str, list[float]]:
    """Seconds of every recovery, by fault; -1 for none in time."""
    found: dict[str, list[float]] = {}
    for fault in faults:
        seconds = -1.0 if fault.recovery_s is None else round(fault.recovery_s, 1)
        found.setdefault(fault.name, []).append(seconds)
    return dict(sorted(found.items()))


def _leader(moment: Moment) -> str:
    """The variant with most Ready replicas, as the status tells; empty where none is Ready."""
    told = [v for v in moment.status.get("variants") or () if v.get("readyReplicas")]
    best = max(told, key=lambda v: (v["readyReplicas"], v["name"]), default=None)
    return str(best["name"]) if best else ""

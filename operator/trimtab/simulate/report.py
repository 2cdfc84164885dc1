"""What a run came to: per model, per minute and per tick; and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.bins import quantile_s
from trimtab.simulate.minutes import Minute
from trimtab.simulate.state import Ints


@dataclass(frozen=True, slots=True)
class Moment:
    """One model at one tick, after the policy was asked.

    at_s: seconds of the run. offered_rate: requests per second that arrived since the tick before.
    replicas: (asked for, Ready) by workload. cost_per_hour: dollars, of all that holds a place.
    predicted_s, action, summary: as the decision has them, where the policy explains itself.
    """

    at_s: float
    offered_rate: float
    replicas: Mapping[WorkloadKey, tuple[int, int]]
    cost_per_hour: float
    predicted_s: float | None = None
    action: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ModelReport:
    """One model's run.

    name: as in the JSON. histogram: answered requests by latency, shape (bins.BINS,). cost:
    dollars. accuracy_mean: over answered requests, None without any. minutes: by minute of arrival.
    """

    name: str
    spec: ModelDeployment
    requests: int
    answered: int
    within: int
    histogram: Ints
    cost: float
    accuracy_mean: float | None
    scale_events: int
    variant_switches: int
    minutes: tuple[Minute, ...]
    moments: tuple[Moment, ...]

    @property
    def dropped(self) -> int:
        """Requests that nobody answered."""
        return self.requests - self.answered

    @property
    def slo_attainment(self) -> float:
        """The share of requests answered within the target; 1 where there were none to miss."""
        return self.within / self.requests if self.requests else 1.0

    def latency_s(self, percentile: float) -> float | None:
        """That percentile over all requests; None where dropped ones make it infinite, or where no
        request came."""
        return quantile_s(self.histogram, percentile / 100.0, self.dropped)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A whole run. budget_violation_seconds: in which what ran cost more than any budget allows.
    duration_s: what was simulated; wall_s: how long that took. budgets: dollars per hour of the
    shared ones."""

    policy: str
    models: tuple[ModelReport, ...]
    budget_violation_seconds: float
    duration_s: float
    wall_s: float
    budgets: Mapping[ObjectKey, Decimal] = field(default_factory=dict)

    @property
    def accuracy_mean(self) -> float | None:
        """Over the answered requests of all models."""
        answered = sum(m.answered for m in self.models)
        total = sum((m.accuracy_mean or 0.0) * m.answered for m in self.models)
        return total / answered if answered else None


def as_json(report: Report) -> dict[str, Any]:
    """The report as the command prints it: plain numbers, dollars to six digits."""
    requests = sum(m.requests for m in report.models)
    within = sum(m.within for m in report.models)
    return {
        "policy": report.policy,
        "models": {m.name: _model(m) for m in report.models},
        "total": {
            "requests": requests,
            "slo_attainment": _share(within, requests),
            "cost": round(sum(m.cost for m in report.models), 6),
            "accuracy_mean": _rounded(report.accuracy_mean),
            "budget_violation_seconds": round(report.budget_violation_seconds, 3),
            "seconds_simulated": round(report.duration_s, 3),
            "wall_seconds": round(report.wall_s, 3),
        },
    }


def _model(model: ModelReport) -> dict[str, Any]:
    return {
        "requests": model.requests,
        "slo_attainment": round(model.slo_attainment, 6),
        "dropped": model.dropped,
        "p50_ms": _ms(model.latency_s(50.0)),
        "p99_ms": _ms(model.latency_s(99.0)),
        "cost": round(model.cost, 6),
        "accuracy_mean": _rounded(model.accuracy_mean),
        "scale_events": model.scale_events,
        "variant_switches": model.variant_switches,
        "minutes": [
            {
                "minute": minute.minute,
                "requests": minute.requests,
                "p99_ms": _ms(minute.p99_s),
                "slo_share": _share(minute.within, minute.requests),
                "replicas": round(minute.replicas, 3),
            }
            for minute in model.minutes
        ],
    }


def _share(part: int, whole: int) -> float:
    """Of requests; 1 where there were none to miss."""
    return round(part / whole, 6) if whole else 1.0


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)

"""trimtab's own metrics, on a registry of their own; series go with their object."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trimtab.api.resources import RoutingType
from trimtab.core.plan import ModelPlan, Plan
from trimtab.core.signals import Missing, Reading, Stale
from trimtab.core.snapshot import ModelState, Snapshot

_MODEL = ("namespace", "modeldeployment")
_WORKLOAD = (*_MODEL, "variant", "accelerator_class")
# Per model: name, what it says, labels beside the model's.
_GAUGES = (
    ("trimtab_decision_wanted_replicas", "What load and SLO alone ask for.", _WORKLOAD),
    ("trimtab_target_replicas", "Replicas decided.", _WORKLOAD),
    ("trimtab_target_traffic_ratio", "Share of the traffic decided for a gateway.", _WORKLOAD),
    ("trimtab_decision_binding", "1 for the rule that decided.", (*_MODEL, "constraint")),
    ("trimtab_decision_cost_dollars_per_hour", "Cost of what was decided.", _MODEL),
    ("trimtab_decision_gap_ratio", "Most that the plan is dearer than the optimum.", _MODEL),
    ("trimtab_decision_next_change_timestamp_seconds", "The fleet may shrink then.", _MODEL),
    ("trimtab_cost_dollars_per_hour", "Cost of what exists.", _MODEL),
    ("trimtab_budget_dollars_per_hour", "Budget in force.", _MODEL),
    ("trimtab_demand_requests_per_second", "Load planned for.", _MODEL),
    ("trimtab_cache_hit_ratio", "Share of requests that response caches answered.", _MODEL),
    ("trimtab_slo_latency_seconds", "The latency promised.", (*_MODEL, "percentile")),
    ("trimtab_latency_seconds", "The SLO's percentile.", (*_MODEL, "kind")),
    ("trimtab_reading_missing", "1 for a reading that is missing.", (*_MODEL, "reading", "reason")),
    ("trimtab_condition", "1 where the condition has that status.", (*_MODEL, "type", "status")),
)


class Metrics:
    """What the operator measures of itself. Labels are bounded by the objects that exist."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.tick_seconds = Histogram(
            "trimtab_tick_seconds",
            "Seconds one whole decision took, readings and writes included.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=r,
        )
        self.last_tick = Gauge(
            "trimtab_last_tick_timestamp_seconds", "When a decision last completed.", registry=r
        )
        self.writes = Counter(
            "trimtab_api_writes", "Writes to the API server.", ("kind",), registry=r
        )
        self.errors = Counter(
            "trimtab_errors", "Failed calls, by side and reason.", ("side", "reason"), registry=r
        )
        self.decisions = Counter(
            "trimtab_decisions",
            "Decisions by action and binding rule.",
            ("action", "binding"),
            registry=r,
        )
        self.leader = Gauge(
            "trimtab_leader", "1 where this replica leads, 0 where it stands by.", registry=r
        )
        self.lease_transitions = Gauge(
            "trimtab_lease_transitions", "Times the Lease went to another holder.", registry=r
        )
        self._models = _Models()
        r.register(self._models)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)

    def show(self, plan: Plan, snapshot: Snapshot) -> None:
        """Replaces every per-model series by those of the plan: what is gone leaves no series."""
        self._models.shown = (plan, snapshot)

    def forget_models(self) -> None:
        """Leaves no per-model series: of two replicas that both show them, a sum counts double."""
        self._models.shown = None


class _Models(Collector):
    """The series of every model, made when they are asked for: a scrape comes every half minute,
    a plan every few seconds, and twenty series of a thousand models take a tenth of one."""

    def __init__(self) -> None:
        self.shown: tuple[Plan, Snapshot] | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without their series."""
        return (GaugeMetricFamily(name, said, labels=labels) for name, said, labels in _GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of the last plan."""
        values = _Values()
        if self.shown is not None:
            plan, snapshot = self.shown
            for state in snapshot.models:
                values.add(plan.models[state.spec.key], state, snapshot)
        for family in self.describe():
            for labels, value in values.of(family.name):
                family.add_metric(labels, value)
            yield family


class _Values:
    """Values by gauge and labels."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[str, ...], float]] = {}

    def of(self, name: str) -> list[tuple[tuple[str, ...], float]]:
        """The series of a gauge."""
        return list(self._values.get(name, {}).items())

    def add(self, plan: ModelPlan, state: ModelState, snapshot: Snapshot) -> None:
        """The series of one model."""
        self._show_decision(plan, state, snapshot)
        self._show_promise(plan, state)

    def _show_decision(self, plan: ModelPlan, state: ModelState, snapshot: Snapshot) -> None:
        model, decision = (plan.key.namespace, plan.key.name), plan.decision
        wanted, cost = decision.wanted, 0.0
        if wanted is not None:
            place = (*model, wanted.variant, wanted.accelerator_class)
            self._set("trimtab_decision_wanted_replicas", place, decision.wanted_replicas)
        for target in plan.targets:
            place = (*model, target.key.variant, target.key.accelerator_class)
            self._set("trimtab_target_replicas", place, target.replicas)
            if state.spec.routing.type is RoutingType.GATEWAY:
                self._set("trimtab_target_traffic_ratio", place, target.weight / 100)
            accelerator = snapshot.accelerator_classes.get(target.key.accelerator_class)
            price = accelerator.price_per_hour if accelerator else None
            cost += math.nan if price is None else float(price * target.replicas)
        self._set("trimtab_decision_cost_dollars_per_hour", model, cost)
        self._set("trimtab_decision_binding", (*model, decision.binding or "None"), 1.0)
        self._set("trimtab_decision_gap_ratio", model, decision.gap)
        self._set(
            "trimtab_decision_next_change_timestamp_seconds",
            model,
            decision.next_change_allowed_at_s,
        )
        self._set("trimtab_demand_requests_per_second", model, decision.demand_rate)

    def _show_promise(self, plan: ModelPlan, state: ModelState) -> None:
        model, slo = (plan.key.namespace, plan.key.name), state.spec.slo
        for name, amount in (
            ("trimtab_cost_dollars_per_hour", plan.cost_per_hour),
            ("trimtab_budget_dollars_per_hour", plan.budget_per_hour),
        ):
            self._set(name, model, None if amount is None else float(amount))
        self._set("trimtab_cache_hit_ratio", model, plan.hit_share)
        self._set("trimtab_slo_latency_seconds", (*model, f"{slo.percentile:g}"), slo.target_s)
        self._set("trimtab_latency_seconds", (*model, "observed"), plan.latency.observed_s)
        self._set("trimtab_latency_seconds", (*model, "predicted"), plan.latency.predicted_s)
        for reading, reason in _missing(state):
            self._set("trimtab_reading_missing", (*model, reading, reason), 1.0)
        for condition in plan.conditions:
            place = (*model, condition.type, str(condition.status))
            self._set("trimtab_condition", place, 1.0)

    def _set(self, name: str, labels: tuple[str, ...], value: float | None) -> None:
        """One series; none where the value is unknown, for an unknown is no zero."""
        if value is not None and math.isfinite(value):
            self._values.setdefault(name, {})[labels] = value


def _missing(state: ModelState) -> list[tuple[str, str]]:
    """The readings of a model that are Missing or Stale, each with its reason."""
    readings = state.readings
    named: tuple[tuple[str, Reading], ...] = (
        ("arrival_rate", readings.arrival_rate),
        ("arrival_rate_fast", readings.arrival_rate_fast),
        ("pending", readings.pending),
        ("latency", readings.latency_s),
    )
    reasons = (
        (name, r.reason if isinstance(r, Missing) else "Stale")
        for name, r in named
        if isinstance(r, Missing | Stale)
    )
    return list(reasons)

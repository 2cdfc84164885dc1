"""trimtab's own metrics, on a registry of their own; series go with their object."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from trimtab.api.resources import ObjectKey
from trimtab.core.plan import ModelPlan, Plan

_MODEL = ("namespace", "modeldeployment")
_WORKLOAD = (*_MODEL, "variant", "accelerator_class")


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
        self._replicas = Gauge(
            "trimtab_target_replicas", "Replicas decided.", _WORKLOAD, registry=r
        )
        self._cost = Gauge(
            "trimtab_cost_dollars_per_hour", "Cost of what exists.", _MODEL, registry=r
        )
        self._budget = Gauge(
            "trimtab_budget_dollars_per_hour", "Budget in force.", _MODEL, registry=r
        )
        self._demand = Gauge(
            "trimtab_demand_requests_per_second", "Load planned for.", _MODEL, registry=r
        )
        self._latency = Gauge(
            "trimtab_latency_seconds", "The SLO's percentile.", (*_MODEL, "kind"), registry=r
        )
        self._condition = Gauge(
            "trimtab_condition",
            "1 where the condition has that status.",
            (*_MODEL, "type", "status"),
            registry=r,
        )

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)

    def show(self, plan: Plan) -> None:
        """Replaces every per-model series by those of the plan: what is gone leaves no series."""
        for gauge in (
            self._replicas,
            self._cost,
            self._budget,
            self._demand,
            self._latency,
            self._condition,
        ):
            gauge.clear()
        for key, model in plan.models.items():
            self._show_model(key, model)

    def _show_model(self, key: ObjectKey, plan: ModelPlan) -> None:
        labels = (key.namespace, key.name)
        for target in plan.targets:
            self._replicas.labels(*labels, target.key.variant, target.key.accelerator_class).set(
                target.replicas
            )
        if plan.cost_per_hour is not None:
            self._cost.labels(*labels).set(float(plan.cost_per_hour))
        if plan.budget_per_hour is not None:
            self._budget.labels(*labels).set(float(plan.budget_per_hour))
        if plan.decision.demand_rate is not None:
            self._demand.labels(*labels).set(plan.decision.demand_rate)
        for kind, value in (
            ("observed", plan.latency.observed_s),
            ("predicted", plan.latency.predicted_s),
        ):
            if value is not None and math.isfinite(value):
                self._latency.labels(*labels, kind).set(value)
        for condition in plan.conditions:
            self._condition.labels(*labels, condition.type, str(condition.status)).set(1)

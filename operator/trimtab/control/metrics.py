"""trimtab's own metrics, on a registry of their own; series go with their object."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trimtab.api.resources import ObjectKey, RoutingType
from trimtab.control.slo_time import SloTime
from trimtab.core.ledger import Spent, budget_key, spent_on
from trimtab.core.plan import ModelPlan, Plan
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import ModelState, Snapshot
from trimtab.observe.errors import PrometheusError

_MODEL = ("namespace", "modeldeployment")
_WORKLOAD = (*_MODEL, "variant", "accelerator_class")
_BUDGET = ("namespace", "inferencebudget")
# What an API server answers at some time in every cluster's life (metav1.StatusReason).
_API_REASONS = (
    *("Unauthorized", "Forbidden", "NotFound", "Conflict", "Invalid", "TooManyRequests"),
    *("InternalError", "ServiceUnavailable", "Timeout"),
)
# Of the last plan: name, what it says, labels.
_GAUGES = (
    ("trimtab_decision_wanted_replicas", "What load and SLO alone ask for.", _WORKLOAD),
    ("trimtab_target_replicas", "Replicas decided.", _WORKLOAD),
    ("trimtab_ready_replicas", "Replicas that serve.", _WORKLOAD),
    ("trimtab_target_traffic_ratio", "Share of the traffic decided for a gateway.", _WORKLOAD),
    ("trimtab_decision_binding", "1 for the rule that decided.", (*_MODEL, "constraint")),
    ("trimtab_decision_cost_dollars_per_hour", "Cost of what was decided.", _MODEL),
    ("trimtab_decision_gap_ratio", "Most that the plan is dearer than the optimum.", _MODEL),
    ("trimtab_decision_next_change_timestamp_seconds", "The fleet may shrink then.", _MODEL),
    ("trimtab_cost_dollars_per_hour", "Cost of what exists.", _MODEL),
    ("trimtab_budget_dollars_per_hour", "Budget in force.", _MODEL),
    (
        "trimtab_budget_headroom_dollars_per_hour",
        "What may still be spent, of the model's own budget and of the shared one.",
        _MODEL,
    ),
    ("trimtab_demand_requests_per_second", "Load planned for.", _MODEL),
    ("trimtab_cache_hit_ratio", "Share of requests that response caches answered.", _MODEL),
    ("trimtab_slo_latency_seconds", "The latency promised.", (*_MODEL, "percentile")),
    ("trimtab_latency_seconds", "The SLO's percentile.", (*_MODEL, "kind")),
    (
        "trimtab_reading_age_seconds",
        "Age of a source's oldest reading when it was decided on.",
        (*_MODEL, "source"),
    ),
    ("trimtab_reading_missing", "1 for a reading that is missing.", (*_MODEL, "reading", "reason")),
    ("trimtab_condition", "1 where the condition has that status.", (*_MODEL, "type", "status")),
    ("trimtab_inferencebudget_dollars_per_hour", "What an InferenceBudget allows.", _BUDGET),
    (
        "trimtab_inferencebudget_cost_dollars_per_hour",
        "Cost of what exists on an InferenceBudget.",
        _BUDGET,
    ),
    ("trimtab_plan_gap_ratio", "Most that all models together are dearer than the optimum.", ()),
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
        for side, reason in _known_errors():
            self.errors.labels(side, reason)
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
        self._models, self._slo_time = _Models(), SloTime()
        r.register(self._models)
        r.register(self._slo_time)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)

    def show(self, plan: Plan, snapshot: Snapshot) -> None:
        """Replaces every per-model series by those of the plan: what is gone leaves no series."""
        self._models.shown = (plan, snapshot)
        self._slo_time.note(plan)

    def forget_models(self) -> None:
        """Leaves no per-model series: of two replicas that both show them, a sum counts double."""
        self._models.shown = None
        self._slo_time.forget()


def _known_errors() -> Iterator[tuple[str, str]]:
    """Those that are there at 0 from the start: of a counter that begins at 1, rate() never sees
    the first error."""
    yield "trimtab", "Bug"
    yield from (("kubernetes", reason) for reason in _API_REASONS)
    yield from (("prometheus", kind.reason) for kind in PrometheusError.__subclasses__())


class _Models(Collector):
    """The series of every model, made when they are asked for: a scrape comes every half minute,
    a plan every few seconds, and twenty series of a thousand models take a quarter of one."""

    def __init__(self) -> None:
        self.shown: tuple[Plan, Snapshot] | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without their series."""
        return (GaugeMetricFamily(name, said, labels=labels) for name, said, labels in _GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of the last plan."""
        values = _Values()
        if self.shown is not None:
            values.add_all(*self.shown)
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

    def add_all(self, plan: Plan, snapshot: Snapshot) -> None:
        """The series of every model and budget."""
        spent = spent_on(snapshot)
        self._set("trimtab_plan_gap_ratio", (), plan.gap)
        for key, budget in snapshot.budgets.items():
            place, cost = (key.namespace, key.name), spent[key]
            self._set("trimtab_inferencebudget_dollars_per_hour", place, float(budget.per_hour))
            self._set(
                "trimtab_inferencebudget_cost_dollars_per_hour",
                place,
                float(cost.cost) if cost.whole else None,
            )
        for state in snapshot.models:
            of = plan.models[state.spec.key]
            self._show_decision(of, state, snapshot)
            self._show_promise(of, state)
            self._show_readings(state, plan.time_s)
            self._show_headroom(of, state, snapshot, spent)

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
        for condition in plan.conditions:
            place = (*model, condition.type, str(condition.status))
            self._set("trimtab_condition", place, 1.0)
        for workload in state.workloads:
            place = (*model, workload.key.variant, workload.key.accelerator_class)
            self._set("trimtab_ready_replicas", place, workload.ready)

    def _show_readings(self, state: ModelState, now_s: float) -> None:
        model = (state.spec.key.namespace, state.spec.key.name)
        oldest: dict[str, float] = {}
        for name, source, reading in _named(state):
            match reading:
                case Known(at_s=at_s) | NoTraffic(at_s=at_s):
                    age_s = now_s - at_s
                case Stale(age_s=age_s):
                    self._set("trimtab_reading_missing", (*model, name, "Stale"), 1.0)
                case Missing(reason=reason):
                    self._set("trimtab_reading_missing", (*model, name, reason), 1.0)
                    continue
            # Never below 0, where the clock of Prometheus is ahead of ours.
            oldest[source] = max(age_s, oldest.get(source, 0.0))
        for source, age_s in oldest.items():
            self._set("trimtab_reading_age_seconds", (*model, source), age_s)

    def _show_headroom(
        self,
        plan: ModelPlan,
        state: ModelState,
        snapshot: Snapshot,
        spent: dict[ObjectKey, Spent],
    ) -> None:
        """The less of what is left of both budgets; unknown where a price is."""
        own, shared = state.spec.budget_per_hour, budget_key(state.spec)
        left: list[float] = []
        if own is not None:
            cost = plan.cost_per_hour
            left.append(math.nan if cost is None else float(own - cost))
        if shared in spent:
            room = snapshot.budgets[shared].per_hour - spent[shared].cost
            left.append(float(room) if spent[shared].whole else math.nan)
        known = left and not any(map(math.isnan, left))
        self._set(
            "trimtab_budget_headroom_dollars_per_hour",
            (plan.key.namespace, plan.key.name),
            min(left) if known else None,
        )

    def _set(self, name: str, labels: tuple[str, ...], value: float | None) -> None:
        """One series; none where the value is unknown, for an unknown is no zero."""
        if value is not None and math.isfinite(value):
            self._values.setdefault(name, {})[labels] = value


def _named(state: ModelState) -> tuple[tuple[str, str, Reading], ...]:
    """The readings that a decision rests on: name, source, and the reading."""
    readings, triton = state.readings, "TritonCounters"
    return (
        ("arrival_rate", triton, readings.arrival_rate),
        ("arrival_rate_fast", triton, readings.arrival_rate_fast),
        ("pending", triton, readings.pending),
        ("latency", readings.latency_source, readings.latency_s),
    )

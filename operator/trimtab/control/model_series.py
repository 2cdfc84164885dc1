"""The series of the last plan: of every model and every budget, one family after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trimtab.api.resources import ObjectKey, RoutingType
from trimtab.core.ledger import budget_key, spent_on
from trimtab.core.plan import ModelPlan, Plan
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import ModelState, Snapshot, WorkloadKey

_MODEL = ("namespace", "modeldeployment")
_BUDGET = ("namespace", "inferencebudget")
_WORKLOAD = ("variant", "accelerator_class")
_NOTHING = (Plan(0.0), Snapshot(()))

# Labels beyond those of the object, and the value: None where it is unknown.
_Series = Iterable[tuple[tuple[str, ...], float | None]]


class ModelSeries(Collector):
    """Made when they are asked for: a scrape comes every half minute, a plan every few seconds."""

    def __init__(self) -> None:
        self.shown: tuple[Plan, Snapshot] | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without their series."""
        return _families(_Seen(*_NOTHING))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families of one plan: of the last when the first of them is asked for."""
        return _families(_Seen(*(self.shown or _NOTHING)))


class _Seen:
    """A plan, and what it was made of."""

    def __init__(self, plan: Plan, snapshot: Snapshot) -> None:
        self.plan, self.snapshot = plan, snapshot
        self.spent = spent_on(snapshot)

    def models(self) -> Iterator[_Model]:
        """Every model that was decided on."""
        for state in self.snapshot.models:
            yield _Model(self.plan.models[state.spec.key], state, self)


@dataclass(frozen=True, slots=True)
class _Model:
    plan: ModelPlan
    state: ModelState
    seen: _Seen


def _families(seen: _Seen) -> Iterator[GaugeMetricFamily]:
    """One family at a time: all of a thousand models at once are 10 MiB."""
    for name, said, labels, of_model in _OF_MODEL:
        family = GaugeMetricFamily(name, said, labels=(*_MODEL, *labels))
        for model in seen.models():
            _add(family, model.plan.key, of_model(model))
        yield family
    for name, said, of_budget in _OF_BUDGET:
        family = GaugeMetricFamily(name, said, labels=_BUDGET)
        for key in seen.snapshot.budgets:
            _add(family, key, [((), of_budget(key, seen))])
        yield family
    said = "Most that all models together are dearer than the optimum."
    yield GaugeMetricFamily("trimtab_plan_gap_ratio", said, value=_finite(seen.plan.gap))


def _add(family: GaugeMetricFamily, key: ObjectKey, series: _Series) -> None:
    """The series of one object; none where the value is unknown, for an unknown is no zero."""
    for labels, value in series:
        known = _finite(value)
        if known is not None:
            family.add_metric((key.namespace, key.name, *labels), known)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _wanted_replicas(model: _Model) -> _Series:
    wanted = model.plan.decision.wanted
    if wanted is not None:
        yield _place(wanted), model.plan.decision.wanted_replicas


def _target_replicas(model: _Model) -> _Series:
    return ((_place(t.key), t.replicas) for t in model.plan.targets)


def _ready_replicas(model: _Model) -> _Series:
    return ((_place(w.key), w.ready) for w in model.state.workloads)


def _traffic(model: _Model) -> _Series:
    if model.state.spec.routing.type is RoutingType.GATEWAY:
        yield from ((_place(t.key), t.weight / 100) for t in model.plan.targets)


def _binding(model: _Model) -> _Series:
    yield (model.plan.decision.binding or "None",), 1.0


def _decision_cost(model: _Model) -> _Series:
    cost = 0.0
    for target in model.plan.targets:
        accelerator = model.seen.snapshot.accelerator_classes.get(target.key.accelerator_class)
        price = accelerator.price_per_hour if accelerator else None
        cost += math.nan if price is None else float(price * target.replicas)
    yield (), cost


def _decision_gap(model: _Model) -> _Series:
    yield (), model.plan.decision.gap


def _next_change(model: _Model) -> _Series:
    yield (), model.plan.decision.next_change_allowed_at_s


def _cost(model: _Model) -> _Series:
    cost = model.plan.cost_per_hour
    yield (), None if cost is None else float(cost)


def _budget(model: _Model) -> _Series:
    budget = model.plan.budget_per_hour
    yield (), None if budget is None else float(budget)


def _headroom(model: _Model) -> _Series:
    """The less of what is left of both budgets; unknown where a price is."""
    spec, seen = model.state.spec, model.seen
    own, shared = spec.budget_per_hour, budget_key(spec)
    left: list[float] = []
    if own is not None:
        cost = model.plan.cost_per_hour
        left.append(math.nan if cost is None else float(own - cost))
    if shared in seen.spent:
        room = seen.snapshot.budgets[shared].per_hour - seen.spent[shared].cost
        left.append(float(room) if seen.spent[shared].whole else math.nan)
    known = left and not any(map(math.isnan, left))
    yield (), min(left) if known else None


def _demand(model: _Model) -> _Series:
    yield (), model.plan.decision.demand_rate


def _hit_share(model: _Model) -> _Series:
    yield (), model.plan.hit_share


def _promise(model: _Model) -> _Series:
    slo = model.state.spec.slo
    yield (f"{slo.percentile:g}",), slo.target_s


def _latency(model: _Model) -> _Series:
    yield ("observed",), model.plan.latency.observed_s
    yield ("predicted",), model.plan.latency.predicted_s


def _reading_age(model: _Model) -> _Series:
    """Never below 0, where the clock of Prometheus is ahead of ours."""
    oldest: dict[str, float] = {}
    for _, source, reading in _named(model.state):
        match reading:
            case Known(at_s=at_s) | NoTraffic(at_s=at_s):
                age_s = model.seen.plan.time_s - at_s
            case Stale(age_s=age_s):
                pass
            case Missing():
                continue
        oldest[source] = max(age_s, oldest.get(source, 0.0))
    return (((source,), age_s) for source, age_s in oldest.items())


def _reading_missing(model: _Model) -> _Series:
    for name, _, reading in _named(model.state):
        match reading:
            case Stale():
                yield (name, "Stale"), 1.0
            case Missing(reason=reason):
                yield (name, reason), 1.0


def _conditions(model: _Model) -> _Series:
    return (((c.type, str(c.status)), 1.0) for c in model.plan.conditions)


def _place(key: WorkloadKey) -> tuple[str, str]:
    return (key.variant, key.accelerator_class)


def _named(state: ModelState) -> tuple[tuple[str, str, Reading], ...]:
    """The readings that a decision rests on: name, source, and the reading."""
    readings, triton = state.readings, "TritonCounters"
    return (
        ("arrival_rate", triton, readings.arrival_rate),
        ("arrival_rate_fast", triton, readings.arrival_rate_fast),
        ("pending", triton, readings.pending),
        ("latency", readings.latency_source, readings.latency_s),
    )


def _allowed(key: ObjectKey, seen: _Seen) -> float | None:
    return float(seen.snapshot.budgets[key].per_hour)


def _spent(key: ObjectKey, seen: _Seen) -> float | None:
    spent = seen.spent[key]
    return float(spent.cost) if spent.whole else None


# Name, what it says, labels beyond those of the object, and its series.
_OF_MODEL: tuple[tuple[str, str, tuple[str, ...], Callable[[_Model], _Series]], ...] = (
    (
        "trimtab_decision_wanted_replicas",
        "What load and SLO alone ask for.",
        _WORKLOAD,
        _wanted_replicas,
    ),
    ("trimtab_target_replicas", "Replicas decided.", _WORKLOAD, _target_replicas),
    ("trimtab_ready_replicas", "Replicas that serve.", _WORKLOAD, _ready_replicas),
    (
        "trimtab_target_traffic_ratio",
        "Share of the traffic decided for a gateway.",
        _WORKLOAD,
        _traffic,
    ),
    ("trimtab_decision_binding", "1 for the rule that decided.", ("constraint",), _binding),
    (
        "trimtab_decision_cost_dollars_per_hour",
        "Cost of what was decided.",
        (),
        _decision_cost,
    ),
    (
        "trimtab_decision_gap_ratio",
        "Most that the plan is dearer than the optimum.",
        (),
        _decision_gap,
    ),
    (
        "trimtab_decision_next_change_timestamp_seconds",
        "The fleet may shrink then.",
        (),
        _next_change,
    ),
    ("trimtab_cost_dollars_per_hour", "Cost of what exists.", (), _cost),
    ("trimtab_budget_dollars_per_hour", "Budget in force.", (), _budget),
    (
        "trimtab_budget_headroom_dollars_per_hour",
        "What may still be spent, of the model's own budget and of the shared one.",
        (),
        _headroom,
    ),
    ("trimtab_demand_requests_per_second", "Load planned for.", (), _demand),
    (
        "trimtab_cache_hit_ratio",
        "Share of requests that response caches answered.",
        (),
        _hit_share,
    ),
    ("trimtab_slo_latency_seconds", "The latency promised.", ("percentile",), _promise),
    ("trimtab_latency_seconds", "The SLO's percentile.", ("kind",), _latency),
    (
        "trimtab_reading_age_seconds",
        "Age of a source's oldest reading when it was decided on.",
        ("source",),
        _reading_age,
    ),
    (
        "trimtab_reading_missing",
        "1 for a reading that is missing.",
        ("reading", "reason"),
        _reading_missing,
    ),
    (
        "trimtab_condition",
        "1 where the condition has that status.",
        ("type", "status"),
        _conditions,
    ),
)
_OF_BUDGET: tuple[tuple[str, str, Callable[[ObjectKey, _Seen], float | None]], ...] = (
    ("trimtab_inferencebudget_dollars_per_hour", "What an InferenceBudget allows.", _allowed),
    (
        "trimtab_inferencebudget_cost_dollars_per_hour",
        "Cost of what exists on an InferenceBudget.",
        _spent,
    ),
)

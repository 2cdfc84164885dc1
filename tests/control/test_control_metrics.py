"""trimtab's own metrics: what was decided, why, and what could not be read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.control.scrape import scraped
from tests.control.test_control_status import CLASSES, NOW, full, plan, state
from tests.core.builders import FP32, INT8
from trimtab.api.resources import InferenceBudget, ObjectKey, Routing, RoutingType
from trimtab.control.metrics import Metrics
from trimtab.core.plan import ModelPlan, Plan, Target
from trimtab.core.signals import Known, Missing, NoTraffic, Stale
from trimtab.core.snapshot import Holding, ModelReadings, ModelState, Pod, Snapshot, Workload

DIGITS = 'modeldeployment="digits",namespace="shop"'


def shown(of: ModelPlan, at: ModelState | None = None) -> set[str]:
    """The per-model series of one plan."""
    metrics = Metrics()
    at = at or state()
    metrics.show(Plan(NOW, {at.spec.key: of}), Snapshot((at,), CLASSES))
    lines = scraped(metrics).splitlines()
    return {line for line in lines if 'modeldeployment="digits"' in line}


def test_wanted_decided_and_what_kept_one_from_the_other() -> None:
    place = f'accelerator_class="cpu",{DIGITS},variant="int8"'
    assert shown(full()) >= {
        f"trimtab_decision_wanted_replicas{{{place}}} 9.0",
        f"trimtab_target_replicas{{{place}}} 6.0",
        f'trimtab_decision_binding{{constraint="Budget",{DIGITS}}} 1.0',
        f"trimtab_decision_cost_dollars_per_hour{{{DIGITS}}} 0.6",
        f"trimtab_decision_gap_ratio{{{DIGITS}}} 0.0042",
        f"trimtab_decision_next_change_timestamp_seconds{{{DIGITS}}} 1.00006e+06",
        f'trimtab_slo_latency_seconds{{{DIGITS},percentile="99"}} 0.1',
        f'trimtab_latency_seconds{{kind="observed",{DIGITS}}} 0.0412',
        f"trimtab_cache_hit_ratio{{{DIGITS}}} 0.72",
    }


def test_behind_a_gateway_each_share_of_the_traffic_is_shown() -> None:
    behind = replace(state().spec, routing=Routing(RoutingType.GATEWAY))
    targets = (Target(INT8, 2, 1, weight=61), Target(FP32, 8, 1, weight=39))
    told = shown(replace(full(), targets=targets), replace(state(), spec=behind))
    place = f'accelerator_class="cpu",{DIGITS},variant='
    assert told >= {
        f'trimtab_target_traffic_ratio{{{place}"int8"}} 0.61',
        f'trimtab_target_traffic_ratio{{{place}"fp32"}} 0.39',
        f'trimtab_target_replicas{{{place}"fp32"}} 8.0',
    }
    assert not any("_traffic_ratio" in line for line in shown(full()))


def test_what_is_unknown_has_no_series() -> None:
    """A gap of 0 would say that the plan is optimal, a cost of 0 that it is free."""
    unpriced = {"cpu": replace(CLASSES["cpu"], price_per_hour=None)}
    metrics = Metrics()
    metrics.show(Plan(NOW, {state().spec.key: plan()}), Snapshot((state(),), unpriced))
    text = scraped(metrics)
    assert f"trimtab_decision_gap_ratio{{{DIGITS}}}" not in text
    assert f"trimtab_decision_cost_dollars_per_hour{{{DIGITS}}}" not in text
    assert "trimtab_cache_hit_ratio{" not in text


def test_readings_that_are_missing_are_counted_by_reason() -> None:
    readings = ModelReadings(
        arrival_rate=Missing("PrometheusTimeout", "…"),
        arrival_rate_fast=Stale(90.0),
        pending=Missing("NoSeries", "…"),
        latency_s=Missing("NoSummary", "…"),
    )
    missing = {s for s in shown(plan(), replace(state(), readings=readings)) if "_missing" in s}
    assert missing == {
        f'trimtab_reading_missing{{{DIGITS},reading="{reading}",reason="{reason}"}} 1.0'
        for reading, reason in (
            ("arrival_rate", "PrometheusTimeout"),
            ("arrival_rate_fast", "Stale"),
            ("pending", "NoSeries"),
            ("latency", "NoSummary"),
        )
    }


def test_of_each_source_the_age_of_the_oldest_reading_is_told() -> None:
    """Of what was read: a reading that is missing has no age."""

    def ages(readings: ModelReadings) -> set[str]:
        told = shown(plan(), replace(state(), readings=readings))
        return {s for s in told if s.startswith("trimtab_reading_age_seconds")}

    readings = ModelReadings(
        arrival_rate=Known(42.0, NOW - 3.0),
        arrival_rate_fast=NoTraffic(NOW + 1.0),
        pending=Missing("NoSeries", "…"),
        latency_s=Missing("NoSummary", "…"),
        latency_source="TritonSummary",
    )
    name = f"trimtab_reading_age_seconds{{{DIGITS},source="
    assert ages(readings) == {f'{name}"TritonCounters"}} 3.0'}
    ahead = replace(readings, arrival_rate=NoTraffic(NOW + 1.0))
    assert ages(ahead) == {f'{name}"TritonCounters"}} 0.0'}
    stale = replace(readings, pending=Stale(90.0), latency_s=Known(0.04, NOW - 7.0))
    assert ages(stale) == {
        f'{name}"TritonCounters"}} 90.0',
        f'{name}"TritonSummary"}} 7.0',
    }


def test_ready_replicas_are_those_that_serve() -> None:
    pods = (Pod("a", 0.0, 1.0), Pod("b", 0.0, None), Pod("c", 0.0, 1.0, terminating=True))
    at = replace(state(), workloads=(Workload(INT8, 3, pods),))
    place = f'accelerator_class="cpu",{DIGITS},variant="int8"'
    assert f"trimtab_ready_replicas{{{place}}} 1.0" in shown(plan(), at)


def of_budgets(snapshot: Snapshot, of: ModelPlan) -> dict[str, float]:
    """The series that tell of budgets, by name."""
    metrics = Metrics()
    metrics.show(Plan(NOW, {s.spec.key: of for s in snapshot.models}), snapshot)
    lines = [line for line in scraped(metrics).splitlines() if "budget" in line]
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name.partition("{")[0].removeprefix("trimtab_"): float(v) for name, _, v in told}


def test_what_is_left_of_a_budget_is_the_less_of_the_models_own_and_the_shared_one() -> None:
    """A pod of a model that is being deleted costs 0.20 beside the one that serves."""
    key, limit = ObjectKey("shop", "team"), InferenceBudget(ObjectKey("shop", "team"), Decimal(1))
    spec = replace(state().spec, budget_ref="team", budget_per_hour=Decimal("0.75"))
    at = replace(state(), spec=spec)
    leaving = Holding(key, (Workload(INT8, 2),))
    snapshot = Snapshot((at,), CLASSES, {key: limit}, holdings=(leaving,))
    assert of_budgets(snapshot, plan()) == {
        "budget_dollars_per_hour": 0.6,
        "budget_headroom_dollars_per_hour": 0.65,
        "inferencebudget_dollars_per_hour": 1.0,
        "inferencebudget_cost_dollars_per_hour": 0.3,
    }
    spent = replace(leaving, workloads=(Workload(INT8, 8),))
    tight = of_budgets(replace(snapshot, holdings=(spent,)), plan())
    assert round(tight["budget_headroom_dollars_per_hour"], 6) == 0.1
    alone = replace(snapshot, models=(replace(at, spec=replace(spec, budget_ref=None)),))
    assert of_budgets(alone, plan())["budget_headroom_dollars_per_hour"] == 0.65


def test_without_a_price_nobody_knows_what_is_left() -> None:
    key, limit = ObjectKey("shop", "team"), InferenceBudget(ObjectKey("shop", "team"), Decimal(1))
    at = replace(state(), spec=replace(state().spec, budget_ref="team"))
    unpriced = replace(plan(), cost_per_hour=None)
    assert of_budgets(Snapshot((at,), {}, {key: limit}), unpriced) == {
        "budget_dollars_per_hour": 0.6,
        "inferencebudget_dollars_per_hour": 1.0,
    }
    unbounded = Snapshot((state(),), CLASSES)
    assert "budget_headroom_dollars_per_hour" not in of_budgets(unbounded, plan())
    own = replace(state(), spec=replace(state().spec, budget_per_hour=Decimal(1)))
    told = of_budgets(Snapshot((own,), {}), unpriced)
    assert "budget_headroom_dollars_per_hour" not in told


def test_the_gap_of_the_whole_plan_is_shown_where_it_is_known() -> None:
    metrics = Metrics()
    metrics.show(Plan(NOW, gap=0.0125), Snapshot(()))
    assert "trimtab_plan_gap_ratio 0.0125" in scraped(metrics)
    metrics.show(Plan(NOW), Snapshot(()))
    assert "\ntrimtab_plan_gap_ratio" not in scraped(metrics)


def test_the_usual_errors_are_there_before_the_first() -> None:
    """Of a counter that begins at 1, rate() never sees the first error."""
    text = scraped(Metrics())
    for side, reason in (
        ("prometheus", "PrometheusTimeout"),
        ("kubernetes", "Forbidden"),
        ("trimtab", "Bug"),
    ):
        assert f'trimtab_errors_total{{reason="{reason}",side="{side}"}} 0.0' in text


def test_series_go_with_their_model() -> None:
    metrics = Metrics()
    metrics.show(Plan(NOW, {state().spec.key: plan()}), Snapshot((state(),), CLASSES))
    metrics.show(Plan(NOW), Snapshot(()))
    assert "digits" not in scraped(metrics)


def test_the_cost_decided_is_of_all_workloads() -> None:
    both = replace(full(), targets=(*full().targets, full().targets[0]._replace()))
    cost = next(s for s in shown(both) if "decision_cost" in s)
    assert Decimal(cost.rpartition(" ")[2]).quantize(Decimal("0.01")) == Decimal("1.20")


def test_a_scrape_is_of_one_plan_and_in_hand_one_family_at_a_time() -> None:
    """Another plan may be made while it is sent."""
    metrics, first = Metrics(), full()
    metrics.show(Plan(NOW, {state().spec.key: first}), Snapshot((state(),), CLASSES))
    families: list[str] = []
    for family in metrics.exposition():
        families.append(family.decode())
        if "trimtab_decision_wanted_replicas" in families[-1]:
            metrics.show(Plan(NOW, {}), Snapshot((), CLASSES))
    assert {text.count("# TYPE") for text in families} <= {1, 2}  # with when a counter began
    place = f'accelerator_class="cpu",{DIGITS},variant="int8"'
    assert f"trimtab_target_replicas{{{place}}} 6.0" in "".join(families)
    assert "digits" not in scraped(metrics)

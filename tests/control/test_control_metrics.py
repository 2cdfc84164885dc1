"""trimtab's own metrics: what was decided, why, and what could not be read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.control.test_control_status import CLASSES, NOW, full, plan, state
from tests.core.builders import FP32, INT8
from trimtab.api.resources import Routing, RoutingType
from trimtab.control.metrics import Metrics
from trimtab.core.plan import ModelPlan, Plan, Target
from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot

DIGITS = 'modeldeployment="digits",namespace="shop"'


def shown(of: ModelPlan, at: ModelState | None = None) -> set[str]:
    """The per-model series of one plan."""
    metrics = Metrics()
    at = at or state()
    metrics.show(Plan(NOW, {at.spec.key: of}), Snapshot((at,), CLASSES))
    lines = metrics.render().decode().splitlines()
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
    text = metrics.render().decode()
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


def test_series_go_with_their_model() -> None:
    metrics = Metrics()
    metrics.show(Plan(NOW, {state().spec.key: plan()}), Snapshot((state(),), CLASSES))
    metrics.show(Plan(NOW), Snapshot(()))
    assert "digits" not in metrics.render().decode()


def test_the_cost_decided_is_of_all_workloads() -> None:
    both = replace(full(), targets=(*full().targets, full().targets[0]._replace()))
    cost = next(s for s in shown(both) if "decision_cost" in s)
    assert Decimal(cost.rpartition(" ")[2]).quantize(Decimal("0.01")) == Decimal("1.20")

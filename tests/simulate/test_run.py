"""Whole runs: pods come and go, cost, drop and answer as they would in a cluster."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.core.builders import FP32, INT8, accelerator, budget, deployment
from tests.simulate.rules import KEY, MODEL, Scripted, play, replicas, steady
from trimtab.api.resources import Routing, RoutingType
from trimtab.core.latency import ServiceCurve
from trimtab.core.plan import Target
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.report import as_json
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import ServiceTruth, make_truth


def test_the_first_choice_stands_ready_and_costs_from_the_first_second() -> None:
    report = play(replicas((0.0, 2)), steady(10, 600))
    (model,) = report.models
    assert (model.requests, model.answered, model.dropped) == (6000, 6000, 0)
    assert model.cost == pytest.approx(2 * 600 * 0.001)
    assert model.scale_events == 0
    assert report.duration_s == 600.0


def test_a_pod_serves_only_after_its_start_up_and_costs_from_its_creation() -> None:
    """100 requests/s want two replicas; the second is asked for at 60 s and Ready at 72 s."""
    report = play(replicas((0.0, 1), (60.0, 2)), steady(120, 300))
    (model,) = report.models
    ready = {m.at_s: m.replicas[INT8][1] for m in model.moments}
    assert (ready[60.0], ready[70.0], ready[75.0]) == (1, 1, 2)
    assert model.cost == pytest.approx((300 + 240) * 0.001)
    assert model.scale_events == 1
    assert model.minutes[0].slo_share < 0.2
    assert model.minutes[4].slo_share == 1.0


def test_a_pod_that_leaves_answers_what_it_has_and_costs_until_then() -> None:
    """A second of work per request: whoever leaves at 60 s has a queue to finish."""
    slow = {(KEY, k): ((0.0, ServiceTruth(ServiceCurve(((1, 1.0),)))),) for k in (INT8, FP32)}
    rush = Trace(np.array([0.0, 59.0, 60.0, 200.0]), np.array([0, 40, 0]))
    truth = make_truth(Fleet((MODEL,), {"cpu": accelerator()}), slow)
    report = play(replicas((0.0, 2), (60.0, 1)), rush, truth=truth)
    (model,) = report.models
    assert (model.answered, model.dropped) == (40, 0)
    assert 200 + 60 + 15 < model.cost * 1000 < 200 + 60 + 25


def test_an_idle_pod_that_leaves_costs_the_least_drain() -> None:
    report = play(replicas((0.0, 2), (60.0, 1)), steady(0, 120), drain_s=7.0)
    assert report.models[0].cost == pytest.approx((120 + 60 + 7) * 0.001)


def test_requests_that_come_while_no_pod_is_ready_are_dropped() -> None:
    report = play(replicas((0.0, 0), (60.0, 1)), steady(10, 120))
    (model,) = report.models
    assert model.dropped == 720
    assert model.minutes[0].p99_s is None
    assert model.latency_s(99.0) is None
    assert model.slo_attainment == pytest.approx(480 / 1200)


def test_a_workload_that_is_left_out_is_removed() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        both = (Target(INT8, 1, 1), Target(FP32, 1, 1))
        return {KEY: both if now_s < 60.0 else both[1:]}

    (model,) = play(script, steady(10, 120)).models  # type: ignore[arg-type]
    assert model.moments[-1].replicas == {FP32: (1, 1)}
    assert model.variant_switches == 0


def test_a_change_of_variant_is_counted_and_moves_the_accuracy() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        if now_s < 30.0:
            return {KEY: (Target(INT8, 1, 1),)}
        if now_s < 60.0:
            return {KEY: (Target(INT8, 1, 1), Target(FP32, 1, 1))}
        return {KEY: (Target(FP32, 1, 1),)}

    (model,) = play(script, steady(10, 120)).models  # type: ignore[arg-type]
    assert (model.variant_switches, model.scale_events, model.dropped) == (1, 2, 0)
    assert model.accuracy_mean == pytest.approx((51 * 0.98 + 69 * 0.99) / 120, abs=0.0005)


def test_a_new_batch_cap_rolls_the_pods_and_serves_on() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        return {KEY: (Target(INT8, 3, 1 if now_s < 60.0 else 8, may_surge=True),)}

    model = replace(MODEL, triton=replace(MODEL.triton, max_batch_size=8))
    (played,) = play(script, steady(50, 300), model=model).models  # type: ignore[arg-type]
    ready = [m.replicas[INT8][1] for m in played.moments]
    assert played.dropped == 0
    assert min(ready) == 3
    assert 3 * 300 + 3 * 12 <= played.cost * 1000 <= 3 * 300 + 3 * 25


def test_without_room_to_surge_a_rollout_is_one_short() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        return {KEY: (Target(INT8, 3, 1 if now_s < 60.0 else 8),)}

    model = replace(MODEL, triton=replace(MODEL.triton, max_batch_size=8))
    (played,) = play(script, steady(50, 300), model=model).models  # type: ignore[arg-type]
    ready = [m.replicas[INT8][1] for m in played.moments]
    assert (min(ready), ready[-1]) == (2, 3)
    assert played.dropped == 0


def test_a_full_class_makes_pods_wait_without_cost() -> None:
    rule = Scripted(replicas((0.0, 2), (60.0, 5)))
    classes = (accelerator(price="3.60", most=3),)
    (model,) = play(rule, steady(10, 120), classes=classes).models
    assert model.cost == pytest.approx((2 * 120 + 60) * 0.001)
    _, seen = rule.seen[-1]
    (workload,) = seen.snapshot.models[0].workloads
    assert (workload.replicas, workload.ready, workload.unschedulable) == (5, 3, 2)
    assert seen.snapshot.schedulable["cpu"] == 0


def test_a_gateway_splits_by_weight_and_a_service_by_pods() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        return {KEY: (Target(INT8, 3, 1, weight=25), Target(FP32, 1, 1, weight=75))}

    gateway = replace(MODEL, routing=Routing(RoutingType.GATEWAY))
    (weighted,) = play(script, steady(50, 300), model=gateway).models  # type: ignore[arg-type]
    (even,) = play(script, steady(50, 300)).models  # type: ignore[arg-type]
    assert weighted.accuracy_mean == pytest.approx(0.25 * 0.98 + 0.75 * 0.99, abs=1e-4)
    assert even.accuracy_mean == pytest.approx(0.75 * 0.98 + 0.25 * 0.99, abs=1e-4)


def test_a_gateway_loses_the_share_of_a_variant_without_a_ready_pod() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        more = (Target(FP32, 1, 1, weight=50),) if now_s >= 60.0 else ()
        return {KEY: (Target(INT8, 2, 1, weight=50), *more)}

    gateway = replace(MODEL, routing=Routing(RoutingType.GATEWAY))
    (model,) = play(script, steady(50, 120), model=gateway).models  # type: ignore[arg-type]
    assert model.dropped == pytest.approx(12 * 50 / 2, rel=0.15)


def test_seconds_above_a_budget_are_counted_own_or_shared() -> None:
    own = replace(MODEL, budget_per_hour=Decimal("3.60"))
    report = play(replicas((0.0, 1), (60.0, 2), (90.0, 1)), steady(0, 180), model=own)
    assert report.budget_violation_seconds == pytest.approx(30 + 5)

    shared = deployment("a", shared="pool"), deployment("b", shared="pool")
    fleet = Fleet(
        shared,
        {"cpu": accelerator(price="1.00")},
        {budget("1.50", "pool").key: budget("1.50", "pool")},
    )
    both = {m.key: (Target(INT8, 1, 1),) for m in shared}
    traces = {m.key: steady(1, 60) for m in shared}
    assert (
        run(fleet, traces, Scripted(lambda _: both), RunSettings()).budget_violation_seconds == 60
    )


def test_true_times_may_step_in_mid_run() -> None:
    steps = (
        (0.0, ServiceTruth(ServiceCurve(((1, 0.010),)))),
        (63.0, ServiceTruth(ServiceCurve(((1, 0.030),)))),
    )
    truth = make_truth(Fleet((MODEL,), {"cpu": accelerator()}), {(KEY, INT8): steps})
    (model,) = play(replicas((0.0, 4)), steady(10, 180), truth=truth).models
    assert model.minutes[0].p50_s == pytest.approx(0.010, rel=0.006)
    assert model.minutes[2].p50_s == pytest.approx(0.030, rel=0.006)


def test_a_seed_gives_one_report_and_every_rule_the_same_arrivals() -> None:
    first, again, other = (
        as_json(play(replicas((0.0, n)), steady(60, 300), seed=1)) for n in (1, 1, 2)
    )
    for report in (first, again, other):
        del report["total"]["wall_seconds"]
    assert first == again
    requests = [[m["requests"] for m in r["models"]["digits"]["minutes"]] for r in (first, other)]
    assert requests[0] == requests[1]


def test_the_json_holds_what_was_promised() -> None:
    report = as_json(play(replicas((0.0, 1)), steady(10, 90)))
    assert set(report) == {"policy", "models", "total"}
    (model,) = report["models"].values()
    assert list(model) == [
        "requests", "slo_attainment", "dropped", "p50_ms", "p99_ms", "cost", "accuracy_mean",
        "scale_events", "variant_switches", "minutes",
    ]  # fmt: skip
    assert [list(m) for m in model["minutes"]] == [
        ["minute", "requests", "p99_ms", "slo_share", "replicas"]
    ] * 2
    assert model["minutes"][1] == {
        "minute": 1, "requests": 300, "p99_ms": model["minutes"][1]["p99_ms"], "slo_share": 1.0,
        "replicas": 1.0,
    }  # fmt: skip
    assert list(report["total"]) == [
        "requests", "slo_attainment", "cost", "accuracy_mean", "budget_violation_seconds",
        "seconds_simulated", "wall_seconds",
    ]  # fmt: skip


def test_a_model_without_a_trace_is_refused() -> None:
    with pytest.raises(SimulationError, match="shop/digits has no trace: add --trace digits=FILE"):
        run(Fleet((MODEL,), {"cpu": accelerator()}), {}, Scripted(lambda _: {}), RunSettings())

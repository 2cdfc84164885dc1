"""Money is a hard bound: never above it, pods on their way out included."""

from __future__ import annotations

from decimal import Decimal

from tests.core.builders import (
    FP32,
    accelerator,
    deployment,
    steady,
    steps,
    variant,
)
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Missing

UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")


def test_a_budget_that_binds_says_by_how_much_and_what_mends_it() -> None:
    story = Story(Model(deployment(per_hour="0.30"), steady(500)))
    expect_replicas(story, 300, int8=3)
    met = story.condition("SLOMet")
    assert met.status is ConditionStatus.FALSE
    assert met.message == (
        "p99 is above its target of 100ms (by TritonSummary). The load asks for 7 replicas of int8"
        " on cpu, 3 may run: raise spec.budget.perHour or add a cheaper variant."
    )
    assert story.plan().decision.binding == "Budget"
    assert story.plan().decision.constraints[0].effect == "7 wanted, 3 allowed"
    within = story.condition("WithinBudget")
    assert (within.status, within.reason) == (ConditionStatus.TRUE, "BudgetBinds")


def test_pods_on_their_way_out_still_cost() -> None:
    load = steps((0, 250), (200, 10), (330, 400))
    story = Story(Model(deployment(per_hour="0.40", window_s=60), load), drain_s=60.0)
    story.until(600)
    assert min(sizes(story)[50:]) < 4
    assert max(m.cost for m in story.history) == Decimal("0.40")


def test_a_budget_lowered_while_running_is_obeyed_at_once() -> None:
    story = Story(Model(deployment(), steady(250)))
    expect_replicas(story, 200, int8=4)
    story.respec(budget_per_hour=Decimal("0.20"))
    expect_replicas(story, 205, int8=2)
    assert story.condition("WithinBudget").reason in {"OverBudget", "BudgetBinds"}


def test_a_lowered_budget_bounds_a_fleet_that_is_held_by_its_window() -> None:
    story = Story(Model(deployment(window_s=300), steps((0, 250), (300, 10))))
    expect_replicas(story, 400, int8=4)
    story.respec(budget_per_hour=Decimal("0.20"))
    expect_replicas(story, 405, int8=2)


def test_a_lowered_budget_bounds_a_blind_fleet() -> None:
    story = Story(Model(deployment(), steady(250)))
    expect_replicas(story, 300, int8=4)
    story.model.blind = UNREACHABLE
    story.respec(budget_per_hour=Decimal("0.20"))
    expect_replicas(story, 305, int8=2)


def test_a_lowered_budget_bounds_both_sides_of_a_switch() -> None:
    spec = deployment(
        variants=(variant("int8", "0.9", 10.0), variant("fp32", "0.99", 12.0)),
        floor="0.95",
        window_s=60,
    )
    story = Story(Model(spec, steady(250)), start_up_s=120.0)
    expect_replicas(story, 200, fp32=5)
    story.respec(min_accuracy=Decimal(0), variants=(spec.variants[0],))
    story.until(240)
    assert sizes(story)[-1] > 6
    story.respec(budget_per_hour=Decimal("0.60"))
    story.until(245)
    assert sizes(story)[-1] <= 6
    # What serves stays; what only starts goes.
    assert story.model.children[FP32].replicas == 5


def test_the_cheaper_of_two_that_serve_is_chosen() -> None:
    classes = (accelerator("cpu", "0.10"), accelerator("l4", "0.80"))
    fast = variant("fp32", "0.99", 2.0, "l4")
    slow = variant("int8", "0.98", 10.0, "cpu")
    story = Story(Model(deployment(variants=(fast, slow)), steady(100)), classes=classes)
    expect_replicas(story, 300, int8=2)
    assert "costs" in story.plan().decision.alternatives[0].why_not


def test_no_budget_is_no_bound() -> None:
    story = Story(Model(deployment(), steady(500)))
    expect_replicas(story, 300, int8=7)
    assert story.condition("WithinBudget").reason == "NoBudget"

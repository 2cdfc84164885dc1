"""Manual does as told, Advise only tells, and a foreign writer is not fought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.builders import (
    FP32,
    INT8,
    accelerator,
    deployment,
    steady,
    variant,
)
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.api.resources import ManualScale, ScalingMode
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Missing

BOTH = (variant("int8", "0.98", 10.0), variant("fp32", "0.99", 10.0))
UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")


def manual(story: Story, name: str, replicas: int) -> None:
    """The user's order."""
    story.respec(mode=ScalingMode.MANUAL, manual=ManualScale(name, "cpu", replicas))


def test_manual_runs_what_was_ordered_whatever_the_load() -> None:
    story = Story(Model(deployment(variants=BOTH), steady(500)))
    manual(story, "fp32", 3)
    expect_replicas(story, 60, fp32=3)
    manual(story, "fp32", 1)
    expect_replicas(story, 65, fp32=1)


def test_manual_knows_no_maximum_but_money() -> None:
    # scaling.maxReplicas may not be set in mode Manual; its default is no bound there.
    story = Story(Model(deployment(), steady(10)))
    manual(story, "int8", 15)
    expect_replicas(story, 10, int8=15)
    story.respec(budget_per_hour=Decimal("1.20"))
    expect_replicas(story, 15, int8=12)
    assert story.plan().decision.binding == "Budget"


def test_manual_stays_inside_the_inventory() -> None:
    story = Story(Model(deployment(), steady(10)), classes=(accelerator(most=4),))
    manual(story, "int8", 9)
    expect_replicas(story, 30, int8=4)


def test_manual_is_not_bettered_while_readings_are_missing() -> None:
    story = Story(Model(deployment(), steady(400)))
    story.until(200)
    story.model.blind = UNREACHABLE
    manual(story, "int8", 1)
    expect_replicas(story, 205, int8=1)
    expect_replicas(story, 1200, int8=1)
    assert set(sizes(story)[41:]) == {1}


@pytest.mark.parametrize("blind", [None, UNREACHABLE])
def test_a_manual_change_of_variant_is_make_before_break(blind: Missing | None) -> None:
    story = Story(Model(deployment(variants=BOTH), steady(100)), start_up_s=30.0)
    manual(story, "int8", 3)
    story.until(100)
    story.model.blind = blind
    manual(story, "fp32", 3)
    story.until(125)
    assert story.model.children[INT8].replicas == 3
    assert story.model.children[FP32].replicas == 3
    expect_replicas(story, 145, fp32=3)


def test_a_manual_change_of_variant_on_a_full_class_goes_one_at_a_time() -> None:
    # No place is free for the first of the new, and the old could stay: nothing would ever begin.
    story = Story(Model(deployment(variants=BOTH), steady(50)), classes=(accelerator(most=4),))
    manual(story, "fp32", 4)
    story.until(100)
    manual(story, "int8", 3)
    expect_replicas(story, 500, int8=3)
    assert min(sum(w.ready for w in m.state.workloads) for m in story.history[10:]) == 3


def test_manual_to_nothing_stops_everything() -> None:
    story = Story(Model(deployment(variants=BOTH), steady(100)))
    story.until(100)
    manual(story, "fp32", 0)
    expect_replicas(story, 105)


def test_a_manual_order_of_a_variant_that_may_not_run_stalls() -> None:
    story = Story(Model(deployment(variants=BOTH, floor="0.99"), steady(100)))
    expect_replicas(story, 100, fp32=2)
    manual(story, "int8", 3)
    expect_replicas(story, 200, fp32=2)
    assert story.condition("Stalled").message.startswith("spec.scaling.manual: int8 on cpu")


def test_advise_reports_and_changes_nothing() -> None:
    story = Story(Model(deployment(), steady(250)).running(INT8, 1))
    story.respec(mode=ScalingMode.ADVISE)
    expect_replicas(story, 120, int8=1)
    assert not story.plan().act
    assert story.plan().targets[0].replicas == 4
    assert story.condition("Reconciling").reason == "NotActing"


def test_a_foreign_scaler_stalls_and_nothing_changes() -> None:
    story = Story(Model(deployment(), steady(250)))
    story.until(60)
    story.model.children[INT8].foreign_scaler = "HorizontalPodAutoscaler digits"
    story.model.children[INT8].replicas = 7
    expect_replicas(story, 200, int8=7)
    plan = story.plan()
    assert not plan.act
    assert [t.replicas for t in plan.targets] == [7]
    stalled = story.condition("Stalled")
    assert (stalled.status, stalled.reason) == (ConditionStatus.TRUE, "ForeignScaler")
    assert "HorizontalPodAutoscaler digits" in stalled.message


def test_manual_does_not_grow_on_a_budget_that_is_missing() -> None:
    story = Story(Model(deployment(shared="gone"), steady(10)), classes=(accelerator(price="0"),))
    manual(story, "int8", 3)
    expect_replicas(story, 30)
    assert story.plan().decision.binding == "BudgetMissing"
    assert story.condition("WithinBudget").reason == "BudgetMissing"

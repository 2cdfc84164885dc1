"""Two models, one budget: priority takes growth, and never the other's last replica."""

from __future__ import annotations

from decimal import Decimal

from tests.core.builders import budget, deployment, steady, steps
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.api.resources import ObjectKey, ScalingMode
from trimtab.core.plan import ConditionStatus


def spent(story: Story) -> list[Decimal]:
    """What both models cost together, tick by tick."""
    rows = zip(*story.moments.values(), strict=True)
    return [sum((m.cost for m in row), Decimal(0)) for row in rows]


def test_the_higher_priority_takes_growth_but_not_the_last_replica() -> None:
    high = Model(deployment("high", shared="shared", priority=100), steps((300, 500)))
    low = Model(deployment("low", shared="shared", priority=1), steady(250))
    story = Story(high, low, budgets=(budget("0.60"),))
    expect_replicas(story, 290, "low", int8=4)
    story.until(600)
    assert sizes(story, "high")[-1] == 5
    assert sizes(story, "low")[-1] == 1
    assert story.condition("SLOMet", "low").status is ConditionStatus.FALSE
    assert "InferenceBudget" in story.condition("SLOMet", "low").message
    assert max(spent(story)) <= Decimal("0.60")


def test_of_the_same_priority_none_starves() -> None:
    models = [Model(deployment(n, shared="shared"), steady(500)) for n in ("a", "b")]
    story = Story(*models, budgets=(budget("0.60"),))
    story.until(600)
    assert min(sizes(story, "a")[-1], sizes(story, "b")[-1]) >= 1
    assert sizes(story, "a")[-1] + sizes(story, "b")[-1] == 6
    assert max(spent(story)) <= Decimal("0.60")


def test_money_that_one_gives_back_goes_to_the_other() -> None:
    a = Model(deployment("a", shared="shared", window_s=60), steps((0, 350), (300, 10)))
    b = Model(deployment("b", shared="shared", window_s=60), steady(250))
    story = Story(a, b, budgets=(budget("0.60"),))
    story.until(300)
    # Six do not carry both: the one that the money carries whole goes first.
    assert (sizes(story, "a")[-1], sizes(story, "b")[-1]) == (5, 1)
    expect_replicas(story, 700, "b", int8=4)
    assert max(spent(story)) <= Decimal("0.60")


def test_a_shared_budget_lowered_while_one_is_held_is_obeyed_by_both_together() -> None:
    a = Model(deployment("a", shared="shared", window_s=600), steps((0, 250), (200, 10)))
    b = Model(deployment("b", shared="shared", window_s=600), steady(250))
    story = Story(a, b, budgets=(budget("1.00"),))
    story.until(600)
    assert sizes(story, "a")[-1] + sizes(story, "b")[-1] == 8
    story.budgets[ObjectKey("shop", "shared")] = budget("0.60")
    story.until(605)
    assert sizes(story, "a")[-1] + sizes(story, "b")[-1] <= 6
    assert story.condition("WithinBudget", "b").reason == "SharedBudgetExceeded"
    story.until(640)
    assert spent(story)[-1] <= Decimal("0.60")


def test_a_missing_budget_fails_closed() -> None:
    story = Story(Model(deployment(shared="gone"), steady(500)))
    story.until(200)
    assert sizes(story)[-1] == 0
    within = story.condition("WithinBudget")
    assert (within.status, within.reason) == (ConditionStatus.UNKNOWN, "BudgetMissing")


def test_a_budget_that_goes_missing_stops_growth_and_takes_nothing_away() -> None:
    load = steps((0, 250), (300, 500), (600, 0))
    story = Story(Model(deployment(shared="shared", window_s=60), load), budgets=(budget("9"),))
    expect_replicas(story, 290, int8=4)
    story.budgets.clear()
    expect_replicas(story, 500, int8=4)
    assert story.plan().decision.binding == "BudgetMissing"
    assert "create the InferenceBudget" in story.condition("SLOMet").message
    # Idle, it goes down to its minimum and not to nothing.
    expect_replicas(story, 900, int8=1)
    story.budgets[ObjectKey("shop", "shared")] = budget("9")
    story.model.load = steady(500)
    expect_replicas(story, 1000, int8=7)


def test_advice_takes_nothing_from_those_who_act() -> None:
    adviser = deployment("adviser", shared="shared", priority=100)
    story = Story(
        Model(adviser, steady(500)),
        Model(deployment("actor", shared="shared"), steady(250)),
        budgets=(budget("0.40"),),
    )
    story.respec(mode=ScalingMode.ADVISE)
    expect_replicas(story, 300, "actor", int8=4)

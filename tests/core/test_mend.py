"""What is said of a broken promise: what is on its way, or what would mend it. Never a hope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import INT8, deployment
from trimtab.api.resources import ManualScale, Scaling, ScalingMode
from trimtab.core.choose import Choice
from trimtab.core.mend import bound_mend, lateness, shortage
from trimtab.core.option import Option
from trimtab.core.plan import Target
from trimtab.core.snapshot import ModelState, Pod, Workload

OPTION = Option(INT8, deployment().variants[0].accuracy, None, 1, 90.0, meets_slo=True)
ENOUGH = Choice(OPTION, 3, 3, "", short=False, ceiling=(10, "MaxReplicas"), needed=3)


def fleet(ready: int, *, waiting: int = 0, mode: ScalingMode = ScalingMode.AUTO) -> ModelState:
    pods = [Pod(f"r{i}", 0.0, 10.0) for i in range(ready)]
    pods += [Pod(f"w{i}", 0.0, None, unschedulable=True) for i in range(waiting)]
    manual = ManualScale("int8", "cpu", 1) if mode is ScalingMode.MANUAL else None
    spec = replace(deployment(), scaling=Scaling(mode=mode, manual=manual))
    return ModelState(spec, (Workload(INT8, ready + waiting, tuple(pods), 1),))


def said(
    state: ModelState,
    goal: int,
    choice: Choice = ENOUGH,
    binding: str | None = None,
    *,
    act: bool = True,
    settling: bool = False,
) -> str:
    return lateness(state, (Target(INT8, goal, 1),), choice, binding, act=act, settling=settling)


def test_replicas_that_come_are_counted() -> None:
    assert said(fleet(1), 2) == "1 replica is on the way."
    assert said(fleet(1), 4) == "3 replicas are on the way."


def test_more_are_not_on_the_way_when_nothing_can_be_added() -> None:
    """It once said that more were on the way, to a user whose budget was spent."""
    spent = ENOUGH._replace(granted=2, bound="Budget", short=True, needed=5)
    assert said(fleet(2), 2, spent) == (
        "The load asks for 5 replicas of int8 on cpu, 2 may run:"
        " raise spec.budget.perHour or add a cheaper variant."
    )


def test_a_guard_that_holds_growth_is_named_with_its_mend() -> None:
    assert said(fleet(2), 2, binding="Schedulable") == (
        "Nothing can be added now (Schedulable):"
        " add nodes that the AcceleratorClass selects, or another class."
    )


def test_pods_that_no_node_takes_are_not_on_the_way() -> None:
    assert said(fleet(1, waiting=2), 3).startswith("2 pods wait for a node and none has room: add")


def test_a_fleet_that_changed_a_moment_ago_is_given_time() -> None:
    assert "a moment ago" in said(fleet(3), 3, settling=True)


def test_a_model_that_is_too_hopeful_says_so() -> None:
    assert "raising spec.scaling.minReplicas adds one at once" in said(fleet(3), 3)


def test_advice_that_nobody_takes_mends_nothing() -> None:
    assert said(fleet(1, mode=ScalingMode.ADVISE), 3, act=False) == (
        "2 replicas are advised, and mode Advise adds none: set spec.scaling.mode to Auto."
    )


def test_a_hand_that_holds_too_little_is_asked_for_more() -> None:
    told = said(fleet(1, mode=ScalingMode.MANUAL), 1)
    assert told == "Mode Manual adds nothing: raise spec.scaling.manual.replicas."


def test_a_stalled_model_points_to_why() -> None:
    assert said(fleet(1), 3, act=False).endswith("see the condition Stalled.")


@pytest.mark.parametrize(
    "bound", ["Budget", "SharedBudget", "BudgetMissing", "Inventory", "MaxReplicas", "PriceUnknown"]
)
def test_every_bound_of_a_choice_has_a_mend(bound: str) -> None:
    short = ENOUGH._replace(granted=1, bound=bound, short=True, needed=5)
    assert bound_mend(bound)
    assert shortage(short).endswith(f"1 may run: {bound_mend(bound)}.")

"""Models that share money or accelerators are planned together: by priority, evenly within one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.builders import INT8, accelerator, budget, deployment, steady, steps, variant
from tests.core.rules import Scene, a_plan_applied_at_once_stays_as_it_is
from tests.core.story import Model, Story, sizes
from trimtab.api.resources import (
    ImageSource,
    LatencySlo,
    ManualScale,
    Objective,
    Profile,
    ProfilePoint,
    ScalingMode,
    Variant,
)
from trimtab.core.memory import Memory
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Known
from trimtab.core.snapshot import (
    ModelReadings,
    ModelState,
    Snapshot,
    Workload,
    WorkloadReadings,
)


def last(story: Story, *names: str) -> tuple[int, ...]:
    """The replicas asked for now."""
    return tuple(sizes(story, name)[-1] for name in names)


def test_two_equals_that_start_together_share_the_money_evenly() -> None:
    models = [Model(deployment(n, shared="shared"), steady(500)) for n in ("a", "b")]
    story = Story(*models, budgets=(budget("0.60"),)).until(300)
    assert last(story, "a", "b") == (3, 3)


def test_a_newcomer_of_the_same_priority_gets_its_half() -> None:
    first = Model(deployment("a", shared="shared"), steady(500))
    late = Model(deployment("b", shared="shared"), steps((150, 500)))
    story = Story(first, late, budgets=(budget("0.60"),))
    story.until(145)
    assert last(story, "a", "b") == (5, 1)
    story.until(300)
    assert last(story, "a", "b") == (3, 3)


def test_a_scarce_class_is_shared_by_demand_and_not_by_name() -> None:
    small = Model(deployment("a"), steady(170))
    large = Model(deployment("b"), steady(680))
    story = Story(small, large, classes=(accelerator(most=7),)).until(300)
    a, b = last(story, "a", "b")
    assert a + b == 7
    assert b > a


def test_priority_goes_before_evenness_and_every_minimum_before_priority() -> None:
    high = Model(deployment("high", priority=10), steady(500))
    low = Model(deployment("low", least=2), steady(500))
    story = Story(low, high, classes=(accelerator(most=6),)).until(300)
    assert last(story, "high", "low") == (4, 2)


def test_noise_does_not_move_replicas_between_equals() -> None:
    models = [
        Model(
            deployment(n, shared="shared"),
            lambda t, i=i: 500.0 + 10.0 * ((int(t / 5) * (i + 3)) % 5),  # type: ignore[misc]
        )
        for i, n in enumerate("ab")
    ]
    story = Story(*models, budgets=(budget("0.70"),)).until(300)
    settled = set(zip(sizes(story, "a")[40:], sizes(story, "b")[40:], strict=True))
    assert len(settled) == 1


def test_who_has_another_class_to_go_to_makes_room_for_who_has_not() -> None:
    both = variant("int8", "0.9", 10.0, "cpu", "big")
    flexible = Model(deployment("a", variants=(both,)), steady(250))
    bound = Model(deployment("b"), steady(250))
    classes = (accelerator(most=5), accelerator("big", price="0.15"))
    story = Story(flexible, bound, classes=classes).until(300)
    assert story.condition("SLOMet", "a").status is ConditionStatus.TRUE
    assert story.condition("SLOMet", "b").status is ConditionStatus.TRUE
    assert {w.key.accelerator_class for w in story.moments["a"][-1].state.workloads} == {"big"}


def test_the_plan_says_how_good_it_is_and_what_one_more_would_be_worth() -> None:
    models = [Model(deployment(n, shared="shared"), steady(500)) for n in ("a", "b")]
    story = Story(*models, budgets=(budget("0.60"),)).until(300)
    decision = story.plan("a").decision
    assert decision.gap == pytest.approx(0.0, abs=0.01)
    assert decision.shadow_price is not None
    assert decision.shadow_price > 1.0
    story.budgets[next(iter(story.budgets))] = budget("9")
    story.until(500)
    assert story.plan("a").decision.gap == 0.0
    assert story.plan("a").decision.shadow_price is None


def test_a_model_that_cannot_be_decided_on_is_held_and_stops_nobody_else() -> None:
    bad, good = Model(deployment("bad"), steady(250)), Model(deployment("good"), steady(250))
    story = Story(bad, good, classes=(accelerator(most=8),)).until(300)
    assert last(story, "bad", "good") == (4, 4)
    bad.reshape = lambda readings: replace(readings, workloads=None)  # type: ignore[arg-type]
    good.load = steady(700)
    story.until(500)
    plan = story.plan("bad")
    assert not plan.act
    assert isinstance(plan.failure, TypeError)
    assert "Deciding failed (TypeError" in plan.decision.summary
    assert story.condition("Stalled", "bad").reason == "DecisionFailed"
    # What the held one stands on is not given away.
    assert last(story, "bad", "good") == (4, 4)
    bad.reshape = lambda readings: readings
    story.until(600)
    assert story.plan("bad").failure is None
    assert story.plan("bad").act
    assert sum(last(story, "bad", "good")) == 8


def test_a_load_that_is_no_number_holds_that_model_alone() -> None:
    bad, good = Model(deployment("bad"), steady(250)), Model(deployment("good"), steady(250))
    story = Story(bad, good).until(300)
    bad.load, good.load = steady(float("inf")), steady(400)
    story.until(400)
    assert isinstance(story.plan("bad").failure, ValueError | OverflowError)
    assert last(story, "bad", "good") == (4, 6)


def test_orders_by_hand_come_before_the_growth_of_a_higher_priority() -> None:
    auto = Model(deployment("auto", priority=100), steady(700))
    ordered = Model(deployment("ordered"), steady(10))
    story = Story(auto, ordered, classes=(accelerator(most=6),))
    hand = ManualScale("int8", "cpu", 4)
    story.respec(ordered, mode=ScalingMode.MANUAL, manual=hand)
    story.until(300)
    assert last(story, "auto", "ordered") == (2, 4)


def test_where_nothing_is_scarce_each_gets_what_it_would_choose_alone() -> None:
    both = (variant("int8", "0.9", 10.0, "cpu", "big"), variant("fp32", "0.95", 20.0))
    specs = [deployment("a", variants=both), deployment("b"), deployment("c", variants=both)]
    specs[2] = replace(specs[2], objective=Objective.MAXIMIZE_ACCURACY)
    loads = [steps((0, 250), (150, 100)), steady(170), steady(60)]
    classes = (accelerator(), accelerator("big", price="0.13"))
    together = Story(*(Model(s, x) for s, x in zip(specs, loads, strict=True)), classes=classes)
    together.until(300)
    assert together.plan("a").decision.gap == 0.0
    for spec, load in zip(specs, loads, strict=True):
        alone = Story(Model(spec, load), classes=classes).until(300)
        name = spec.key.name
        expected = [m.plan.targets for m in alone.moments[name]]
        assert [m.plan.targets for m in together.moments[name]] == expected


def test_of_two_that_nothing_is_known_of_the_one_that_was_begun_goes_on() -> None:
    """The money is enough for one. What is begun says nothing of its speed yet, and the first by
    name got its place in the very next tick."""
    unknown = Variant("a", Decimal("0.9"), ImageSource("r"), ("cpu",), ())
    profiled = replace(
        unknown,
        accelerator_classes=("cpu", "l4"),
        profiles=(Profile("l4", (ProfilePoint(1, 0.0001),)),),
    )
    specs = [
        deployment(name, variants=(one,), shared="shared", most=1, window_s=0.0, target_ms=0.1)
        for name, one in (("m0", unknown), ("m1", profiled))
    ]
    rate = Known(0.001, 0.0)
    readings = ModelReadings(arrival_rate=rate, arrival_rate_fast=rate, pending=Known(0.0, 0.0))
    classes = {c.name: c for c in (accelerator(), accelerator("l4"))}
    money = budget("0.10")
    models = tuple(ModelState(spec, (), readings) for spec in specs)
    scene = Scene(Snapshot(models, classes, {money.key: money}), Memory(), 0.0)
    begun = [sum(t.replicas for t in scene.plan.models[s.key].targets) for s in specs]
    assert sum(begun) == 1
    a_plan_applied_at_once_stays_as_it_is(scene)


def test_what_nobody_knows_yet_has_its_places_where_it_will_be_tried() -> None:
    """On cpu it is known to be late, on l4 it never ran: its two places are of l4's six."""
    untried = variant("int8", "0.98", 500.0, "cpu")
    untried = replace(untried, accelerator_classes=("cpu", "l4"))
    models = (
        deployment("a", variants=(untried,), least=2, most=2, window_s=0.0),
        deployment("b", variants=(variant("int8", "0.98", 10.0, "l4"),), window_s=0.0),
    )
    states = tuple(
        ModelState(
            m, (), ModelReadings(arrival_rate=Known(r, 0.0), arrival_rate_fast=Known(r, 0.0))
        )
        for m, r in zip(models, (1.0, 400.0), strict=True)
    )
    classes = {c.name: c for c in (accelerator("cpu", "0"), accelerator("l4", "0", most=6))}
    scene = Scene(Snapshot(states, classes), Memory(), 1000.0)
    told = [[(str(t.key), t.replicas) for t in p.targets] for p in scene.plan.models.values()]
    assert told == [[("int8 on l4", 2)], [("int8 on l4", 4)]]
    a_plan_applied_at_once_stays_as_it_is(scene)


def test_the_only_place_stays_with_who_was_begun_there() -> None:
    """Both are late whatever they get. With a start ahead of it the one seemed to gain less by the
    place than the other, who would have to begin as well."""
    profiled = variant("int8", "0.98", 0.1)
    bare = replace(profiled, profiles=())
    models = tuple(
        replace(
            deployment(name, variants=(one,), window_s=0.0, most=1), slo=LatencySlo(50.0, 0.0001)
        )
        for name, one in (("a", bare), ("b", profiled))
    )
    rate = Known(0.001, 1000.0)
    seen = WorkloadReadings(
        INT8, rate, rate, service_time_s=Known(0.0001, 1000.0), batch_size=Known(1.0, 1000.0)
    )
    readings = ModelReadings(arrival_rate=rate, arrival_rate_fast=rate, workloads=(seen,))
    states = (
        ModelState(models[0], (Workload(INT8, 0),), readings),
        ModelState(models[1], (), replace(readings, workloads=())),
    )
    scene = Scene(Snapshot(states, {"cpu": accelerator(most=1)}), Memory(), 1000.0)
    assert sum(t.replicas for p in scene.plan.models.values() for t in p.targets) == 1
    a_plan_applied_at_once_stays_as_it_is(scene)

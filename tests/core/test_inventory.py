"""Accelerators are a hard bound, and pods that wait for one stop growth."""

from __future__ import annotations

import itertools

from tests.core.builders import INT8, accelerator, deployment, steady, steps
from tests.core.story import Model, Story, UncountedStory, expect_replicas, sizes
from trimtab.core.plan import ConditionStatus


def test_the_class_inventory_binds_and_the_condition_names_the_mend() -> None:
    story = Story(Model(deployment(), steady(500)), classes=(accelerator(most=3),))
    expect_replicas(story, 300, int8=3)
    assert story.plan().decision.binding == "Inventory"
    assert "maxReplicas" in story.condition("SLOMet").message


def test_pods_that_leave_still_hold_their_accelerator() -> None:
    load = steps((0, 250), (200, 10), (330, 250))
    story = Story(
        Model(deployment(window_s=60), load), classes=(accelerator(most=4),), drain_s=60.0
    )
    story.until(600)
    assert min(sizes(story)[50:]) < 4
    assert max(sum(len(w.pods) for w in m.state.workloads) for m in story.history) == 4


def test_growth_stops_at_what_the_nodes_can_hold() -> None:
    story = Story(Model(deployment(), steady(500)), slots=5)
    expect_replicas(story, 300, int8=5)
    assert story.plan().decision.binding == "Schedulable"
    assert all(w.unschedulable == 0 for m in story.history for w in m.state.workloads)


def test_pods_that_no_node_takes_stop_growth() -> None:
    # The class promises 10; the nodes hold 3 and none comes.
    load = steps((0, 200), (120, 300), (300, 700))
    story = Story(Model(deployment(), load), classes=(accelerator(most=10),), slots=3)
    expect_replicas(story, 290, int8=4)
    expect_replicas(story, 600, int8=4)
    assert story.plan().decision.binding == "Schedulable"


def test_two_models_do_not_take_the_same_last_place() -> None:
    models = [Model(deployment(n), steady(250)) for n in ("a", "b")]
    story = Story(*models, slots=5)
    story.until(300)
    assert sizes(story, "a")[-1] + sizes(story, "b")[-1] == 5
    assert all(
        w.unschedulable == 0 for ms in story.moments.values() for m in ms for w in m.state.workloads
    )


def test_without_a_count_of_the_nodes_growth_goes_one_at_a_time() -> None:
    story = UncountedStory(Model(deployment(), steps((60, 500))), slots=3)
    story.until(300)
    walk = sizes(story)
    assert max(b - a for a, b in itertools.pairwise(walk)) == 1
    # The fourth shows that none fits, and no fifth is asked for.
    assert walk[-1] == 4


def test_a_missing_class_stalls_and_takes_nothing_away() -> None:
    story = Story(Model(deployment(), steady(250)))
    expect_replicas(story, 200, int8=4)
    story.classes.clear()
    expect_replicas(story, 300, int8=4)
    stalled = story.condition("Stalled")
    assert (stalled.status, stalled.reason) == (ConditionStatus.TRUE, "NoVariantMayRun")
    assert "'cpu'" in stalled.message
    assert not story.plan().act


def test_a_class_that_never_existed_is_named() -> None:
    story = Story(Model(deployment(), steady(250)), classes=())
    story.until(60)
    assert INT8 not in story.model.children
    assert "create it" in story.condition("Stalled").message


def test_an_unknown_price_means_no_growth_and_a_condition() -> None:
    story = Story(Model(deployment(), steps((0, 130), (300, 500), (500, 10))))
    expect_replicas(story, 290, int8=2)
    story.classes["cpu"] = accelerator(price=None)
    expect_replicas(story, 450, int8=2)
    within = story.condition("WithinBudget")
    assert (within.status, within.reason) == (ConditionStatus.UNKNOWN, "PriceUnknown")
    assert "spec.pricePerHour" in story.condition("SLOMet").message
    # Less is always known to be cheaper.
    expect_replicas(story, 700, int8=1)


def test_a_class_without_a_price_starts_nothing() -> None:
    story = Story(Model(deployment(), steady(50)), classes=(accelerator(price=None),))
    story.until(60)
    assert sizes(story)[-1] == 0

"""Pods on their way up count as capacity to come."""

from __future__ import annotations

from tests.core.builders import INT8, deployment, steady, steps, variant
from tests.core.story import Model, Story, expect_replicas, sizes


def test_pods_that_start_slowly_are_not_ordered_twice() -> None:
    story = Story(Model(deployment(), steps((100, 250))), start_up_s=90.0)
    story.until(400)
    assert max(sizes(story)) == 4


def test_pods_that_never_become_ready_are_not_shrunk_away() -> None:
    story = Story(Model(deployment(least=3, window_s=30), steady(250)), start_up_s=None)
    expect_replicas(story, 60, int8=3)
    story.respec(min_replicas=1)
    expect_replicas(story, 1200, int8=3)


def test_the_first_replica_starts_without_any_reading() -> None:
    story = Story(Model(deployment(least=2), steady(50)))
    expect_replicas(story, 0, int8=2)
    assert story.plan().decision.action == "Start"


def test_the_time_to_ready_is_measured_once_a_pod() -> None:
    story = Story(Model(deployment(), steady(200)), start_up_s=30.0)
    story.until(300)
    times = story.memory.models[story.model.spec.key].times_to_ready_s[INT8]
    assert times == (30.0,) * 3


def test_a_pod_that_waits_is_named_in_the_condition() -> None:
    story = Story(Model(deployment(), steady(50)), slots=0)
    story.until(60)
    assert story.condition("Ready").reason in {"NoReplicas", "Unschedulable"}


def test_what_was_never_ready_is_not_shrunk_while_another_variant_serves() -> None:
    old, new = variant("fp32", "0.99", 25.0), variant("int8", "0.98", 10.0)
    story = Story(Model(deployment(variants=(old,), window_s=30), steps((0, 150), (400, 10))))
    story.until(200)
    story.start_up_s = None
    story.respec(variants=(new,))
    story.until(390)
    ordered = story.model.children[INT8].replicas
    assert ordered >= 3
    story.until(900)
    assert story.model.children[INT8].replicas == ordered
    assert story.plan().decision.binding == "NotReadyYet"

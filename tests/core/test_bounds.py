"""The user's minimum and maximum, changed while the fleet runs."""

from __future__ import annotations

from tests.core.builders import deployment, steady, steps
from tests.core.story import Model, Story, expect_replicas
from trimtab.core.plan import ConditionStatus


def test_a_raised_minimum_is_followed_at_once() -> None:
    story = Story(Model(deployment(), steady(10)))
    expect_replicas(story, 100, int8=1)
    story.respec(min_replicas=3)
    expect_replicas(story, 105, int8=3)


def test_a_lowered_minimum_waits_for_the_window_like_any_shrink() -> None:
    story = Story(Model(deployment(least=4, window_s=60), steady(10)))
    expect_replicas(story, 20, int8=4)
    story.respec(min_replicas=1)
    expect_replicas(story, 55, int8=4)
    expect_replicas(story, 200, int8=1)


def test_a_lowered_maximum_is_obeyed_at_once_even_when_blind() -> None:
    from trimtab.core.signals import Missing

    story = Story(Model(deployment(), steady(500)))
    expect_replicas(story, 200, int8=7)
    story.respec(max_replicas=5)
    expect_replicas(story, 205, int8=5)
    story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    story.respec(max_replicas=3)
    expect_replicas(story, 215, int8=3)


def test_a_lowered_maximum_bounds_a_fleet_that_is_held_by_its_window() -> None:
    story = Story(Model(deployment(window_s=600), steps((0, 500), (300, 10))))
    expect_replicas(story, 400, int8=7)
    story.respec(max_replicas=4)
    expect_replicas(story, 405, int8=4)


def test_a_maximum_that_binds_is_said_with_its_mend() -> None:
    story = Story(Model(deployment(most=2), steady(500)))
    expect_replicas(story, 120, int8=2)
    met = story.condition("SLOMet")
    assert met.status is ConditionStatus.FALSE
    assert "spec.scaling.maxReplicas" in met.message

"""Where measurements contradict the model: the fleet follows what the users see."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from tests.core.builders import INT8, deployment, steady, steps
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.core.observed import _estimate_s
from trimtab.core.signals import Known
from trimtab.core.snapshot import ModelReadings, WorkloadReadings


def seen(change: Callable[[float], float]) -> Callable[[ModelReadings], ModelReadings]:
    """Readings whose latency is another than the queue alone explains."""

    def reshape(readings: ModelReadings) -> ModelReadings:
        latency = readings.latency_s
        if not isinstance(latency, Known):
            return readings
        return replace(readings, latency_s=Known(change(latency.value), latency.at_s))

    return reshape


def test_a_target_that_is_measurably_missed_gets_one_more_at_a_time() -> None:
    story = Story(Model(deployment(most=20), steady(130), reshape=seen(lambda _: 0.2)))
    expect_replicas(story, 60, int8=2)
    story.until(500)
    walk = sizes(story)[12:]
    assert max(walk) > 2
    assert max(b - a for a, b in itertools.pairwise(walk)) == 1


def test_replicas_that_do_not_help_are_not_bought_without_end() -> None:
    # Every answer takes twice the target, whatever runs: that is no matter of replicas.
    story = Story(Model(deployment(most=50), steady(130), reshape=seen(lambda _: 0.2)))
    story.until(3600)
    needed = story.plan().decision.wanted_replicas
    assert needed is not None
    assert max(sizes(story)) <= 2 * needed


def test_what_a_smaller_fleet_would_measurably_miss_is_no_reason_to_shrink() -> None:
    # The model says that two carry the load; clients see three times the latency it expects, since
    # too short a time for the model to have learnt it.
    def no_longer_four(story: Story) -> Story:
        story.until(200).respec(min_replicas=1)
        return story

    plain = no_longer_four(Story(Model(deployment(window_s=20, least=4), steady(130))))
    expect_replicas(plain, 230, int8=2)
    slow = no_longer_four(Story(Model(deployment(window_s=20, least=4), steady(130))))
    slow.model.reshape = seen(lambda s: 3.0 * s)
    slow.until(230)
    assert sizes(slow)[-1] > 2
    assert slow.plan().decision.binding == "LatencyMargin"


def test_an_estimate_stops_no_shrink() -> None:
    def estimated(readings: ModelReadings) -> ModelReadings:
        return replace(seen(lambda s: 3.0 * s)(readings), latency_estimated=True)

    story = Story(Model(deployment(), steps((0, 230), (120, 130)), reshape=estimated))
    expect_replicas(story, 400, int8=2)
    assert INT8 in story.model.children


def test_hardly_any_load_at_all_is_estimated_like_none() -> None:
    rounded_to_nothing = WorkloadReadings(
        INT8,
        batch_rate=Known(1e-200, 0.0),
        service_time_s=Known(1e-150, 0.0),
        queue_time_s=Known(0.002, 0.0),
    )
    assert _estimate_s(rounded_to_nothing, 1, 99.0) == 0.002

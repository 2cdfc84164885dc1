"""A queue that never empties tells what replicas can do, which their executions alone do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.core.builders import INT8, deployment, steady
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Story
from trimtab.core.signals import Known
from trimtab.core.snapshot import Backlog, ModelReadings

Reshape = Callable[[ModelReadings], ModelReadings]


def flooded(answered: float, pending: float = 400.0) -> Reshape:
    """200 requests/s arrive, of which two pods answer so many, while so many wait."""

    def reshape(readings: ModelReadings) -> ModelReadings:
        at = Known(200.0, 0.0)
        backlogs = (Backlog(answered / 2, pending / 2),) * 2
        return replace(
            readings,
            arrival_rate=at,
            arrival_rate_fast=at,
            pending=Known(pending, 0.0),
            workloads=tuple(replace(w, backlogs=backlogs) for w in readings.workloads),
        )

    return reshape


def fleet(most: int = 2) -> Story:
    """Two replicas that take 10 ms a request by their executions: 200 requests/s at most."""
    story = Story(
        Model(deployment(most=most), steady(100)).running(INT8, 2), policy=NO_ROOM_FOR_BURSTS
    )
    return story.until(120)


def front_end_ms(story: Story) -> float:
    (memory,) = story.memory.models.values()
    return 1000.0 * memory.front_end_s.get("cpu", 0.0)


def test_half_of_what_executions_allow_is_a_front_end_as_slow_as_they_are() -> None:
    story = fleet()
    story.model.reshape = flooded(answered=100.0)
    story.until(125)
    assert front_end_ms(story) > 3.0
    story.until(150)
    assert front_end_ms(story) == pytest.approx(10.0, rel=0.1)
    # In half a minute the plan knows that each of them carries half as much.
    assert (story.plan().decision.wanted_replicas or 0) > 4


def test_what_answers_as_fast_as_was_believed_teaches_nothing() -> None:
    story = fleet()
    story.model.reshape = flooded(answered=196.0)
    story.until(170)
    assert front_end_ms(story) < 0.5


def test_a_queue_that_is_nearly_empty_tells_nothing_of_what_could_be_answered() -> None:
    story = fleet()
    story.model.reshape = flooded(answered=100.0, pending=5.0)
    story.until(170)
    assert front_end_ms(story) < 0.5


def test_pods_that_came_later_have_no_part_of_the_backlog() -> None:
    """What waits stays where it is: the newcomers answer what arrives at them, and are not slow."""
    story = fleet(most=10)

    def reshape(readings: ModelReadings) -> ModelReadings:
        backlogs = (Backlog(98.0, 200.0), Backlog(20.0, 1.0))
        told = flooded(answered=196.0)(readings)
        each = tuple(replace(w, backlogs=backlogs) for w in told.workloads)
        return replace(told, workloads=each)

    story.model.reshape = reshape
    story.until(240)
    assert story.plan().targets[0].replicas > 2
    assert front_end_ms(story) < 0.5


def test_executions_that_looked_too_slow_are_corrected_by_what_a_flood_answers() -> None:
    """In a window of two loads they look like those of a slower model; 95/s each are answered."""
    story = fleet(most=10)
    story.model.truth = 1.6
    story.until(300)
    (memory,) = story.memory.models.values()
    assert memory.learned[INT8].curve.seconds(1) == pytest.approx(0.016, rel=0.05)
    story.model.reshape = flooded(answered=190.0)
    story.until(330)
    (memory,) = story.memory.models.values()
    assert memory.learned[INT8].curve.seconds(1) < 0.014


def test_a_light_load_does_not_talk_it_out_of_what_saturation_told() -> None:
    """At half load the latency is the same with a front end and without."""
    story = fleet()
    story.model.reshape = flooded(answered=100.0)
    story.until(170)
    story.model.reshape = lambda readings: readings
    story.model.load = steady(60)
    story.until(900)
    assert front_end_ms(story) > 6.0
    # Hours later it is believed no more.
    story.until(6 * 3600)
    assert front_end_ms(story) < 1.0

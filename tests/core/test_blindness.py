"""Unknown is not zero: without readings the fleet never shrinks, and grows after a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.builders import INT8, deployment, steady, steps
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.core.memory import Memory
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import CountedLoad, ModelReadings

UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")


@pytest.mark.parametrize("lost", [UNREACHABLE, Stale(90.0), Stale(90.0, last_value=0.0)])
def test_readings_lost_for_three_minutes_under_load(lost: Reading) -> None:
    story = Story(Model(deployment(window_s=30), steps((0, 250), (400, 500))))
    expect_replicas(story, 200, int8=4)
    story.model.blind = lost
    expect_replicas(story, 380, int8=4)
    assert set(sizes(story)[40:]) == {4}
    seen = story.condition("MetricsAvailable")
    assert seen.status is ConditionStatus.FALSE
    assert seen.reason == ("PrometheusUnreachable" if lost is UNREACHABLE else "MetricsStale")
    assert story.plan().decision.binding == "MetricsMissing"


def test_readings_that_return_are_acted_on_in_one_tick() -> None:
    story = Story(Model(deployment(), steps((0, 250), (300, 500))))
    story.until(250).model.blind = UNREACHABLE
    expect_replicas(story, 400, int8=4)
    story.model.blind = None
    expect_replicas(story, 405, int8=7)
    assert story.condition("MetricsAvailable").status is ConditionStatus.TRUE


def test_a_short_window_alone_is_enough_to_grow_on_and_not_to_shrink() -> None:
    def long_window_lost(readings: ModelReadings) -> ModelReadings:
        return replace(readings, arrival_rate=UNREACHABLE)

    load = steps((0, 250), (200, 10), (400, 500))
    story = Story(Model(deployment(window_s=0), load))
    story.until(195).model.reshape = long_window_lost
    expect_replicas(story, 395, int8=4)
    assert story.plan().decision.binding == "MetricsMissing"
    expect_replicas(story, 410, int8=7)


def counting(rate: float) -> Callable[[ModelReadings], ModelReadings]:
    """Prometheus is away, and the pods count so many requests/s."""

    def lost(readings: ModelReadings) -> ModelReadings:
        return ModelReadings(UNREACHABLE, UNREACHABLE, UNREACHABLE, counted=CountedLoad(rate, rate))

    return lost


def test_what_pods_count_is_grown_on_within_bounds_and_never_shrunk_on() -> None:
    story = Story(Model(deployment(window_s=0, most=9), steady(250)))
    story.until(200).model.reshape = counting(250.0)
    expect_replicas(story, 280, int8=4)
    story.model.reshape = counting(500.0)
    expect_replicas(story, 290, int8=7)
    story.model.reshape = counting(10.0)
    expect_replicas(story, 500, int8=7)
    story.model.reshape = counting(5000.0)
    expect_replicas(story, 600, int8=9)


def test_an_operator_that_starts_blind_grows_on_what_pods_count() -> None:
    story = Story(Model(deployment(), steady(250)).running(INT8, 2))
    story.memory = Memory()
    story.model.reshape = counting(500.0)
    expect_replicas(story, 15, int8=9)  # a profile that nothing confirmed yet


def test_a_blind_time_restarts_the_window_that_shrinking_needs() -> None:
    story = Story(Model(deployment(window_s=60), steps((0, 250), (200, 10))))
    story.until(250).model.blind = UNREACHABLE
    story.until(400).model.blind = None
    expect_replicas(story, 455, int8=4)
    expect_replicas(story, 465, int8=3)


@pytest.mark.parametrize(("window_s", "kept_s"), [(0, 20), (15, 20), (30, 30)])
def test_a_fleet_that_is_back_keeps_its_size_until_its_load_is_seen(
    window_s: int, kept_s: int
) -> None:
    """However short the stabilisation: what windows hold of before is no lull."""
    story = Story(Model(deployment(window_s=window_s), steps((0, 250), (200, 10))))
    story.until(200).model.blind = Missing("NoReadyPods", "The node is gone.")
    story.until(300).model.blind = None
    expect_replicas(story, 300 + kept_s, int8=4)
    assert story.plan().decision.binding == "Stabilization"
    expect_replicas(story, 300 + kept_s + 5, int8=3)


def test_no_traffic_is_a_true_zero() -> None:
    story = Story(Model(deployment(window_s=60), steps((0, 250), (120, 0))))
    expect_replicas(story, 400, int8=1)
    assert isinstance(story.history[-1].state.readings.arrival_rate, NoTraffic)
    assert story.condition("MetricsAvailable").reason == "NoTraffic"


def test_the_last_requests_are_in_the_rates_when_the_latency_tells_of_none() -> None:
    """Their windows do not end together; those that still wait may be late."""

    def latency_over(readings: ModelReadings) -> ModelReadings:
        return replace(readings, latency_s=NoTraffic(0.0))

    def waiting(readings: ModelReadings) -> ModelReadings:
        return replace(latency_over(readings), pending=Known(5.0, 0.0))

    story = Story(Model(deployment(window_s=60), steps((0, 250), (120, 1)))).until(195)
    story.model.reshape = latency_over
    assert story.until(200).condition("SLOMet")[1:3] == ("True", "NoTraffic")
    story.model.reshape = waiting
    assert story.until(205).condition("SLOMet").reason == "LatencyUnknown"


def test_blind_for_long_grows_to_the_size_of_the_remembered_peak() -> None:
    story = Story(Model(deployment(window_s=30), steps((0, 400), (300, 10))))
    story.until(500)
    assert sizes(story)[-1] == 1
    story.model.blind = UNREACHABLE
    story.until(795)
    assert sizes(story)[-1] == 1
    expect_replicas(story, 810, int8=6)
    expect_replicas(story, 3600, int8=6)


def test_the_safe_size_stays_inside_the_budget() -> None:
    story = Story(Model(deployment(window_s=30), steps((0, 400), (300, 10))))
    story.until(500).respec(budget_per_hour=Decimal("0.30"))
    story.model.blind = UNREACHABLE
    story.until(1200)
    assert sizes(story)[-1] == 3
    assert max(m.cost for m in story.history[101:]) <= Decimal("0.30")


def test_lost_readings_do_not_hold_a_fleet_that_has_no_pod_yet() -> None:
    story = Story(Model(deployment()), start_up_s=60.0)
    expect_replicas(story, 30, int8=1)
    assert story.plan().decision.binding is None
    assert story.condition("MetricsAvailable").status is ConditionStatus.UNKNOWN


def test_all_pods_dead_under_load_is_blindness_and_not_a_lull() -> None:
    story = Story(Model(deployment(window_s=30), steady(250)))
    story.until(200)
    for pod in story.model.children[INT8].pods:
        pod.ready_s = None
        pod.created_s = 1e9
    expect_replicas(story, 400, int8=4)

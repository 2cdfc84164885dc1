"""Response caches: what they answer is no load, as long as it can be lost without a fall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.core.builders import FP32, INT8, accelerator, deployment, steady, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Story, expect_replicas
from trimtab.api.resources import ModelDeployment
from trimtab.core.plan import ConditionStatus
from trimtab.core.response_cache import counted_share, executing_rate
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, value_or_none
from trimtab.core.snapshot import ModelReadings, WorkloadKey, WorkloadReadings

BETTER = variant("int8", "0.98", 10.0)
WORSE = variant("fp32", "0.99", 25.0)
Hits = Callable[[WorkloadKey, float], float]
"""The share of a workload's requests that hits, at that second."""


def caching(share: Hits) -> Callable[[ModelReadings], ModelReadings]:
    """The readings of a model with response caches: hits, and no summary."""

    def hit_rate(readings: ModelReadings, arrivals: Reading, back_s: int) -> Reading:
        """The mean over a window of ticks, as of a counter."""
        total = sum(value_or_none(w.rate) or 0.0 for w in readings.workloads)
        rate = value_or_none(arrivals)
        if not isinstance(arrivals, Known) or not rate or not total:
            return arrivals
        times = range(int(arrivals.at_s), int(arrivals.at_s) - back_s, -5)
        hits = 0.0
        for w in readings.workloads:
            part = (value_or_none(w.rate) or 0.0) / total
            hits += part * sum(share(w.key, t) for t in times) / len(times)
        return Known(rate * hits, arrivals.at_s)

    def reshape(readings: ModelReadings) -> ModelReadings:
        return replace(
            readings,
            hit_rate=hit_rate(readings, readings.arrival_rate, 60),
            hit_rate_fast=hit_rate(readings, readings.arrival_rate_fast, 10),
            latency_s=Missing("EstimatedByModel", "No summary."),
            latency_source="TritonCounters",
            latency_estimated=True,
            workloads=tuple(own(w) for w in readings.workloads),
        )

    def own(w: WorkloadReadings) -> WorkloadReadings:
        if not isinstance(w.rate, Known):
            return w
        hits = w.rate.value * share(w.key, w.rate.at_s)
        return replace(w, hit_rate=Known(hits, w.rate.at_s))

    return reshape


def story_of(
    share: Hits, load: float = 300.0, spec: ModelDeployment | None = None, start_up_s: float = 10.0
) -> Story:
    model = Model(spec or deployment(most=20), steady(load), reshape=caching(share))
    return Story(model, policy=NO_ROOM_FOR_BURSTS, start_up_s=start_up_s)


def test_what_the_caches_answer_needs_no_replicas() -> None:
    expect_replicas(story_of(lambda *_: 0.0), 400, int8=4)
    story = story_of(lambda *_: 0.6)
    expect_replicas(story, 400, int8=2)
    assert story.plan().hit_share == pytest.approx(0.6)
    assert "2 replicas for 12" in story.plan().decision.summary
    assert "past the caches" in story.plan().decision.summary


def test_requests_that_become_distinct_are_followed_as_a_step_of_the_load() -> None:
    story = story_of(lambda _, t: 0.6 if t < 400 else 0.0)
    expect_replicas(story, 395, int8=2)
    # By the long window alone it would take a minute.
    expect_replicas(story, 415, int8=4)


def test_requests_that_begin_to_repeat_take_a_window_to_be_believed() -> None:
    story = story_of(lambda _, t: 0.6 if t >= 400 else 0.0)
    expect_replicas(story, 445, int8=4)
    expect_replicas(story, 700, int8=2)


def test_however_much_hits_a_fleet_is_kept_that_could_lose_it() -> None:
    """One replica would do for the twelve requests a second that execute; without its cache it
    would meet thirteen times what it can do. The four meet four times what they are planned for."""
    story = story_of(lambda *_: 0.99, load=1200.0)
    expect_replicas(story, 600, int8=4)


def test_a_switch_begins_with_empty_caches_and_is_sized_for_all_that_arrives() -> None:
    # For the quarter that executes one int8 would do; what arrives takes four.
    def warm(key: WorkloadKey, t: float) -> float:
        return 0.9 if key == FP32 or t >= 700 else 0.0

    spec = deployment(variants=(WORSE, BETTER), floor="0.985", most=20)
    story = story_of(warm, load=280.0, spec=spec)
    story.until(400)
    assert set(story.model.children) == {FP32}
    # Now fp32 may not stay.
    story.respec(variants=(BETTER,), min_accuracy=BETTER.accuracy)
    story.until(405)
    assert "0 -> 5 replicas for 282 req/s with empty caches" in story.plan().decision.summary
    expect_replicas(story, 600, int8=4)
    # Its caches fill, and count once they were seen to answer.
    expect_replicas(story, 900, int8=1)


def test_the_old_serves_until_the_new_carries_all_without_a_hit() -> None:
    story = story_of(
        lambda key, _: 0.9 if key == FP32 else 0.0,
        spec=deployment(variants=(WORSE, BETTER), floor="0.985", most=20),
        start_up_s=40.0,
    )
    story.until(400)
    before = story.model.children[FP32].replicas
    story.respec(variants=(BETTER,), min_accuracy=BETTER.accuracy)
    story.until(600)
    for moment in story.history:
        if moment.t_s >= 405 and moment.state.workload(INT8).ready < 4:
            assert moment.state.workload(FP32).replicas == before
    assert set(story.model.children) == {INT8}


def test_a_cheaper_variant_that_is_dearer_while_cold_is_not_switched_to() -> None:
    # Warm it would cost $0.10 instead of $0.30; cold it costs $0.40.
    spec = deployment(variants=(WORSE, BETTER), floor="0.985", most=20)
    story = story_of(lambda key, _: 0.9 if key == FP32 else 0.0, spec=spec)
    story.until(400)
    story.respec(min_accuracy=BETTER.accuracy)
    story.until(700)
    assert set(story.model.children) == {FP32}


def test_a_fleet_that_lost_all_its_pods_is_not_started_for_the_few_that_missed() -> None:
    story = story_of(lambda _, t: 0.75 if t < 400 else 0.0, load=280.0, start_up_s=40.0)
    expect_replicas(story, 395, int8=1)
    story.model.children[INT8].pods.clear()
    # Nothing is Ready and nothing is read; what is remembered is the load without its hits.
    expect_replicas(story, 410, int8=4)


def test_an_operator_that_restarts_believes_the_hits_it_reads() -> None:
    story = story_of(lambda *_: 0.6)
    expect_replicas(story, 400, int8=2)
    story.forget()
    expect_replicas(story, 410, int8=2)
    expect_replicas(story, 600, int8=2)


def test_a_percentile_of_all_requests_teaches_no_front_end() -> None:
    """A query of the user's own has the hits in it: 3 ms where an execution takes 10. Of a model
    whose requests all execute it would say that its replicas are three times as fast."""

    def told(readings: ModelReadings) -> ModelReadings:
        read = caching(lambda *_: 0.6)(readings)
        at_s = read.arrival_rate.at_s if isinstance(read.arrival_rate, Known) else 0.0
        return replace(
            read, latency_s=Known(0.003, at_s), latency_estimated=False, latency_source="PromQL"
        )

    story = Story(Model(deployment(most=20), steady(300), reshape=told), policy=NO_ROOM_FOR_BURSTS)
    expect_replicas(story, 600, int8=2)
    (memory,) = story.memory.models.values()
    assert memory.front_end_s == {}


def test_a_model_whose_requests_all_hit_keeps_its_promise() -> None:
    """No latency can be read of what does not execute; that is no doubt."""

    def told(readings: ModelReadings) -> ModelReadings:
        read = caching(lambda *_: 1.0)(readings)
        none = NoTraffic(0.0)
        still = tuple(
            replace(w, batch_rate=none, service_time_s=none, batch_size=none, queue_time_s=none)
            for w in read.workloads
        )
        return replace(read, workloads=still)

    story = Story(Model(deployment(), steady(60), reshape=told), policy=NO_ROOM_FOR_BURSTS)
    story.until(300)
    met = story.condition("SLOMet")
    assert (met.status, met.reason) == (ConditionStatus.TRUE, "AllFromCaches")


def test_a_cache_that_leaves_the_model_no_memory_may_not_run() -> None:
    spec = deployment()
    spec = replace(spec, triton=replace(spec.triton, cache_bytes=300 * 2**20))
    small = replace(accelerator(), memory_bytes=512 * 2**20)
    story = Story(Model(spec, steady(50)), classes=(small,))
    story.until(30)
    assert not story.model.children
    told = story.condition("Stalled").message
    assert "spec.triton.responseCache.size is 300Mi, more than half of the 512Mi of memory" in told
    assert "lower the one or raise the other" in told
    story.respec(triton=replace(spec.triton, cache_bytes=256 * 2**20))
    expect_replicas(story, 60, int8=1)


@pytest.mark.parametrize(
    ("arrivals", "hits", "executing"),
    [
        (Known(100.0, 0.0), Known(40.0, 0.0), 60.0),
        (Known(100.0, 0.0), Known(99.0, 0.0), 25.0),
        (Known(100.0, 0.0), Missing("NoCache", ""), 100.0),
        (NoTraffic(0.0), Known(0.0, 0.0), 0.0),
        (Missing("NoSeries", ""), Known(40.0, 0.0), None),
    ],
)
def test_what_executes(arrivals: Reading, hits: Reading, executing: float | None) -> None:
    assert executing_rate(arrivals, hits) == executing


def test_more_hits_than_arrivals_are_windows_that_do_not_match() -> None:
    assert counted_share(10.0, 11.0) == counted_share(10.0, 10.0)

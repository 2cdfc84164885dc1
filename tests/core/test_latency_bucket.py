"""A percentile out of a histogram: the count at the target decides; wide buckets teach nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import INT8, deployment, pods, steady
from tests.core.story import Model, Story
from trimtab.api.resources import LatencySlo
from trimtab.core.memory import ModelMemory
from trimtab.core.observed import judge_slo, observe_latency
from trimtab.core.plan import Latency, how_read
from trimtab.core.signals import Known
from trimtab.core.snapshot import LatencyBucket, ModelReadings, ModelState, Workload

SOURCE = "GatewayHistogram (Envoy)"


def state(seen_s: float, late: float | None, low_s: float = 0.026, **more: object) -> ModelState:
    """A model with a target of 100 ms, whose gateway has its p99 in a bucket from `low_s` on."""
    readings = ModelReadings(
        latency_s=Known(seen_s, 0.0),
        latency_source=SOURCE,
        latency_bucket=LatencyBucket(low_s, late),
        **more,  # type: ignore[arg-type]
    )
    return ModelState(deployment(), (Workload(INT8, 1, pods(1)),), readings)


def met(before: bool | None, of: ModelState) -> bool | None:
    return judge_slo(ModelMemory(slo_met=before), of, observe_latency(of)).slo_met


@pytest.mark.parametrize(("late", "kept"), [(0.0, True), (0.01, True), (0.0101, False)])
def test_the_share_at_the_target_decides(late: float, kept: bool) -> None:
    assert met(None, state(0.0999 if kept else 0.1001, late)) is kept


def test_where_in_the_bucket_the_percentile_is_drawn_keeps_no_promise_broken() -> None:
    """p99 in the bucket that ends at the target is drawn near its end, whatever few are late."""
    assert met(False, state(0.0999, 0.001)) is True
    assert met(False, state(0.0999, None)) is False


def test_a_broken_promise_is_kept_again_with_some_to_spare() -> None:
    assert met(False, state(0.0999, 0.0096)) is False
    assert met(True, state(0.0999, 0.0096)) is True
    assert met(False, state(0.0999, 0.0095)) is True


@given(st.integers(1, 10**6), st.sampled_from([(99.0, 100), (99.9, 1000)]), st.data())
def test_99_of_100_are_enough_at_any_count(
    allowed: int, promise: tuple[float, int], data: st.DataObject
) -> None:
    percentile, one_in = promise
    total = one_in * allowed
    late = data.draw(st.integers(0, min(total, 3 * allowed)) | st.just(allowed))
    of = state(0.1, 1.0 - (total - late) / total)
    of = replace(of, spec=replace(of.spec, slo=LatencySlo(percentile, 0.1)))
    assert met(None, of) is (late <= allowed)


@pytest.mark.parametrize(
    ("latency", "tells"),
    [
        (Latency(0.1), True),
        (Latency(0.1, estimated=True), False),
        (Latency(), False),
        (Latency(0.1, bucket=LatencyBucket(0.095, 0.0)), True),
        (Latency(0.1, bucket=LatencyBucket(0.05, 0.0)), False),
    ],
)
def test_only_a_narrow_bucket_tells_of_capacity(latency: Latency, tells: bool) -> None:
    assert latency.tells_of_capacity is tells


@pytest.mark.parametrize(("low_s", "learns"), [(0.055, True), (0.011, False)])
def test_a_front_end_is_learnt_from_narrow_buckets_alone(low_s: float, learns: bool) -> None:
    """The latency of clients is held against the model as it is: nothing is added for a front end
    that Triton's own figures leave out."""
    story = Story(Model(deployment(most=20, least=3), steady(160)))

    def gateway(readings: ModelReadings) -> ModelReadings:
        if not isinstance(readings.latency_s, Known):
            return readings
        seen = Known(0.060, readings.latency_s.at_s)
        bucket = LatencyBucket(low_s, 0.0)
        return replace(readings, latency_s=seen, latency_source=SOURCE, latency_bucket=bucket)

    story.model.reshape = gateway
    story.until(600.0)
    learnt = story.memory.models[story.model.spec.key].front_end_s.get("cpu", 0.0)
    assert (learnt > 0.0005) is learns


def test_the_condition_says_how_far_to_trust_it() -> None:
    story = Story(Model(deployment(least=2), steady(100)))

    def between(readings: ModelReadings) -> ModelReadings:
        if not isinstance(readings.latency_s, Known):
            return readings
        return replace(
            readings,
            latency_source=SOURCE,
            latency_estimated=True,
            latency_bucket=LatencyBucket(0.011, None),
            latency_note="No bucket of the gateway ends at 100ms.",
        )

    story.model.reshape = between
    story.until(120.0)
    told = story.condition("SLOMet")
    assert told.status == "True"
    assert f"(estimated from {SOURCE}). No bucket of the gateway ends at 100ms." in told.message


@pytest.mark.parametrize(
    ("source", "estimated", "words"),
    [
        ("TritonCounters", True, "estimated from means"),
        (SOURCE, True, f"estimated from {SOURCE}"),
        (SOURCE, False, f"by {SOURCE}"),
        ("TritonSummary", False, "by TritonSummary"),
    ],
)
def test_how_a_latency_was_read(source: str, estimated: bool, words: str) -> None:
    assert how_read(source, estimated) == words

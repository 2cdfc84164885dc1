"""Profiles that are wrong are corrected by serving; absurd readings are not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import FP32, INT8, deployment, steady, variant
from tests.core.story import Model, Story, carried, expect_replicas
from trimtab.core.latency import ServiceCurve
from trimtab.core.learn import correct_latency, curve_of, learn
from trimtab.core.memory import ModelMemory
from trimtab.core.signals import Known
from trimtab.core.snapshot import ModelReadings, ModelState, Workload, WorkloadReadings


def learnt_ms(story: Story) -> float:
    """The service time of one request as it is believed now."""
    spec = story.model.spec
    known = curve_of(story.memory.models[spec.key], spec, INT8)
    assert known is not None
    return known[0].seconds(1) * 1000.0


@pytest.mark.parametrize("truth", [3.0, 0.3, 1.5, 0.8, 1.2])
def test_a_wrong_profile_is_corrected_within_two_minutes(truth: float) -> None:
    story = Story(Model(deployment(most=20, target_ms=200.0), steady(150), truth=truth))
    story.until(120)
    assert learnt_ms(story) == pytest.approx(10.0 * truth, rel=0.02)
    story.until(300)
    assert carried(story, story.history[-1]) >= 150


def test_a_profile_that_was_too_slow_frees_replicas_in_the_end() -> None:
    slow = Story(Model(deployment(window_s=60), steady(150), truth=0.3))
    expect_replicas(slow, 600, int8=1)


def test_one_absurd_reading_is_not_believed() -> None:
    def absurd(readings: WorkloadReadings) -> WorkloadReadings:
        return replace(readings, service_time_s=Known(5.0, 0.0))

    story = Story(Model(deployment(), steady(150)))
    story.until(200)
    story.model.distort = absurd
    story.until(265)  # for as long as it is in the window of a minute
    story.model.distort = lambda readings: readings
    story.until(300)
    assert learnt_ms(story) == pytest.approx(10.0, rel=0.01)
    assert len({m.plan.targets[0].replicas for m in story.history[20:]}) == 1


def test_what_stays_absurd_is_the_truth() -> None:
    story = Story(Model(deployment(), steady(150)))
    story.until(200).model.truth = 4.0
    story.until(300)
    assert learnt_ms(story) == pytest.approx(40.0, rel=0.05)


def test_a_variant_without_a_profile_is_learnt_from_its_first_replica() -> None:
    spec = deployment()
    (int8,) = spec.variants
    story = Story(Model(replace(spec, variants=(replace(int8, profiles=()),)), steady(150)))
    story.model.profiles[INT8] = ServiceCurve(((1, 0.010),))
    expect_replicas(story, 5, int8=1)
    assert story.plan().decision.wanted_replicas is None
    expect_replicas(story, 120, int8=3)


def test_an_edited_profile_starts_over() -> None:
    story = Story(Model(deployment(), steady(150), truth=1.5))
    story.until(120)
    assert learnt_ms(story) == pytest.approx(15.0, rel=0.02)
    (int8,) = story.model.spec.variants
    (profile,) = int8.profiles
    points = tuple(replace(p, latency_s=0.030) for p in profile.points)
    story.respec(variants=(replace(int8, profiles=(replace(profile, points=points),)),))
    story.model.truth = 1.0
    story.until(130)
    assert learnt_ms(story) == pytest.approx(30.0, rel=0.02)


def test_the_observed_percentile_corrects_the_model_slowly() -> None:
    # Clients see twice what the queue alone explains: the front end shares the pod.
    story = Story(Model(deployment(), steady(150)))
    story.until(600)
    plain = story.plan().decision.wanted_replicas
    memory = story.memory.models[story.model.spec.key]
    slower = replace(memory, latency_corrections={INT8: 1.5})
    story.memory = replace(story.memory, models={story.model.spec.key: slower})
    story.until(605)
    wanted = story.plan().decision.wanted_replicas
    assert plain is not None
    assert wanted is not None
    assert wanted > plain


@pytest.mark.parametrize(("mean", "variance"), [(1.0, 0.0), (2.0, 1.0), (3.3, 2.3), (6.0, 5.0)])
def test_triton_weighs_a_batchs_time_by_its_size(mean: float, variance: float) -> None:
    """A straight curve stays what it is when it is read as Triton exports it.

    Batches whose size less one is a Poisson number: Triton's mean is E[b s(b)]/E[b].
    """
    curve = ServiceCurve(((1, 0.010), (8, 0.045)))  # 5 ms and 5 ms for each item
    weighted_s = 0.005 + 0.005 * (variance + mean**2) / mean
    readings = WorkloadReadings(
        INT8,
        service_time_s=Known(weighted_s, 0.0),
        batch_size=Known(mean, 0.0),
    )
    state = ModelState(
        deployment(variants=(variant("int8", "0.98", 10.0, batch_ms={8: 45.0}),), max_batch=8),
        (Workload(INT8, 1, batch_cap=64),),
        ModelReadings(workloads=(readings,)),
    )
    memory = ModelMemory()
    for tick in range(30):
        memory = learn(memory, state, 5.0 * tick)
    known = curve_of(memory, state.spec, INT8)
    assert known is not None
    assert known[0].seconds(4) == pytest.approx(curve.seconds(4), rel=0.01)


def test_one_variants_error_is_not_another_ones() -> None:
    memory = correct_latency(ModelMemory(), INT8, scale=2.0)
    assert memory.latency_corrections[INT8] == pytest.approx(1.1)
    assert FP32 not in memory.latency_corrections

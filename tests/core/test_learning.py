"""Profiles that are wrong are corrected by serving; absurd readings are not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import INT8, deployment, steady
from tests.core.story import Model, Story, carried, expect_replicas
from trimtab.core.latency import ServiceCurve
from trimtab.core.learn import curve_of
from trimtab.core.signals import Known
from trimtab.core.snapshot import WorkloadReadings


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

"""Profiles that are wrong are corrected by serving; absurd readings are not believed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.core.builders import INT8, deployment, steady, variant
from tests.core.queue_simulation import executed
from tests.core.story import Model, Story, carried, expect_replicas
from trimtab.core.forecast import History
from trimtab.core.latency import ServiceCurve
from trimtab.core.learn import Belief, belief_of, learn, seed_points
from trimtab.core.memory import ModelMemory
from trimtab.core.service_time import from_seed
from trimtab.core.signals import Known
from trimtab.core.snapshot import (
    ModelReadings,
    ModelState,
    Workload,
    WorkloadKey,
    WorkloadReadings,
)


def learnt_ms(story: Story) -> float:
    """The service time of one request as it is believed now."""
    spec = story.model.spec
    known = belief_of(story.memory.models[spec.key], spec, INT8)
    assert known is not None
    return known.curve.seconds(1) * 1000.0


@pytest.mark.parametrize("truth", [3.0, 0.3, 1.5, 0.8, 1.2])
def test_a_wrong_profile_is_corrected_within_two_minutes(truth: float) -> None:
    story = Story(Model(deployment(most=20, target_ms=200.0), steady(150), truth=truth))
    story.until(120)
    assert learnt_ms(story) == pytest.approx(10.0 * truth, rel=0.02)
    story.until(300)
    assert carried(story, story.history[-1]) >= 150


@pytest.mark.parametrize("truth", [2.2, 4.0])
def test_a_profile_of_a_faster_machine_is_corrected_in_seconds(truth: float) -> None:
    """Held for an absurd reading, it kept half the fleet for a minute and a half under a burst."""
    story = Story(Model(deployment(most=40, target_ms=200.0), steady(150), truth=truth))
    story.until(30)
    assert learnt_ms(story) == pytest.approx(10.0 * truth, rel=0.1)


def test_a_profile_that_was_too_slow_frees_replicas_in_the_end() -> None:
    slow = Story(Model(deployment(window_s=60), steady(150), truth=0.3))
    expect_replicas(slow, 600, int8=1)


def test_one_absurd_reading_is_not_believed() -> None:
    def absurd(readings: WorkloadReadings) -> WorkloadReadings:
        return replace(readings, service_time_s=Known(5.0, story.now_s))

    story = Story(Model(deployment(), steady(150)))
    story.until(200)
    story.model.distort = absurd
    story.until(265)  # for as long as it is in the window of a minute
    story.model.distort = lambda readings: readings
    story.until(300)
    assert learnt_ms(story) == pytest.approx(10.0, rel=0.01)
    assert len({m.plan.targets[0].replicas for m in story.history[20:]}) == 1


def test_a_scrape_is_one_witness_however_many_decisions_see_it() -> None:
    story = Story(Model(deployment(), steady(150)))
    story.until(60).model.truth = 1.5
    story.until(80)
    key, state = story.model.spec.key, story.history[-1].state
    before = story.memory.models[key]
    for later_s in (1.0, 6.0):
        assert learn(before, state, story.now_s + later_s).learned == before.learned


def test_what_stays_absurd_is_the_truth() -> None:
    story = Story(Model(deployment(), steady(150)))
    story.until(200).model.truth = 4.0
    story.until(300)
    assert learnt_ms(story) == pytest.approx(40.0, rel=0.05)


def test_a_variant_without_a_profile_is_learnt_from_its_first_replica() -> None:
    spec = deployment()
    (int8,) = spec.variants
    story = Story(Model(replace(spec, variants=(replace(int8, profiles=()),)), steady(170)))
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
    points = tuple(p._replace(latency_s=0.030) for p in profile.points)
    story.respec(variants=(replace(int8, profiles=(replace(profile, points=points),)),))
    story.model.truth = 1.0
    story.until(130)
    assert learnt_ms(story) == pytest.approx(30.0, rel=0.02)


def as_exported(curve: ServiceCurve, cap: int, load: float) -> tuple[float, float]:
    """The mean batch, and the mean seconds that Triton's counters give, at a share of the saturated
    rate: of a simulated queue."""
    sizes = executed(curve, cap, load)
    times = np.array([curve.seconds(b) for b in range(1, cap + 1)])[sizes.astype(int) - 1]
    return float(sizes.mean()), float((sizes * times).sum() / sizes.sum())


@pytest.mark.parametrize("load", [0.1, 0.4, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("shape_ms", [(10.0, 25.0, 45.0), (12.0, 21.0, 36.0), (10.0, 11.0, 30.0)])
def test_triton_weighs_a_batchs_time_by_its_size(
    load: float, shape_ms: tuple[float, float, float]
) -> None:
    """A curve stays what it is when it is read as Triton exports it, whatever the load.

    A batch's time is added once for each of its requests. Where the batch was inferred as if
    Poisson numbers came, a profile that was right was found a tenth too fast for full batches.
    """
    curve = ServiceCurve(tuple(zip((1, 4, 8), (ms / 1000.0 for ms in shape_ms), strict=True)))
    batch, seconds = as_exported(curve, 8, load)
    readings = WorkloadReadings(
        INT8,
        service_time_s=Known(seconds, 0.0),
        batch_size=Known(batch, 0.0),
        batch_rate=Known(20.0, 0.0),
    )
    seed = variant("int8", "0.98", shape_ms[0], batch_ms={4: shape_ms[1], 8: shape_ms[2]})
    state = ModelState(
        deployment(variants=(seed,), max_batch=8),
        (Workload(INT8, 1, batch_cap=8),),
        ModelReadings(workloads=(readings,)),
    )
    memory = ModelMemory()
    for tick in range(30):
        memory = learn(memory, state, 5.0 * tick)
    known = belief_of(memory, state.spec, INT8)
    assert known is not None
    for batch in (1, 4, 8):
        assert known.curve.seconds(batch) == pytest.approx(curve.seconds(batch), rel=0.035)


@pytest.mark.parametrize("step", [0.8, 1.2])
def test_a_step_of_the_true_time_in_mid_run_is_followed(step: float) -> None:
    story = Story(Model(deployment(most=20), steady(300)))
    story.until(600)
    story.model.truth = step
    story.until(630)
    assert learnt_ms(story) == pytest.approx(10.0 * step, rel=0.02)


SEED = variant("int8", "0.98", 10.0, batch_ms={2: 12.0, 4: 16.0, 8: 24.0, 16: 40.0})
BATCHING = deployment(variants=(SEED,), max_batch=16)
VARIED = (0.2, 0.5, 0.7, 0.85, 0.95, 0.8, 0.6, 0.4)


def taught(truth: ServiceCurve, *loads: float) -> Belief:
    """What is believed after readings at such shares of the saturated rate, two of each."""
    memory, at_s = ModelMemory(), 0.0
    for load in loads:
        batch, seconds = as_exported(truth, 16, load)
        for _ in range(2):
            at_s += 5.0
            readings = WorkloadReadings(
                INT8,
                batch_rate=Known(20.0, at_s),
                service_time_s=Known(seconds, at_s),
                batch_size=Known(batch, at_s),
            )
            state = ModelState(
                BATCHING,
                (Workload(INT8, 1, batch_cap=16),),
                ModelReadings(workloads=(readings,)),
            )
            memory = learn(memory, state, at_s)
    known = belief_of(memory, BATCHING, INT8)
    assert known is not None
    return known


def test_where_batches_vary_the_shape_is_learnt_too() -> None:
    # The profile was measured with a tokenizer that the pod shares: each item costs twice as much.
    truth = ServiceCurve(((1, 0.012), (2, 0.016), (4, 0.024), (8, 0.040), (16, 0.072)))
    curve = taught(truth, *VARIED, *VARIED).curve
    for batch in (1, 4, 8, 16):
        assert curve.seconds(batch) == pytest.approx(truth.seconds(batch), rel=0.1)


def test_batches_of_one_tell_nothing_of_the_shape() -> None:
    curve = taught(ServiceCurve(((1, 0.015),)), *[0.001] * 20).curve
    assert curve.seconds(1) == pytest.approx(0.015, rel=0.01)
    assert curve.seconds(16) == pytest.approx(0.060, rel=0.02)


def test_more_work_is_never_believed_to_take_less_time() -> None:
    flat = ServiceCurve(((1, 0.010), (16, 0.010)))
    curve = taught(flat, *VARIED, *VARIED).curve
    times = [curve.seconds(b) for b in range(1, 33)]
    assert times == sorted(times)


VARIANTS = tuple(variant(name, "0.98", ms) for name, ms in zip("abcde", range(4, 9), strict=True))


def after_siblings(**ratios: float) -> Belief:
    """What is believed of `a`, which never ran, once these were found to differ so."""
    spec = deployment(variants=VARIANTS)
    learned = {}
    for name, ratio in ratios.items():
        key = WorkloadKey(name, "cpu")
        seed = seed_points(spec, key)
        known = from_seed(seed)._replace(level=math.log(ratio), samples=20)
        learned[key] = known
    belief = belief_of(ModelMemory(learned=learned), spec, WorkloadKey("a", "cpu"))
    assert belief is not None
    assert not belief.confirmed
    return belief


def test_a_variant_that_never_ran_is_as_wrong_as_its_siblings_were() -> None:
    assert after_siblings().curve.seconds(1) == pytest.approx(0.004)
    assert after_siblings(b=1.3).curve.seconds(1) == pytest.approx(0.0052, rel=0.01)
    assert after_siblings(b=1.3, c=1.2, d=5.0).curve.seconds(1) == pytest.approx(0.0052, rel=0.01)


def test_siblings_that_agree_leave_less_margin_than_those_that_do_not() -> None:
    assert after_siblings().margin == pytest.approx(1.2)
    agreeing = after_siblings(b=1.3, c=1.31, d=1.29, e=1.3).margin
    quarrelling = after_siblings(b=0.8, c=1.9, d=1.0, e=1.5).margin
    assert 1.05 < agreeing < 1.12
    assert quarrelling > 1.2


def test_what_siblings_taught_is_not_forgotten_at_the_first_reading() -> None:
    # Both profiles are of a machine twice as fast; of one execution little is learnt.
    spec = deployment(variants=VARIANTS[:2])
    b, a = WorkloadKey("b", "cpu"), WorkloadKey("a", "cpu")
    taught = from_seed(seed_points(spec, b))._replace(level=math.log(2.0), samples=20)
    readings = WorkloadReadings(
        a,
        batch_rate=Known(1 / 60, 100.0),
        service_time_s=Known(0.008, 100.0),
        batch_size=Known(1.0, 100.0),
    )
    state = ModelState(spec, (), ModelReadings(workloads=(readings,)))
    memory = learn(ModelMemory(learned={b: taught}), state, 100.0)
    belief = belief_of(memory, spec, a)
    assert belief is not None
    assert belief.curve.seconds(1) == pytest.approx(0.008, rel=0.02)
    assert not belief.confirmed


def test_single_requests_are_timed_whatever_the_load_was() -> None:
    # A profile of a machine three times as fast, and a burst in the window: with a cap of one no
    # batch has to be inferred from it.
    spec = deployment(variants=(variant("int8", "0.98", 11.0, batch_ms={8: 80.0}),))
    readings = WorkloadReadings(
        INT8,
        batch_rate=Known(1.0, 100.0),
        service_time_s=Known(0.032, 100.0),
        batch_size=Known(1.0, 100.0),
    )
    state = ModelState(
        spec, (Workload(INT8, 1, batch_cap=1),), ModelReadings(workloads=(readings,))
    )
    burst = History(recent=tuple((5.0 * i, 10.0 if i < 14 else 90.0) for i in range(20)))
    memory = learn(ModelMemory(history=burst), state, 100.0)
    belief = belief_of(memory, spec, INT8)
    assert belief is not None
    assert belief.curve.seconds(1) == pytest.approx(0.031, rel=0.05)

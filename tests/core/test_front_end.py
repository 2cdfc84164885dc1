"""A front end that shares the core: learnt from the users' latency, and kept by class."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.core.builders import FP32, INT8, Load, deployment, steady, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Moment, Story
from trimtab.api.resources import Objective, Routing, RoutingType
from trimtab.core.latency import ReplicaModel, ServiceCurve, front_end_s
from trimtab.core.option import Option
from trimtab.core.plan import Latency
from trimtab.core.read_back import measured_scale
from trimtab.core.served import Served, most_each, noted
from trimtab.core.settings import DEFAULT_POLICY
from trimtab.core.signals import Known, value_or_none
from trimtab.core.snapshot import (
    Backend,
    ModelReadings,
    ModelState,
    Pod,
    Route,
    Workload,
    WorkloadKey,
    WorkloadReadings,
)

CURVE = ServiceCurve(((1, 0.010),))
TRUE_S = 0.004
GATEWAY = Routing(RoutingType.GATEWAY)


def sharing(load: Load, least: int = 1) -> Story:
    """A model whose pods also spend 4 ms of the core on parsing every request.

    Triton's counters tell of executions alone, stretched while the front end takes its share; the
    clients see everything.
    """
    story = Story(Model(deployment(most=20, least=least), load))
    each: list[float] = [0.0]

    def stretched(readings: WorkloadReadings) -> WorkloadReadings:
        seconds = 0.010 / (1.0 - TRUE_S * each[0])
        return replace(readings, service_time_s=Known(seconds, story.now_s))

    def clients(readings: ModelReadings) -> ModelReadings:
        if not isinstance(readings.latency_s, Known):
            return readings
        seen = ReplicaModel(CURVE.with_front_end(TRUE_S)).latency_s(each[0], 99.0)
        measured = Known(min(10.0, seen), 0.0)
        return replace(readings, latency_s=measured, latency_source="PromQL")

    def rate_each(rate: float, window_s: float) -> float:
        ready = sum(p.ready_s is not None for c in story.model.children.values() for p in c.pods)
        each[0] = rate / max(1, ready)
        return rate

    story.model.measure = rate_each
    story.model.distort, story.model.reshape = stretched, clients
    return story


def learnt_s(story: Story) -> float:
    """The front end's time for one request, as it is believed now."""
    return story.memory.models[story.model.spec.key].front_end_s.get("cpu", 0.0)


def test_the_front_end_is_learnt_within_minutes_and_the_fleet_made_for_it() -> None:
    story = sharing(steady(200))
    story.until(420)
    plan = story.plan()
    assert plan.latency.observed_s is not None
    assert plan.latency.observed_s <= 0.1
    assert plan.latency.predicted_s == pytest.approx(plan.latency.observed_s, rel=0.1)


def test_what_was_learnt_at_half_load_is_right_near_saturation() -> None:
    # Four replicas carry 140 requests/s with ease; then 200 come at once.
    story = sharing(steps((0, 140), (900, 200)), least=4)
    story.until(895)
    assert learnt_s(story) > 0.5 * TRUE_S
    story.until(905)
    assert story.plan().decision.wanted_replicas in (5, 6)
    story.until(1100)
    assert story.plan().latency.observed_s == pytest.approx(
        story.plan().latency.predicted_s or 0.0, rel=0.15
    )


def test_what_a_profile_says_of_the_front_end_is_believed_until_serving_tells() -> None:
    def needed(front_end_ms: float) -> int:
        int8 = variant("int8", "0.98", 10, front_end_ms=front_end_ms)
        story = Story(Model(deployment(variants=(int8,), most=20), steady(200)))
        story.until(10)
        return story.plan().decision.wanted_replicas or 0

    assert needed(10.0) >= 2 * needed(0.0) > 0


def test_a_profile_that_says_too_much_of_the_front_end_is_corrected() -> None:
    int8 = variant("int8", "0.98", 10, front_end_ms=8.0)
    story = Story(Model(deployment(variants=(int8,), most=20), steady(200)))
    story.until(600)
    assert learnt_s(story) < 0.002


def mixed(front_end_s: float) -> Story:
    """A mix behind a gateway, in which every request costs so much beside its execution."""
    accurate, fast = variant("fp32", "0.99", 20.0), variant("int8", "0.98", 10.0)
    spec = deployment(variants=(accurate, fast), per_hour="1.05", floor="0", most=40)
    spec = replace(spec, routing=GATEWAY, objective=Objective.MAXIMIZE_ACCURACY)
    story = Story(Model(spec, steady(320.0)), policy=NO_ROOM_FOR_BURSTS)
    each: dict[WorkloadKey, float] = {}

    def shared(readings: WorkloadReadings) -> WorkloadReadings:
        each[readings.key] = value_or_none(readings.rate) or 0.0
        return readings

    def clients(readings: ModelReadings) -> ModelReadings:
        pods = story.model.children
        late_s = [
            ReplicaModel(ServiceCurve(((1, seconds + front_end_s),))).latency_s(
                each[key] / len(pods[key].pods), 99.0
            )
            for key, seconds in ((FP32, 0.020), (INT8, 0.010))
            if each.get(key)
        ]
        measured = Known(min(10.0, max(late_s, default=0.0)), 0.0)
        return replace(readings, latency_s=measured, latency_source="PromQL")

    story.model.distort, story.model.reshape = shared, clients
    story.until(600)
    assert all(m.state.workload(k).ready for m in story.history[30:] for k in (FP32, INT8))
    return story


def test_a_mix_teaches_that_requests_cost_more() -> None:
    assert 0.3 * TRUE_S < learnt_s(mixed(TRUE_S)) <= 1.1 * TRUE_S


def test_the_slower_of_a_mix_does_not_teach_that_the_other_costs_more() -> None:
    assert learnt_s(mixed(0.0)) < 0.1 * TRUE_S


def rising(t_s: float) -> float:
    """A replica more is needed every half a minute."""
    return 20.0 + 2.0 * max(0.0, t_s - 60.0)


def test_a_load_that_never_stands_still_teaches_that_requests_cost_more() -> None:
    story = sharing(rising)
    story.until(500)
    changed = [b.t_s for a, b in pairwise(story.history) if ready_of(a) != ready_of(b)]
    assert max(b - a for a, b in pairwise(changed)) < 90.0, "the fleet never rests"
    assert 0.2 * TRUE_S < learnt_s(story) <= TRUE_S


def test_a_fleet_that_grows_with_its_load_teaches_nothing_of_it() -> None:
    """The minute's p99 is of fewer replicas than there are now."""
    story = Story(Model(deployment(most=20), rising))
    story.until(500)
    assert learnt_s(story) < 0.1 * TRUE_S


def test_nothing_is_known_of_a_minute_that_was_not_seen_whole() -> None:
    state = ModelState(deployment(), (ready(INT8, 2),), reading(60.0))
    served = None
    for t_s in range(0, 100, 5):
        served = noted(served, state, float(t_s), DEFAULT_POLICY)
        known = most_each(served, float(t_s), DEFAULT_POLICY)
        assert known == ({INT8: 30.0} if t_s >= 90 else {})
    blind = replace(state, readings=ModelReadings())
    assert noted(served, blind, 100.0, DEFAULT_POLICY) is None


def test_a_rate_is_held_against_the_replicas_that_were_there_for_it() -> None:
    """Three replicas at once do not make a third of the rate of ten seconds ago."""

    def grown(t_s: float) -> ModelState:
        return ModelState(deployment(), (ready(INT8, 1 if t_s < 110 else 3),), reading(60.0))

    assert most_each(seen(grown, 120), 115.0, DEFAULT_POLICY) == {INT8: 60.0}


def test_each_of_a_mix_had_its_share_and_is_remembered_for_as_long_as_a_percentile() -> None:
    pods = (ready(INT8, 2), ready(FP32, 1))
    behind_gateway = Route((Backend(INT8, 70), Backend(FP32, 25), Backend(INT8, 5)))

    def state(t_s: float, route: Route | None) -> ModelState:
        left = t_s >= 100
        return ModelState(deployment(), pods[:1] if left else pods, reading(60.0), route=route)

    by_pods = seen(lambda t_s: state(t_s, None), 105)
    assert most_each(by_pods, 100.0, DEFAULT_POLICY) == {INT8: 30.0, FP32: 20.0}
    by_weight = seen(lambda t_s: state(t_s, behind_gateway), 100)
    assert most_each(by_weight, 95.0, DEFAULT_POLICY) == {INT8: 22.5, FP32: 15.0}
    answering = tuple(WorkloadReadings(k, rate=Known(r, 0.0)) for k, r in ((INT8, 6), (FP32, 54)))
    by_answers = seen(
        lambda t_s: replace(state(t_s, None), readings=replace(reading(60.0), workloads=answering)),
        100,
    )
    assert most_each(by_answers, 95.0, DEFAULT_POLICY) == {INT8: 20.0, FP32: 54.0}
    after = seen(lambda t_s: state(t_s, None), 195)
    assert most_each(after, 190.0, DEFAULT_POLICY) == {INT8: 30.0}


def seen(state_at: Callable[[float], ModelState], until_s: int) -> Served | None:
    served = None
    for t_s in range(0, until_s, 5):
        served = noted(served, state_at(float(t_s)), float(t_s), DEFAULT_POLICY)
    return served


def ready_of(moment: Moment) -> int:
    return moment.state.workload(INT8).ready


def ready(key: WorkloadKey, count: int) -> Workload:
    return Workload(key, count, tuple(Pod(f"{key}{i}", 0.0, 1.0) for i in range(count)))


def reading(rate: float) -> ModelReadings:
    return ModelReadings(
        arrival_rate=Known(rate, 0.0),
        arrival_rate_fast=Known(rate, 0.0),
        pending=Known(0.0, 0.0),
        failure_rate=Known(0.0, 0.0),
        latency_s=Known(0.05, 0.0),
    )


def unmoved(
    load: Load, change: Callable[[ModelReadings], ModelReadings], *, least: int = 1, ms: float = 10
) -> float:
    """What is believed after ten minutes of readings that are changed so."""
    spec = deployment(variants=(variant("int8", "0.98", ms),), least=least, target_ms=10 * ms)
    story = Story(Model(spec, load, reshape=change))
    story.until(600)
    return learnt_s(story)


def slower(readings: ModelReadings) -> ModelReadings:
    """Twice the latency that the queue explains."""
    if not isinstance(readings.latency_s, Known):
        return readings
    return replace(readings, latency_s=Known(2.0 * readings.latency_s.value, 0.0))


def test_a_late_answer_at_low_load_tells_of_jitter() -> None:
    assert unmoved(steady(100), slower) > 0.001
    assert unmoved(steady(100), slower, least=6) == 0.0


def test_a_handful_of_requests_tells_nothing() -> None:
    # 40 % of a replica's time, and 240 requests in the window of a minute.
    assert unmoved(steady(4), slower, ms=100.0) == 0.0
    assert unmoved(steady(40), slower) > 0.001


def test_a_load_that_leaps_tells_no_more_than_its_leaps_leave() -> None:
    def leaping(t_s: float) -> float:
        return 600.0 if t_s % 60 < 10 else 320.0

    assert unmoved(leaping, lambda r: r, least=10) == 0.0
    at_all_times = unmoved(steady(366), slower, least=10)
    assert at_all_times > 0.001
    assert 0.0 < unmoved(leaping, slower, least=10) < 0.5 * at_all_times


def test_an_estimate_tells_nothing() -> None:
    assert unmoved(steady(150), lambda r: replace(slower(r), latency_estimated=True)) == 0.0


@pytest.mark.parametrize("load", [0.4, 0.6, 0.8, 0.9])
@pytest.mark.parametrize("cap", [1, 8])
def test_the_front_end_is_found_from_a_latency_at_any_load(load: float, cap: int) -> None:
    bare = ServiceCurve(((1, 0.010), (8, 0.031)))
    true = ReplicaModel(bare.with_front_end(0.003), batch_cap=cap)
    rate = load * true.saturation_rate
    seen_s = true.latency_s(rate, 99.0)
    assert front_end_s(ReplicaModel(bare, batch_cap=cap), rate, 99.0, seen_s) == pytest.approx(
        0.003, rel=0.05
    )


def test_a_latency_below_the_models_asks_for_less_than_none() -> None:
    assert front_end_s(ReplicaModel(CURVE), 50.0, 99.0, 0.011) == pytest.approx(-0.0025)
    nearly_s = 0.97 * ReplicaModel(CURVE).latency_s(50.0, 99.0)
    assert -0.0005 < front_end_s(ReplicaModel(CURVE), 50.0, 99.0, nearly_s) < 0.0
    assert CURVE.with_front_end(-0.0025) == CURVE


def test_noise_around_what_the_model_says_teaches_no_front_end() -> None:
    rng = random.Random(4)

    def noisy(readings: ModelReadings) -> ModelReadings:
        if not isinstance(readings.latency_s, Known):
            return readings
        return replace(readings, latency_s=Known(rng.gauss(1.0, 0.2) * readings.latency_s.value, 0))

    assert unmoved(steady(150), noisy) <= 0.0003


SLOW = ReplicaModel(ServiceCurve(((1, 0.200),)))


def measured_of(pods: int, rate: float, seen_s: float, source: str = "TritonSummary") -> float:
    """By what factor service times seem longer, where so many pods at so many requests/s each
    read so."""
    option = Option(
        key=INT8,
        accuracy=Decimal("0.9"),
        price_per_hour=None,
        batch_cap=1,
        capacity_rate=None,
        meets_slo=True,
        model=SLOW,
    )
    fleet = tuple(Pod(f"p{i}", 0.0, 0.0) for i in range(pods))
    readings = ModelReadings(arrival_rate=Known(rate * pods, 0.0))
    state = ModelState(deployment(), (Workload(INT8, pods, fleet),), readings)
    scale = measured_scale(state, option, Latency(seen_s, source=source))
    assert scale is not None
    return scale


def test_the_slowest_of_many_pods_is_no_proof_that_all_are_slow() -> None:
    # 25 pods with 150 requests each in a minute: the largest of their p99 is about the p99.9, as
    # it is in a simulation of such pods.
    typical_s, extreme_s = SLOW.latency_s(2.5, 99.0), SLOW.latency_s(2.5, 99.9)
    assert extreme_s > 1.4 * typical_s
    assert measured_of(25, 2.5, extreme_s) == pytest.approx(1.0, abs=0.03)
    assert measured_of(25, 2.5, extreme_s, "PromQL") > 1.1
    few = [measured_of(pods, 2.5, extreme_s) for pods in (1, 5, 25)]
    assert few == sorted(few, reverse=True)


def test_a_few_requests_of_one_pod_seldom_hold_the_latest() -> None:
    # The p99 of 150 requests at half load is, in the median, the p98.1 of all.
    assert measured_of(1, 2.5, SLOW.latency_s(2.5, 98.1)) == pytest.approx(1.0, abs=0.03)

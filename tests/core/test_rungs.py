"""One story for each guard that no other story leans on: what happens on the day it is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import FP32, INT8, accelerator, deployment, steady, steps, variant
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.core.latency import ServiceCurve
from trimtab.core.signals import Missing
from trimtab.core.snapshot import WorkloadKey, WorkloadReadings

FAST, SLOW = variant("int8", "0.98", 10.0), variant("fp32", "0.99", 25.0)
UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")
BOTH_CLASSES = (accelerator("cpu", "0.10"), accelerator("l4", "0.80", most=2))


def test_a_speed_that_nobody_knows_is_no_reason_to_shrink() -> None:
    # No profile, and Triton's counters cannot be read: two requests/s may be all that three carry.
    def untold(readings: WorkloadReadings) -> WorkloadReadings:
        return WorkloadReadings(readings.key)

    spec = deployment(variants=(replace(variant("int8", "0.98", 10.0), profiles=()),))
    model = Model(spec, steps((0, 50), (200, 2)), distort=untold).running(INT8, 3)
    expect_replicas(Story(model), 900, int8=3)


def test_the_safe_size_stays_inside_the_maximum() -> None:
    story = Story(Model(deployment(window_s=30), steps((0, 400), (300, 10))))
    expect_replicas(story, 500, int8=1)
    story.respec(max_replicas=2)
    story.model.blind = UNREACHABLE
    expect_replicas(story, 1200, int8=2)


def test_who_may_not_stay_goes_once_all_that_may_come_is_there() -> None:
    # The new class holds two and the load asks for more. Waited for until they carry all of it, a
    # variant that the user took out of the spec would serve for ever.
    new = variant("int8", "0.98", 10.0, "l4")
    story = Story(
        Model(deployment(variants=(SLOW,), most=20), steady(250)),
        classes=BOTH_CLASSES,
        start_up_s=40.0,
    )
    story.until(300)
    before = story.model.children[FP32].replicas
    story.respec(variants=(new,))
    story.until(335)
    assert story.model.children[FP32].replicas == before
    expect_replicas(story, 360, int8=2)


def test_of_several_that_may_not_stay_one_replica_makes_room_at_a_time() -> None:
    # One from each at once would be two less for the whole of a drain and a start.
    other = WorkloadKey("int4", "cpu")
    model = Model(deployment(), steady(250)).running(FP32, 2).running(other, 2)
    model.profiles |= dict.fromkeys((FP32, other), ServiceCurve(((1, 0.010),)))
    story = Story(model, classes=(accelerator(most=4),))
    story.until(600)
    serving = [sum(w.ready for w in m.state.workloads) for m in story.history]
    assert min(serving) == 3
    assert story.model.children.keys() == {INT8}


def test_a_removed_variant_on_a_full_class_stays_while_nothing_can_be_read() -> None:
    # Making room takes capacity away; blind, nobody knows whether it can be spared.
    story = Story(Model(deployment(variants=(SLOW,)), steady(100)), classes=(accelerator(most=3),))
    story.until(300)
    before = sizes(story)[-1]
    assert before == 3
    story.model.blind = UNREACHABLE
    story.respec(variants=(FAST,))
    expect_replicas(story, 500, fp32=3)
    story.model.blind = None
    story.until(800)
    assert story.model.children.keys() == {INT8}


def test_the_old_keep_one_until_all_that_is_wanted_is_there() -> None:
    # The user wants four where one carries the load; two find a place while the old hold theirs.
    # With none of the old left before the other two come, a minimum of four would not be one.
    old = variant("fp32", "0.99", 10.0, "l4")
    story = Story(
        Model(deployment(variants=(old, FAST), least=4, floor="0.99"), steady(20)),
        classes=(accelerator("cpu", "0.10"), accelerator("l4", "0.80")),
        slots=6,
    )
    story.until(300)
    story.respec(min_accuracy=Decimal(0))
    story.until(700)
    assert story.model.children.keys() == {INT8}
    for moment in story.history:
        kept = {t.key.variant: t.replicas for t in moment.plan.targets}
        if moment.state.workload(INT8).ready < 4:
            assert kept["fp32"] >= 1
    assert any(0 < moment.state.workload(INT8).ready < 4 for moment in story.history)


def test_a_restart_in_a_lull_starts_no_cheaper_variant() -> None:
    # Of all that was remembered there is the lull alone, and one cheap replica would carry it.
    large = variant("fp32", "0.99", 2.0, "l4")
    story = Story(
        Model(deployment(variants=(large, FAST), window_s=300), steps((0, 2000), (600, 10))),
        classes=(accelerator("cpu", "0.10"), accelerator("l4", "0.80")),
    )
    story.until(700)
    before = {k: c.replicas for k, c in story.model.children.items()}
    story.forget()
    story.until(950)
    assert {k: c.replicas for k, c in story.model.children.items()} == before

"""From one variant to another: make before break, and break only where there is no room."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.core.builders import (
    FP32,
    INT8,
    accelerator,
    deployment,
    pods,
    steady,
    steps,
    variant,
)
from tests.core.story import Model, Story, UncountedStory, carried, expect_replicas
from trimtab.api.resources import AcceleratorClass, Objective
from trimtab.core.choose import judge
from trimtab.core.decide import decide
from trimtab.core.guard import Step
from trimtab.core.ledger import Shares
from trimtab.core.memory import Memory
from trimtab.core.option import Option
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Missing
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey
from trimtab.core.switch import Relief, retire

BETTER = variant("int8", "0.98", 10.0)
WORSE = variant("fp32", "0.99", 25.0)
CLASSES = (accelerator("cpu", "0.10"), accelerator("l4", "0.80"))


def ready(story: Story) -> list[int]:
    """Ready pods of all variants, tick by tick."""
    return [sum(w.ready for w in m.state.workloads) for m in story.history]


def switching(load: float = 100.0, **changes: float) -> Story:
    """A story that runs fp32 for 300 s, and then may run int8 too."""
    spec = deployment(variants=(WORSE, BETTER), floor="0.99")
    story = Story(Model(spec, steady(load)), **changes)  # type: ignore[arg-type]
    story.until(300)
    assert set(story.model.children) == {FP32}
    story.respec(min_accuracy=Decimal(0))
    return story


def test_a_switch_never_serves_with_less_than_the_load_needs() -> None:
    story = switching(start_up_s=40.0)
    expect_replicas(story, 500, int8=2)
    assert all(carried(story, m) >= 100 for m in story.history if m.t_s >= 120)


def test_a_switch_starts_with_the_new_while_the_old_keeps_all() -> None:
    story = switching(start_up_s=40.0)
    story.until(310)
    fp32 = story.model.children[FP32].replicas
    story.until(330)
    assert story.model.children[FP32].replicas == fp32
    assert story.model.children[INT8].replicas == 2
    assert story.plan().decision.action in {"Hold", "Switch"}
    assert "MakeBeforeBreak" in {c.name for c in story.plan().decision.constraints}


def test_the_old_leaves_as_the_new_becomes_ready() -> None:
    story = switching(start_up_s=40.0)
    expect_replicas(story, 370, int8=2)
    story.until(420)
    assert set(story.model.children) == {INT8}
    assert story.condition("Reconciling").status is ConditionStatus.FALSE


def test_a_switch_stays_inside_the_budget() -> None:
    spec = deployment(variants=(WORSE, BETTER), floor="0.99", per_hour="0.50")
    story = Story(Model(spec, steady(60)))
    expect_replicas(story, 300, fp32=4)
    story.respec(min_accuracy=Decimal(0))
    expect_replicas(story, 700, int8=1)
    assert max(m.cost for m in story.history) <= Decimal("0.50")
    assert all(carried(story, m) >= 60 for m in story.history if m.t_s >= 120)


def test_a_removed_variant_drains_once_the_other_is_ready() -> None:
    story = switching(start_up_s=40.0)
    story.respec(variants=(BETTER,))
    story.until(330)
    assert story.model.children[FP32].replicas
    expect_replicas(story, 500, int8=2)
    assert set(story.model.children) == {INT8}
    assert all(carried(story, m) >= 100 for m in story.history if m.t_s >= 120)


def test_without_room_the_old_that_may_not_stay_goes_one_at_a_time() -> None:
    # Four accelerators, all taken by a variant that falls below the floor.
    spec = deployment(variants=(BETTER, replace(WORSE, accuracy=Decimal("0.99"))), most=4)
    spec = replace(spec, min_accuracy=Decimal("0.985"))
    story = Story(Model(spec, steady(100)), classes=(accelerator(most=4),), drain_s=30.0)
    expect_replicas(story, 200, fp32=4)
    story.respec(
        min_accuracy=Decimal("0.9"), variants=(BETTER, replace(WORSE, accuracy=Decimal("0.8")))
    )
    story.until(600)
    assert set(story.model.children) == {INT8}
    # One leaves, drains for 30 s, and the new one starts in its place for 10 s: then the next.
    serving = [m.state.workload(INT8).ready for m in story.history[41:]]
    assert all(
        now >= (3 if new < 2 else 2) for now, new in zip(ready(story)[41:], serving, strict=True)
    )
    assert max(sum(len(w.pods) for w in m.state.workloads) for m in story.history) == 4


def test_nothing_that_may_replace_it_is_no_reason_to_stop_it() -> None:
    # The new floor leaves only a variant that the budget cannot buy.
    dear = variant("fp32", "0.99", 5.0, "l4")
    spec = deployment(variants=(BETTER, dear), per_hour="0.50")
    story = Story(Model(spec, steady(100)), classes=CLASSES)
    expect_replicas(story, 200, int8=2)
    story.respec(min_accuracy=Decimal("0.985"))
    expect_replicas(story, 600, int8=2)
    met = story.condition("SLOMet")
    assert (met.status, met.reason) == (ConditionStatus.FALSE, "NoCapacity")


def test_a_lull_shorter_than_the_window_is_no_reason_to_switch() -> None:
    # One cheap replica carries the lull; five large ones must not leave for it.
    large, small = variant("fp32", "0.99", 2.0, "l4"), variant("int8", "0.98", 10.0, "cpu")
    spec = deployment(variants=(large, small), window_s=300, most=10)
    story = Story(Model(spec, steps((0, 2000), (600, 10), (700, 2000))), classes=CLASSES)
    story.until(590)
    before = story.model.children[next(iter(story.model.children))].replicas
    expect_replicas(story, 700, fp32=before)
    expect_replicas(story, 1200, fp32=before)


def test_a_load_that_stays_low_does_switch_to_the_cheap_variant() -> None:
    large, small = variant("fp32", "0.99", 2.0, "l4"), variant("int8", "0.98", 10.0, "cpu")
    spec = deployment(variants=(large, small), window_s=120, most=10)
    story = Story(Model(spec, steps((0, 2000), (600, 10))), classes=CLASSES)
    expect_replicas(story, 1200, int8=1)
    assert all(carried(story, m) >= 10 for m in story.history if m.t_s > 120)


def test_growth_comes_before_a_switch_that_would_only_save() -> None:
    # The new variant never starts; the load doubles in the meantime.
    story = switching(load=60.0)
    story.start_up_s = None
    story.until(330)
    story.model.load = steady(150)
    story.until(400)
    assert story.model.children[FP32].replicas >= 6


def test_readings_lost_in_a_switch_grow_nothing_and_remove_nothing() -> None:
    story = switching(start_up_s=40.0)
    story.until(330)
    held = {k: c.replicas for k, c in story.model.children.items()}
    assert len(held) == 2
    story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    story.until(600)
    assert {k: c.replicas for k, c in story.model.children.items()} == held


def test_two_variants_of_nearly_the_same_cost_do_not_swap() -> None:
    other = variant("fp32", "0.99", 9.5)
    spec = deployment(variants=(BETTER, other), window_s=30)
    wave = steps(*((t, 60 + 30 * ((t // 100) % 2)) for t in range(0, 3000, 100)))
    story = Story(Model(spec, wave))
    story.until(1500)
    used = {t.key.variant for m in story.history for t in m.plan.targets}
    assert len(used) == 1


def test_the_last_old_replica_does_not_hold_the_place_of_the_last_new_one() -> None:
    # Four places; the load asks for four of the faster variant, and one slow one is left.
    slow, fast = variant("fp32", "0.99", 25.0), variant("int8", "0.98", 10.0)
    spec = replace(
        deployment(variants=(slow, fast), per_hour="0.40", window_s=300),
        objective=Objective.MAXIMIZE_ACCURACY,
    )
    story = Story(Model(spec, steady(250)))
    expect_replicas(story, 240, int8=4)
    assert max(m.cost for m in story.history) <= Decimal("0.40")


def test_what_filled_the_budget_gives_way_to_what_carries_the_load() -> None:
    # Six places of money, and at 100/s the accurate variant takes them all. At 170/s it is late.
    accurate, fast = variant("fp32", "0.99", 25.0), variant("int8", "0.98", 10.0)
    spec = replace(
        deployment(variants=(accurate, fast), per_hour="0.60", most=20),
        objective=Objective.MAXIMIZE_ACCURACY,
    )
    story = Story(Model(spec, steps((0, 100), (210, 170))))
    expect_replicas(story, 200, fp32=6)
    expect_replicas(story, 400, int8=3)
    assert carried(story, story.history[-1]) >= 170
    assert max(m.cost for m in story.history) <= Decimal("0.60")
    # One at a time: five of the six served on.
    assert min(carried(story, m) for m in story.history if m.t_s >= 30) >= 80


def test_every_pod_gets_the_same_share_so_the_slower_kind_says_what_both_carry() -> None:
    # Of 50/s one of 40/s and one of 10/s would get 25 each.
    assert old_kept(rate=50.0, coming=50.0) == 4
    # A gateway gives each what it can do.
    assert old_kept(rate=50.0, coming=50.0, even=False) == 1


def test_what_serving_has_not_told_counts_half() -> None:
    # By its profile the new pod carries more than an old one does; nobody has seen it yet.
    assert old_kept(new_rate=16.0, margin=1.2) == 5
    assert old_kept(new_rate=16.0, margin=1.0) == 4


def test_several_make_room_where_the_measured_load_needs_fewer() -> None:
    # For 30/s three pods are enough; 60/s are forecast for when those that take the places serve.
    assert old_kept(rate=30.0, coming=60.0, stuck=True) == 2
    # With room for both they stay for what may come.
    assert old_kept(rate=30.0, coming=60.0) == 5


def test_an_old_pod_whose_share_is_more_than_it_can_do_goes() -> None:
    # Half of what four new ones are believed to carry is 44; with the old one, five times its 10.
    beside = partial(old_kept, coming=100.0, old=1, new=4, new_rate=22.0, margin=1.2)
    assert beside(old_rate=10.0) == 1
    # Five times 8 is less than 44.
    assert beside(old_rate=8.0) == 0
    # Before a window was seen nothing is known of the load that they carried together.
    assert beside(old_rate=8.0, settled=False) == 1


def old_kept(
    *,
    rate: float = 50.0,
    coming: float = 50.0,
    old: int = 5,
    old_rate: float = 10.0,
    new: int = 1,
    new_rate: float = 40.0,
    stuck: bool = False,
    margin: float = 1.0,
    settled: bool = True,
    even: bool = True,
) -> int:
    """Of so many old pods, what stays beside the new ones that are Ready; rates in requests/s."""
    spec = deployment(variants=(WORSE, BETTER))
    slow = Option(FP32, Decimal("0.99"), Decimal("0.10"), 1, old_rate, meets_slo=True)
    fast = Option(
        INT8, Decimal("0.98"), Decimal("0.10"), 1, new_rate, meets_slo=True, margin=margin
    )
    choice = judge(fast, spec, coming, 1, Shares(Snapshot(())))
    relief = Relief(rate, coming, choice.granted, blind=False, settled=settled, even=even)
    running = [Workload(k, n, pods(n)) for k, n in ((FP32, old), (INT8, new))]
    step = Step(new if stuck else new + 1, binding="Budget")
    options = {FP32: slow, INT8: fast}
    ((_, kept),), _ = retire(running[:1], running[1], step, choice, options, relief)
    return kept


def test_the_only_replica_is_never_what_makes_room() -> None:
    accurate, fast = variant("fp32", "0.99", 25.0), variant("int8", "0.98", 10.0)
    spec = replace(
        deployment(variants=(accurate, fast), per_hour="0.10", most=20),
        objective=Objective.MAXIMIZE_ACCURACY,
    )
    story = Story(Model(spec, steps((0, 10), (200, 60))))
    story.until(400)
    assert min(ready(story)[10:]) == 1


def test_a_switch_that_cannot_begin_does_not_keep_the_other_from_growing() -> None:
    class NoGpuFree(Story):
        def snapshot(self) -> Snapshot:
            return replace(super().snapshot(), schedulable={"cpu": 10, "l4": 0})

    fast = variant("fp32", "0.99", 1.0, "l4")
    spec = deployment(variants=(BETTER, fast), most=3)
    story = NoGpuFree(Model(spec, steps((0, 50), (100, 500))), classes=CLASSES)
    expect_replicas(story, 200, int8=3)


def test_the_old_stays_for_the_peak_of_the_window_and_not_for_the_moment() -> None:
    # The new ones come one at a time; soon they are more than the old, and enough for the lull.
    large = variant("fp32", "0.99", 5.0, "l4")
    spec = deployment(variants=(large, BETTER), floor="0.99", window_s=300)
    load = steps((0, 500), (310, 50))
    story = UncountedStory(Model(spec, load), classes=CLASSES)
    story.until(300)
    story.respec(min_accuracy=Decimal(0))
    story.until(560)
    assert story.model.children[INT8].replicas >= 5
    assert all(carried(story, m) >= 500 for m in story.history if m.t_s >= 150)


def test_a_restart_in_the_lull_of_a_switch_waits_for_a_window() -> None:
    story = switching(load=150.0, start_up_s=40.0)
    story.until(330)
    held = {k: c.replicas for k, c in story.model.children.items()}
    assert len(held) == 2
    story.forget()
    story.model.load = steady(5)
    story.until(385)
    assert {k: c.replicas for k, c in story.model.children.items()} == held
    # One of the old carries the lull as cheaply as one of the new: there is nothing to save.
    expect_replicas(story, 700, fp32=1)


def test_a_removed_variant_stays_while_nothing_can_be_read() -> None:
    story = switching(start_up_s=20.0)
    story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    story.respec(variants=(BETTER,))
    story.until(500)
    assert story.model.children[FP32].replicas
    assert story.model.children[INT8].pods
    story.model.blind = None
    story.until(600)
    assert FP32 not in story.model.children


@pytest.mark.parametrize(
    ("changes", "classes"),
    [
        ({}, (accelerator(), accelerator("l4", price=None))),
        ({"budget_ref": "nobody"}, (accelerator(), accelerator("l4", "0.80"))),
        ({}, (accelerator(), accelerator("l4", "0.80", most=0))),
    ],
    ids=["unknown price", "missing budget", "full class"],
)
def test_a_replacement_that_can_never_start_takes_nothing_down(
    changes: dict[str, Any], classes: tuple[AcceleratorClass, ...]
) -> None:
    # Not one cpu pod that goes makes a price known, a budget exist or an l4 free.
    elsewhere = variant("fp32", "0.99", 5.0, "l4")
    story = Story(Model(deployment(variants=(BETTER, elsewhere)), steady(100)), classes=classes)
    expect_replicas(story, 200, int8=2)
    story.respec(min_accuracy=Decimal("0.985"), **changes)
    expect_replicas(story, 600, int8=2)


def test_a_first_start_goes_to_the_class_that_has_room() -> None:
    # The cheap class is full; to wait for it is to serve nobody.
    anywhere = variant("int8", "0.98", 10.0, "cpu", "l4")
    classes = (accelerator(most=0), accelerator("l4", "0.80"))
    story = Story(Model(deployment(variants=(anywhere,)), steady(50)), classes=classes)
    story.until(60)
    assert story.model.children[WorkloadKey("int8", "l4")].replicas == 1


def test_pods_that_wait_in_vain_are_replaced_by_pods_elsewhere() -> None:
    anywhere = variant("int8", "0.98", 10.0, "cpu", "l4")
    # The cheap class promises ten, and no node takes one.
    classes = (accelerator(most=10), accelerator("l4", "0.80"))

    class NoCpu(Story):
        def snapshot(self) -> Snapshot:
            return replace(super().snapshot(), schedulable={"cpu": 0, "l4": 5})

    story = NoCpu(Model(deployment(variants=(anywhere,)), steady(50)), classes=classes, slots=0)
    story.until(30)
    assert set(story.model.children) == {WorkloadKey("int8", "cpu")}
    story.until(150)
    assert story.model.children[WorkloadKey("int8", "l4")].pods


def test_a_model_that_lost_every_pod_for_good_moves_elsewhere() -> None:
    # It served, its node went away, and the class has no other; the other class has room.
    anywhere = variant("int8", "0.98", 10.0, "cpu", "l4")

    class Losing(Story):
        def snapshot(self) -> Snapshot:
            cpu = 5 if self.slots else 0
            return replace(super().snapshot(), schedulable={"cpu": cpu, "l4": 5})

    classes = (accelerator(most=10), accelerator("l4", "0.80"))
    story = Losing(Model(deployment(variants=(anywhere,)), steady(50)), classes=classes)
    expect_replicas(story, 100, int8=1)
    cpu = story.model.children[WorkloadKey("int8", "cpu")]
    story.slots = 0
    cpu.pods.clear()
    story.until(300)
    assert story.model.children[WorkloadKey("int8", "l4")].replicas == 1


def test_a_variant_that_was_removed_is_not_what_runs_where_another_may_stay() -> None:
    """One replica of each, none Ready yet. By its name the removed one was taken for what runs:
    the other was replaced, and a tick later its successor by it."""
    spec = deployment(variants=(variant("int8", "0.98", 10.0, "cpu", "l4"),))
    removed, stays = WorkloadKey("removed", "cpu"), WorkloadKey("int8", "l4")
    state = ModelState(spec, (Workload(removed, 1), Workload(stays, 1)))
    classes = {"cpu": accelerator("cpu", "0.10", most=2), "l4": accelerator("l4", None)}
    plan, _ = decide(Snapshot((state,), classes), Memory(), 1000.0)
    (told,) = plan.models.values()
    assert told.decision.wanted == stays
    assert {t.key for t in told.targets if t.replicas} <= {removed, stays}

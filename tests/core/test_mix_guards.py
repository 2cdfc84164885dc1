"""What each guard of a mix is for, one counter-example each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import FP32, INT8, accelerator, deployment, steady, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Story, expect_replicas
from trimtab.api.resources import ModelDeployment, Objective, Routing, RoutingType
from trimtab.core.guard import Step
from trimtab.core.ledger import Room, Shares
from trimtab.core.memory import Memory
from trimtab.core.mix import mix_of
from trimtab.core.mix_solver import MixSolver
from trimtab.core.mixed_steps import Others, let_go, make_room
from trimtab.core.plan import Constraint, Target
from trimtab.core.signals import Known
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.targets import as_rendered
from trimtab.core.view import View, look
from trimtab.core.weights import weighted

GATEWAY = Routing(RoutingType.GATEWAY)
VARIANTS = (variant("fp32", "0.99", 20.0), variant("int8", "0.98", 5.0))  # 28 and 176 req/s
NOW_S = 500.0


def model(money: str | None = "1.05", most: int = 40) -> ModelDeployment:
    spec = deployment(variants=VARIANTS, per_hour=money, most=most)
    return replace(spec, routing=GATEWAY, objective=Objective.MAXIMIZE_ACCURACY)


def running(fp32: int, int8: int, spec: ModelDeployment | None = None) -> Story:
    told = Model(spec or model(), steady(100.0)).running(FP32, fp32).running(INT8, int8)
    return Story(told, policy=NO_ROOM_FOR_BURSTS)


def seen(story: Story) -> View:
    snapshot = story.snapshot()
    return look(snapshot.models[0], Memory(), snapshot, NOW_S, NO_ROOM_FOR_BURSTS)


def others(
    view: View,
    wanted: dict[WorkloadKey, int],
    *,
    short: bool = False,
    peak: float = 100.0,
    settled: bool = True,
) -> Others:
    return Others(view, wanted, short, peak, settled, 60.0, NOW_S, NO_ROOM_FOR_BURSTS)


def test_nothing_leaves_before_the_load_was_seen_for_a_window() -> None:
    view = seen(running(4, 2))
    slow = view.state.workload(FP32)
    assert let_go(slow, others(view, {INT8: 2}), {}).replicas == 3
    held = let_go(slow, others(view, {INT8: 2}, settled=False), {})
    assert (held.replicas, held.binding) == (4, "Stabilization")


def test_what_the_others_do_not_carry_stays() -> None:
    view = seen(running(4, 2))
    fast = view.state.workload(INT8)
    four, one = (n * (view.options[FP32].capacity_rate or 0.0) for n in (4, 1))
    each = view.options[INT8].capacity_rate or 0.0
    # What the accurate ones do not carry is one fast replica's, with the margin two's.
    full = others(view, {FP32: 4}, peak=four + 0.8 * each)
    assert let_go(fast, full, {}).replicas == 1
    assert let_go(fast, replace(full, peak=four + 1.0 * each), {}).replicas == 2
    # What leaves in the same moment carries nothing.
    fewer = others(view, {FP32: 1}, peak=one + 1.0 * each)
    assert let_go(fast, fewer, {FP32: Step(1)}).replicas == 2
    assert let_go(fast, fewer, {}).replicas == 1


def test_nothing_leaves_while_the_latency_is_tight_and_the_load_is_there() -> None:
    """Two fast ones would do, as is believed, and the p99 says otherwise."""
    view = seen(running(4, 2))
    slow, kind = view.state.workload(FP32), others(view, {INT8: 2})
    assert let_go(slow, kind, {}).replicas == 3
    view.memory = view.memory._replace(slo_met=False)
    view.demand = view.demand._replace(arriving=100.0)
    held = let_go(slow, kind, {})
    assert (held.replicas, held.binding) == (4, "LatencyMargin")
    view.memory = view.memory._replace(slo_met=True)
    for told_s, left in ((0.09, 4), (0.07, 3)):  # of 0.1
        readings = replace(view.state.readings, latency_s=Known(told_s, 0.0))
        view.state = replace(view.state, readings=readings)
        assert let_go(slow, kind, {}).replicas == left
        no_money = {FP32: Step(4, (Constraint("Budget", "no money"),), "Budget"), INT8: Step(2)}
        more = replace(kind, wanted={FP32: 5, INT8: 1}, peak=10.0)
        gone = make_room([slow], [view.state.workload(INT8)], more, no_money)
        assert (INT8 in gone) == (left == 3), "the accurate one is not worth it then"
    view.memory = view.memory._replace(slo_met=False)
    assert let_go(slow, replace(kind, short=True), {}).replicas == 0, "or it holds the money"
    view.demand = view.demand._replace(arriving=30.0)
    assert let_go(slow, kind, {}).replicas == 3, "the load fell, and it tells of what was"


def test_what_never_served_is_not_taken_back() -> None:
    story = running(4, 2)
    for pod in story.model.children[INT8].pods:
        pod.ready_s = None
    view = seen(story)
    held = let_go(view.state.workload(INT8), others(view, {FP32: 4, INT8: 1}), {})
    assert (held.replicas, held.binding) == (2, "NotReadyYet")


def test_what_can_never_be_relieved_goes_once_the_mix_is_complete() -> None:
    view = seen(running(4, 2))
    slow, load = view.state.workload(FP32), 10_000.0
    assert let_go(slow, others(view, {INT8: 2}, peak=load), {}).replicas == 4
    assert let_go(slow, others(view, {INT8: 2}, peak=load, short=True), {}).replicas == 0
    assert let_go(slow, others(view, {INT8: 3}, peak=load, short=True), {}).replicas == 4


def test_the_last_that_serves_makes_no_room() -> None:
    steps_ = {
        INT8: Step(0, (Constraint("Budget", "no money"),), "Budget"),
        FP32: Step(1),
    }
    story = running(1, 0)
    view = seen(story)
    fast, slow = view.state.workload(INT8), view.state.workload(FP32)
    assert make_room([fast], [slow], others(view, {INT8: 1}, peak=0.0), steps_) == {}
    two = seen(running(2, 0))
    told = others(two, {INT8: 1}, peak=10.0)
    given = make_room([fast], [two.state.workload(FP32)], told, {**steps_, FP32: Step(2)})
    assert given[FP32].replicas == 1


def test_the_deeper_the_shortage_the_more_make_room_at_once_but_not_all() -> None:
    no_money = Step(0, (Constraint("Budget", "no money"),), "Budget")
    for rate, going in ((150.0, 1), (1000.0, 6), (10_000.0, 7)):
        story = Story(Model(model(), steady(rate)).running(FP32, 8), policy=NO_ROOM_FOR_BURSTS)
        story.now_s = 0.0
        view = seen(story)
        fast, slow = view.state.workload(INT8), view.state.workload(FP32)
        told = others(view, {INT8: 6}, peak=0.9 * rate)
        given = make_room([fast], [slow], told, {INT8: no_money, FP32: Step(8)})
        assert given[FP32].replicas == 8 - going


def test_under_a_load_too_large_the_slow_variant_makes_room_before_the_fast_one() -> None:
    variants = (*VARIANTS, variant("big", "0.985", 2.0, "box"))
    spec = replace(deployment(variants=variants, per_hour="1.30", most=40), routing=GATEWAY)
    spec = replace(spec, objective=Objective.MAXIMIZE_ACCURACY)
    told = Model(spec, steps((0, 200.0), (60, 5000.0))).running(FP32, 8).running(INT8, 3)
    classes = (accelerator(), accelerator("box", "0.20"))
    story = Story(told, classes=classes, policy=NO_ROOM_FOR_BURSTS).until(300.0)
    gone = [m for m in story.history if m.t_s >= 60.0]
    slow = [sum(t.replicas for t in m.plan.targets if t.key == FP32) for m in gone]
    fast = [sum(t.replicas for t in m.plan.targets if t.key == INT8) for m in gone]
    assert slow[-1] <= 1
    assert next(i for i, n in enumerate(slow) if n < 8) <= next(
        (i for i, n in enumerate(fast) if n < 3), len(fast)
    )


def test_below_the_floor_only_what_the_others_do_not_carry() -> None:
    view = seen(running(4, 2))
    targets = [Target(FP32, 4, 1), Target(INT8, 2, 1)]
    may_stay = {FP32: view.options[FP32]}

    def fast(rate: float | None) -> int:
        return weighted(view.state, may_stay, rate, targets)[1].weight

    assert fast(50.0) == 0
    assert fast(None) == 0
    assert 70 < fast(300.0) < 85


def test_a_budget_that_is_lowered_is_kept_at_once() -> None:
    story = running(8, 2)
    story.until(20.0)
    story.respec(budget_per_hour=Decimal("0.45"))
    story.until(25.0)
    assert sum(t.replicas for t in story.plan().targets) == 4
    assert {"Budget"} <= {c.name for c in story.plan().decision.constraints}


def test_a_small_saving_is_not_worth_what_it_starts_anew() -> None:
    variants = (variant("a", "0.98", 20.0, "cpu"), variant("b", "0.98", 20.0, "box"))
    spec = replace(deployment(variants=variants, most=40), routing=GATEWAY)
    for price, kept in (("0.095", "a"), ("0.085", "b")):
        told = Model(spec, steady(100.0)).running(WorkloadKey("a", "cpu"), 4)
        story = Story(
            told, classes=(accelerator(), accelerator("box", price)), policy=NO_ROOM_FOR_BURSTS
        )
        view = seen(story)
        able = tuple(view.options.values())
        solver = MixSolver(spec, able, view.options, Shares(story.snapshot()), story.policy)
        rate = 3.9 * (able[0].capacity_rate or 0.0)
        counts, short = solver.best(rate, {WorkloadKey("a", "cpu"): 4}, traffic=rate, wish=True)
        assert ({k.variant for k in counts}, short) == ({kept}, False)


def test_room_for_what_may_come_is_of_the_variant_that_makes_it_for_less() -> None:
    """Behind a gateway the accurate one takes the traffic that is there all the same."""
    spec, story = model(most=40), running(2, 0)
    view = seen(story)
    able, two = tuple(view.options.values()), {FP32: 2}
    solver = MixSolver(spec, able, view.options, Shares(story.snapshot()), story.policy)
    slow, fast = (view.options[k].capacity_rate or 0.0 for k in (FP32, INT8))
    rate = 2.0 * slow + 0.9 * fast
    assert solver.grown(two, rate, traffic=1.5 * slow) == ({FP32: 2, INT8: 1}, False)
    all_there = solver.grown(two, 4.0 * slow, traffic=4.0 * slow)
    assert all_there == ({FP32: 4}, False)


def test_where_nothing_carries_the_load_a_little_more_is_not_worth_a_swap() -> None:
    for speed_ms, kept in ((4.0, "a"), (3.0, "b")):
        variants = (variant("a", "0.98", 5.0), variant("b", "0.98", speed_ms, "box"))
        spec = replace(deployment(variants=variants, most=40, per_hour="0.65"), routing=GATEWAY)
        told = Model(spec, steady(5000.0)).running(WorkloadKey("a", "cpu"), 6)
        classes, policy = (accelerator(), accelerator("box", "0.10")), NO_ROOM_FOR_BURSTS
        story = Story(told, classes=classes, policy=policy)
        story.now_s = 0.0
        snapshot = story.snapshot()
        room = Room(snapshot, NOW_S, policy)
        mix = mix_of(seen(story), Shares(snapshot), room, NOW_S, policy)
        assert mix is not None
        assert mix.short
        assert {m.option.key.variant for m in mix.members} == {kept}


def test_after_a_restart_another_mix_waits_for_a_whole_window() -> None:
    story = running(0, 2)
    expect_replicas(story, 50.0, int8=2)
    story.until(200.0)
    assert any(t.key == FP32 and t.replicas for t in story.plan().targets)


def test_only_one_of_two_that_would_roll_takes_the_last_free_place() -> None:
    batches = {4: 30.0, 8: 40.0}
    variants = (
        variant("fp32", "0.99", 20.0, batch_ms=batches),
        variant("int8", "0.98", 18.0, batch_ms=batches),
    )
    spec = replace(deployment(variants=variants, most=3, max_batch=8), routing=GATEWAY)
    told = Model(spec, steps((0, 100.0))).running(FP32, 1).running(INT8, 1)
    story = Story(told, classes=(accelerator(most=3),), policy=NO_ROOM_FOR_BURSTS).until(0.0)
    state = story.history[-1].state
    rolled = [t.key for t in story.plan().targets if t.batch_cap != state.workload(t.key).batch_cap]
    assert len(rolled) == 1


def test_what_gives_way_batches_no_more_than_the_user_allows_by_now() -> None:
    before = Workload(INT8, 1, batch_cap=64)
    assert as_rendered(deployment(max_batch=8), before, 1).batch_cap == 8


def test_an_idle_model_whose_variant_is_replaced_keeps_the_pod_that_answers() -> None:
    """For no load nothing is needed, and the first to call again would find nobody."""
    fast = variant("int8", "0.98", 5.0)
    spec = replace(deployment(variants=(fast,)), routing=GATEWAY)
    model = Model(spec, steady(0.0)).running(FP32, 1)
    story = Story(model, policy=NO_ROOM_FOR_BURSTS).until(200.0)
    assert all(sum(w.ready for w in m.state.workloads) >= 1 for m in story.history)
    expect_replicas(story, 200.0, int8=1)

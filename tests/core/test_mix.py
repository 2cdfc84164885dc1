"""Behind a gateway variants share the traffic: stories of weights and of what runs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.builders import (
    FP32,
    INT8,
    Load,
    accelerator,
    deployment,
    steady,
    steps,
    variant,
)
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Moment, Story, carried, expect_replicas
from trimtab.api.resources import ModelDeployment, Objective, Routing, RoutingType
from trimtab.core.signals import Missing
from trimtab.core.snapshot import CountedLoad, ModelReadings, WorkloadKey

GATEWAY = Routing(RoutingType.GATEWAY)
ACCURATE, FAST = variant("fp32", "0.99", 20.0), variant("int8", "0.98", 5.0)  # 28 and 176 req/s
BOX = WorkloadKey("int8", "box")


def two(money: str | None = "1.05", *, floor: str = "0", most: int = 40) -> ModelDeployment:
    """As accurate as the money allows: a replica of either variant costs 0.10."""
    spec = deployment(variants=(ACCURATE, FAST), per_hour=money, floor=floor, most=most)
    return replace(spec, routing=GATEWAY, objective=Objective.MAXIMIZE_ACCURACY)


def play(load: Load, spec: ModelDeployment | None = None, until_s: float = 0.0) -> Story:
    return Story(Model(spec or two(), load), policy=NO_ROOM_FOR_BURSTS).until(until_s)


def weights(moment: Moment) -> dict[str, int]:
    return {t.key.variant: t.weight for t in moment.plan.targets if t.weight}


def at(story: Story, t_s: float) -> Moment:
    return next(m for m in story.history if m.t_s == t_s)


def test_the_accurate_variant_serves_what_the_money_carries_and_the_cheap_one_the_rest() -> None:
    story = play(steady(500.0), until_s=200.0)
    # Ten replicas may run. Ten accurate ones carry 278 requests/s, ten cheap ones 1762.
    expect_replicas(story, 200.0, fp32=8, int8=2)
    assert max(m.cost for m in story.history) <= Decimal("1.05")
    assert weights(story.history[-1]) == {"fp32": 39, "int8": 61}


def test_a_burst_is_ridden_by_moving_weight_to_the_faster_variant_that_runs() -> None:
    story = play(steps((0, 500.0), (100, 200.0), (135, 500.0)), until_s=140.0)
    # In the lull nothing left yet, and the accurate variant took most of what came ...
    assert weights(at(story, 130.0))["fp32"] > 40
    # ... until the burst: by its first reading the fast one carries it, with no pod started.
    before, burst = at(story, 130.0).plan, at(story, 140.0).plan
    assert weights(at(story, 140.0)) == {"fp32": 39, "int8": 61}
    assert {t.key: t.replicas for t in before.targets} == {t.key: t.replicas for t in burst.targets}


def rising(from_s: float, by_each_ten: float, *dips: float) -> Load:
    """30 requests/s, from then on more every ten seconds; half of it for the ten of each dip."""

    def load(t_s: float) -> float:
        rate = 30.0 + by_each_ten * max(0.0, (t_s - from_s) // 10.0)
        return rate / 2.0 if any(at <= t_s < at + 10.0 for at in dips) else rate

    return load


def test_as_a_load_rises_the_fast_variant_comes_while_there_is_room_for_it() -> None:
    story = play(rising(60.0, 6.0), two("0.65"), until_s=400.0)
    first = next(m for m in story.history if any(t.key == INT8 for t in m.plan.targets))
    # Six replicas are what the money holds; six accurate ones would have had to give one up.
    assert sum(t.replicas for t in first.plan.targets) <= 5
    load = story.model.load
    assert all(carried(story, m) >= load(m.t_s) for m in story.history if m.t_s >= 150.0)


def test_a_fast_variant_that_was_started_is_not_given_up_at_a_dip() -> None:
    story = play(rising(60.0, 12.0, 130.0, 160.0), two("0.65"), until_s=240.0)
    began = next(
        m.t_s for m in story.history if any(t.key == INT8 and t.replicas for t in m.plan.targets)
    )
    assert began < 160.0
    since = [m.plan.targets for m in story.history if m.t_s >= began]
    assert all(any(t.key == INT8 and t.replicas for t in targets) for targets in since)


def test_what_is_not_ready_weighs_nothing_and_what_is_takes_all() -> None:
    story = play(steps((0, 150.0), (100, 600.0)), until_s=110.0)
    starting = at(story, 100.0)
    assert [t.replicas for t in starting.plan.targets if t.key == INT8] == [3]
    assert weights(starting) == {"fp32": 100}
    assert weights(at(story, 110.0))["int8"] > 60


def test_a_variant_below_the_floor_never_gets_weight() -> None:
    story = play(steady(500.0), two(floor="0.985"), until_s=300.0)
    assert all(set(weights(m)) <= {"fp32"} for m in story.history)
    assert story.condition("SLOMet").status == "False"


def test_a_floor_that_is_raised_takes_the_load_off_what_is_below_it_first() -> None:
    story = play(steady(250.0), two("2.00"), until_s=0.0)
    story.model.running(INT8, 2)
    story.model.children.pop(FP32, None)
    story.respec(min_accuracy=Decimal("0.985"))
    story.until(10.0)
    # Nothing else is Ready yet, so it serves on rather than nobody.
    assert weights(at(story, 5.0)) == {"int8": 100}
    expect_replicas(story, 100.0, fp32=10)
    assert all("int8" not in weights(m) for m in story.history if m.t_s >= 25.0)


def test_one_variant_at_a_time_behind_a_service() -> None:
    story = play(steady(500.0), replace(two(), routing=Routing()), until_s=200.0)
    expect_replicas(story, 300.0, int8=4)
    assert all(t.weight == 100 for m in story.history for t in m.plan.targets)


def test_a_small_replica_beside_large_ones_costs_less_than_one_large_more() -> None:
    variants = (variant("int8", "0.98", 20.0, "cpu"), variant("big", "0.98", 5.0, "box"))
    classes = (accelerator(price="0.20"), accelerator("box", "0.80"))

    def costs(routing: Routing) -> Decimal:
        spec = replace(deployment(variants=variants, most=40), routing=routing)
        model = Model(spec, steady(190.0))
        return (
            Story(model, classes=classes, policy=NO_ROOM_FOR_BURSTS).until(200.0).history[-1].cost
        )

    assert costs(GATEWAY) == Decimal("1.00")
    assert costs(Routing()) == Decimal("1.40")


def test_a_dip_takes_nothing_and_a_lull_what_the_others_carry() -> None:
    story = play(steps((0, 500.0), (100, 150.0), (130, 500.0), (200, 150.0)), until_s=250.0)
    assert all(
        sum(t.replicas for t in m.plan.targets) == 10 for m in story.history if 50 <= m.t_s <= 250
    )
    expect_replicas(story, 500.0, fp32=6)


def test_blind_nothing_of_the_mix_shrinks() -> None:
    story = play(steps((0, 500.0), (100, 0.0)), until_s=95.0)
    story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    expect_replicas(story, 390.0, fp32=8, int8=2)
    assert story.plan().decision.binding == "MetricsMissing"
    # Nobody knows what arrives, so none is left idle beside another.
    assert weights(story.history[-1]) == {"fp32": 39, "int8": 61}


def test_long_blind_the_mix_grows_to_the_remembered_peak_and_no_further() -> None:
    story = play(steps((0, 600.0), (70, 100.0)), two("3.00", most=30), until_s=400.0)
    expect_replicas(story, 400.0, fp32=4)
    story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    expect_replicas(story, 690.0, fp32=4)
    story.until(800.0)
    peak = sum(t.replicas * (28 if t.key == FP32 else 176) for t in story.plan().targets)
    assert 600 <= peak <= 640


def test_blind_the_mix_grows_on_what_its_pods_count_and_never_shrinks_on_it() -> None:
    away = Missing("PrometheusUnreachable", "Connection refused.")
    story = play(steady(100.0), two("3.00", most=30), until_s=400.0)
    story.model.reshape = lambda _: ModelReadings(
        away, away, away, counted=CountedLoad(600.0, 600.0)
    )
    story.until(415.0)
    carries = sum(t.replicas * (28 if t.key == FP32 else 176) for t in story.plan().targets)
    assert 600 <= carries <= 680
    grown = story.plan().targets
    story.model.reshape = lambda _: ModelReadings(away, away, away, counted=CountedLoad(1.0, 1.0))
    story.until(600.0)
    assert {t.key: t.replicas for t in story.plan().targets} == {t.key: t.replicas for t in grown}


def test_where_money_allows_no_two_one_makes_room_while_the_rest_serves() -> None:
    story = play(steps((0, 260.0), (200, 600.0)), until_s=500.0)
    assert max(m.cost for m in story.history) <= Decimal("1.05")
    assert min(sum(w.ready for w in m.state.workloads) for m in story.history if m.t_s > 50) >= 7
    expect_replicas(story, 500.0, fp32=7, int8=3)


def test_more_accuracy_comes_when_a_whole_window_was_calm() -> None:
    story = play(steps((0, 600.0), (100, 300.0)), until_s=150.0)
    expect_replicas(story, 150.0, fp32=7, int8=3)
    expect_replicas(story, 600.0, fp32=8, int8=1)


def test_the_decision_says_who_takes_which_share() -> None:
    story = play(steady(500.0), until_s=200.0)
    decision = story.plan().decision
    assert decision.summary.startswith("int8 on cpu: 2 (61 %), fp32 on cpu: 8 (39 %) for 5")
    assert (decision.wanted, decision.binding) == (FP32, "Budget")
    assert story.plan().latency.predicted_s == pytest.approx(0.1, abs=0.05)


def test_a_foreign_scaler_holds_what_runs_where_the_mix_would_have_more() -> None:
    story = play(steady(500.0), until_s=0.0)
    story.model.running(FP32, 2)
    story.model.children[FP32].foreign_scaler = "HorizontalPodAutoscaler digits"
    story.until(30.0)
    assert story.condition("Stalled").reason == "ForeignScaler"
    expect_replicas(story, 30.0, fp32=2)

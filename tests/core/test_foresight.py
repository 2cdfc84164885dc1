"""A switch that begins before it is needed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import FP32, INT8, Load, deployment, pods, steady, variant
from tests.core.story import Model, Moment, Story, carried, expect_replicas
from trimtab.api.resources import Objective
from trimtab.core.demand import Demand
from trimtab.core.foresight import Judge, foreseen
from trimtab.core.ledger import Shares
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option
from trimtab.core.options import Offer
from trimtab.core.settings import DEFAULT_POLICY
from trimtab.core.snapshot import ModelState, Snapshot, Workload, WorkloadKey
from trimtab.core.view import View

ACCURATE, FAST = variant("fp32", "0.99", 25.0), variant("int8", "0.98", 10.0)


def rising(from_s: float, to_s: float, low: float, high: float) -> Load:
    """A load that rises in a line between two times."""

    def load(t_s: float) -> float:
        share = min(1.0, max(0.0, (t_s - from_s) / (to_s - from_s)))
        return low + share * (high - low)

    return load


def asked(moment: Moment, key: WorkloadKey) -> int:
    """Replicas of a workload that the plan of that moment asks for."""
    return sum(t.replicas for t in moment.plan.targets if t.key == key)


def accurate_and_fast(load: Load, **changes: float) -> Story:
    """Six places of money: the accurate variant carries 100/s with them, the fast one 450/s."""
    spec = replace(
        deployment(variants=(ACCURATE, FAST), per_hour="0.60", most=20, window_s=60),
        objective=Objective.MAXIMIZE_ACCURACY,
    )
    return Story(Model(spec, load), **changes)  # type: ignore[arg-type]


def test_a_switch_begins_while_there_is_room_for_both() -> None:
    # Begun with the whole budget in fp32, it frees one place at a time, late for two minutes.
    load = rising(300, 900, 30, 180)
    story = accurate_and_fast(load, start_up_s=20.0)
    expect_replicas(story, 300, fp32=2)
    expect_replicas(story, 960, int8=3)
    begun = next(m for m in story.history if asked(m, INT8))
    assert asked(begun, FP32) < 6
    since = [m for m in story.history if m.t_s >= begun.t_s + 20]
    assert all(carried(story, m) >= load(m.t_s) for m in since)
    assert max(m.cost for m in story.history) <= Decimal("0.60")


def test_a_steady_load_may_have_the_last_place() -> None:
    story = accurate_and_fast(steady(95))
    expect_replicas(story, 400, fp32=6)


def test_a_begun_switch_goes_on_through_a_dip() -> None:
    # The fast pods have just begun to start when the load falls to what fp32 carries, for 15 s.
    ramp = rising(300, 540, 30, 180)

    def load(t_s: float) -> float:
        return 60.0 if 385 <= t_s < 400 else ramp(t_s)

    story = accurate_and_fast(load, start_up_s=30.0)
    story.until(600)
    fast = [asked(m, INT8) for m in story.history if m.t_s >= 380]
    assert fast[0] >= 1
    assert min(fast) >= 1


def test_a_trend_beyond_what_either_carries_is_no_reason_to_turn_back() -> None:
    # Of 29/s the trend makes 87; six fast replicas carry 84, and six accurate ones half of that.
    spec = replace(
        deployment(variants=(ACCURATE, FAST), per_hour="0.60"),
        objective=Objective.MAXIMIZE_ACCURACY,
    )
    accurate = Option(FP32, Decimal("0.99"), Decimal("0.10"), 1, 7.0, meets_slo=True)
    fast = Option(INT8, Decimal("0.98"), Decimal("0.10"), 1, 14.0, meets_slo=True)
    begun = ModelState(spec, tuple(Workload(k, n, pods(n)) for k, n in ((FP32, 4), (INT8, 2))))
    memory = ModelMemory(foreseen=((100.0, 87.0),))
    demand = Demand(41.0, blind=False, measured=41.0, arriving=29.0, foreseen=87.0)
    view = View(begun, memory, demand, Offer({FP32: accurate, INT8: fast}, ()), {})

    judged = Judge(view, Shares(Snapshot(())), running=4)
    now = judged(41.0, "now")
    choice = foreseen(view, now, now[0], judged, 110.0, DEFAULT_POLICY)
    assert choice is not None
    assert choice.option.key == INT8

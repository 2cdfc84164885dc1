"""A minute of three times what the fleet can carry: in turn, with a bound, and late ones last."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from tests.core.builders import INT8, accelerator, deployment, variant
from tests.simulate.pods import offer, player
from tests.simulate.rules import KEY, play
from trimtab.core.plan import Target
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.trimtab import Trimtab
from trimtab.simulate.report import ModelReport
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.state import FAILURE, SUCCESS
from trimtab.simulate.trace import Trace

SATURATED = 8 / 0.024  # requests/s of a replica whose batches are full
RUSH = Trace(np.array([0.0, 120.0, 180.0, 480.0]), np.array([120 * 60, 60 * 1000, 300 * 60]))


@cache
def rushed(most: int, *, late_last: bool = False) -> ModelReport:
    """One replica is all there is; in the third minute 1,000 requests/s come to it."""
    spec = deployment(
        variants=(variant("int8", "0.98", 10.0, batch_ms={8: 24.0}),),
        max_batch=8,
        most=1,
        max_queue=most,
    )
    spec = replace(spec, triton=replace(spec.triton, late_last=late_last))
    fleet = Fleet((spec,), {"cpu": accelerator()})
    report = run(fleet, {KEY: RUSH}, Trimtab(), RunSettings(start_up_s=15.0, seed=1))
    return report.models[0]


def test_in_turn_and_without_a_bound_a_rush_is_late_until_its_backlog_is_gone() -> None:
    played = rushed(0)
    assert played.dropped == 0
    assert played.minutes[2].slo_share < 0.05
    # 40,000 requests are left over, and 270 a second go: for two minutes and a half all is late.
    assert [m.slo_share == 0.0 for m in played.minutes[3:6]] == [True, True, False]
    assert played.minutes[7].slo_share > 0.99


def test_with_a_bound_a_rush_gets_what_the_replica_can_answer_and_leaves_nothing() -> None:
    bounded, unbounded = rushed(100_000), rushed(0)
    rush = bounded.minutes[2]
    assert 0.95 * 60 * SATURATED < rush.within <= rush.answered
    assert rush.answered < 1.01 * 60 * SATURATED
    assert rush.dropped == rush.requests - rush.answered
    assert bounded.dropped == rush.dropped
    # What is let in is in time, and the next minute knows nothing of it.
    assert rush.within > 0.99 * rush.answered
    assert all(m.slo_share > 0.99 for m in bounded.minutes[3:])
    assert bounded.slo_attainment > 2.5 * unbounded.slo_attainment


def test_where_the_late_go_last_a_rush_gets_as_much_and_nobody_is_refused() -> None:
    last, bounded = rushed(0, late_last=True), rushed(100_000)
    rush = last.minutes[2]
    assert rush.within > 0.98 * bounded.minutes[2].within
    assert (last.dropped, rush.answered) == (0, rush.requests)
    # 40,000 wait behind all who come after them, of whom next to none is late.
    assert all(m.slo_share > 0.97 for m in last.minutes[3:6])
    assert all(m.slo_share > 0.99 for m in last.minutes[6:])
    assert last.slo_attainment > 2.5 * rushed(0).slo_attainment


def test_pods_keep_the_bound_they_were_started_with() -> None:
    pods = player((1, 1.0), max_queue=2)
    rows = [pods.add(0, 1, 0.0, size) for size in (None, 5)]
    for row in rows:
        offer(pods, np.linspace(0.0, 0.5, 10), row, 0.6)
        pods.now_s = 0.0
    assert pods.counts.counters[rows, FAILURE].tolist() == [7, 4]
    pods.play(20.0, np.empty(0), np.empty(0, np.int64))
    assert pods.counts.counters[rows, SUCCESS].tolist() == [3, 6]


def test_a_new_bound_rolls_the_pods_and_is_seen() -> None:
    def script(now_s: float) -> dict[object, tuple[Target, ...]]:
        size = None if now_s < 60.0 else 7
        return {KEY: (Target(INT8, 2, 1, may_surge=True, queue_size=size),)}

    (played,) = play(script, Trace(np.array([0.0, 300.0]), np.array([3000]))).models  # type: ignore[arg-type]
    ready = [m.replicas[INT8][1] for m in played.moments]
    assert (min(ready), played.dropped) == (2, 0)
    assert 2 * 300 + 2 * 12 <= played.cost * 1000 <= 2 * 300 + 2 * 25

"""What is kept from tick to tick saves time and nothing else: the plans are those without it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.builders import FP32, INT8, accelerator, deployment, pods, variant
from tests.core.fleets import applied, ticked
from tests.strategies import START_S, Tick, snapshots, ticks
from trimtab.core.decide import decide
from trimtab.core.learn import seed_points
from trimtab.core.memo import Memo
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.options import Offer, offer_of
from trimtab.core.proven import Proven
from trimtab.core.service_time import from_seed
from trimtab.core.settings import DEFAULT_POLICY
from trimtab.core.signals import Known, Reading
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot, Workload

_SPEC = deployment(variants=(variant("int8", "0.98", 10.0), variant("fp32", "0.99", 25.0)))
_TAUGHT = from_seed(seed_points(_SPEC, INT8))._replace(level=0.7, samples=20)

_A_LITTLE = st.sampled_from([1.0, 1.001, 0.97, 1.2])
_HITS = st.sampled_from([0.0, 0.0, 4.0])


def _moved(reading: Reading, by: float) -> Reading:
    return Known(reading.value * by, reading.at_s) if isinstance(reading, Known) else reading


def _calmly(draw: st.DataObject, snapshot: Snapshot) -> Tick:
    """Five seconds in which nothing happens but that readings move a little."""
    readings: list[ModelReadings] = []
    for state in snapshot.models:
        now, by = state.readings, draw.draw(_A_LITTLE)
        known = {w.key for w in state.workloads}
        served = tuple(
            replace(w, service_time_s=_moved(w.service_time_s, by), rate=_moved(w.rate, by))
            for w in now.workloads
            if w.key in known
        )
        fast, slow = _moved(now.arrival_rate_fast, by), _moved(now.arrival_rate, by)
        hits = Known(draw.draw(_HITS), START_S)
        readings.append(
            replace(
                now,
                workloads=served,
                arrival_rate=slow,
                arrival_rate_fast=fast,
                hit_rate=hits,
                hit_rate_fast=hits,
            )
        )
    started, others = draw.draw(st.booleans()), (None,) * len(snapshot.models)
    return Tick(5.0, tuple(readings), started=started, left=True, workloads=others)


@given(snapshots(), st.data())
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_plan_is_the_same_with_and_without_what_was_kept(
    snapshot: Snapshot, data: st.DataObject
) -> None:
    kept, bare, now_s = Memory(), Memory(), START_S
    for _ in range(data.draw(st.integers(2, 6))):
        plan, kept = decide(snapshot, kept, now_s)
        plain, bare = decide(snapshot, replace(bare, memos={}), now_s)
        assert repr(plan) == repr(plain)
        assert kept == bare
        snapshot = applied(snapshot, plan, now_s)
        calm = data.draw(st.integers(0, 3))
        tick = _calmly(data, snapshot) if calm else data.draw(ticks(snapshot))
        now_s += tick.after_s
        snapshot = ticked(snapshot, tick, now_s)


def test_equal_amounts_that_read_differently_are_told_apart() -> None:
    memo = Memo()

    def shown(amount: Decimal) -> str:
        return memo.get("price", (amount,), (), lambda: f"${amount}")

    assert [shown(Decimal(a)) for a in ("0.8", "0.80")] == ["$0.8", "$0.80"]


def test_the_same_is_made_once() -> None:
    memo, spec = Memo(), object()
    made: list[int] = []
    for rate in (1.0, 1.0, 2.0):
        memo.get("needed", (spec,), (rate, [3]), lambda: made.append(1))
    assert len(made) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"hit_share": 0.5},
        {"front_end_s": {"cpu": 0.002}},
        {"learned": {INT8: _TAUGHT}},
        {"proven": {INT8: Proven(40.0, 0.0, saturated=True)}},
    ],
)
def test_options_are_made_anew_where_what_they_are_made_of_moved(change: dict[str, Any]) -> None:
    state = ModelState(_SPEC, (Workload(INT8, 2, pods(2)),))
    snapshot, memory, memo = Snapshot((state,), {"cpu": accelerator()}), ModelMemory(), Memo()

    def offered(known: ModelMemory, memo: Memo) -> Offer:
        return offer_of(state, known, snapshot, 0.0, DEFAULT_POLICY, memo)

    before = offered(memory, memo)
    assert offered(memory, memo) is before
    assert FP32 in before.options
    moved = offered(memory._replace(**change), memo)
    assert moved == offered(memory._replace(**change), Memo())
    assert moved != before

"""The clairvoyant's choices, on loads small enough to work out by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.api.resources import AcceleratorClass, ObjectKey
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.policies.accuracy import Limit, most_accurate
from trimtab.simulate.policies.load_test import Carried
from trimtab.simulate.policies.oracle import Clock, Known, cheapest, cheapest_mix
from trimtab.simulate.policies.pin import Pinned
from trimtab.simulate.policies.shortage import share_classes

BIG, SMALL = WorkloadKey("big", "gpu"), WorkloadKey("small", "cpu")
A, B = ObjectKey("shop", "a"), ObjectKey("shop", "b")
CLOCK = Clock(tick_s=5.0, start_ticks=1, drain_ticks=1)


def way(key: WorkloadKey, accuracy: str, rate: float, price: str) -> Pinned:
    return Pinned(key, Decimal(accuracy), Decimal(price), Carried(1, rate, 0.01, rate, 0.01))


WAYS = (way(BIG, "0.80", 100.0, "1.00"), way(SMALL, "0.70", 20.0, "0.25"))


def known(*rates: float) -> Known:
    return Known(WAYS, np.array(rates), 1, 99)


def test_a_long_quiet_time_is_served_by_the_small_one() -> None:
    timeline = cheapest(known(*[100.0] * 10, *[20.0] * 30, *[100.0] * 10), CLOCK, 1.0)
    assert timeline[SMALL].tolist() == [0] * 9 + [1] * 31 + [0] * 10
    assert timeline[BIG].tolist() == [1] * 10 + [0] * 29 + [1] * 11


def test_a_short_quiet_time_is_not_worth_the_change() -> None:
    timeline = cheapest(known(*[100.0] * 10, *[20.0] * 2, *[100.0] * 10), CLOCK, 1.0)
    assert set(timeline) == {BIG}


def test_a_mix_carries_what_whole_replicas_leave_over_more_cheaply() -> None:
    timeline = cheapest_mix(known(*[220.0] * 20), CLOCK, 1.0)
    assert {k: c.tolist() for k, c in timeline.items()} == {BIG: [2] * 20, SMALL: [1] * 20}


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(1.0, 400.0), min_size=4, max_size=30))
def test_a_mix_is_never_dearer_than_one_at_a_time(rates: list[float]) -> None:
    def money(timeline: object) -> float:
        prices = {BIG: 1.0, SMALL: 0.25}
        return sum(prices[k] * c.sum() for k, c in timeline.items())  # type: ignore[attr-defined]

    alone, mixed = (f(known(*rates), CLOCK, 1.1) for f in (cheapest, cheapest_mix))
    assert money(mixed) <= money(alone) + 1e-9


def test_money_goes_where_it_buys_most_accuracy() -> None:
    models = {A: known(*[100.0] * 12), B: known(*[40.0] * 12)}
    shared = Limit(frozenset(models), np.full(2, 1.55))
    found = most_accurate(models, {A: 1.0, B: 1.0}, [shared], CLOCK, stretch_ticks=6)
    assert {k: set(t) for k, t in found.items()} == {A: {BIG}, B: {SMALL}}


def test_a_change_pays_for_old_and_new_at_once_or_does_not_happen() -> None:
    models = {A: known(*[100.0] * 6, *[20.0] * 6)}
    limits = [Limit(frozenset(models), np.array([1.3, 1.3]))]
    # Small in the first stretch (1.25): big in the second would need 2.25 while they change.
    tight = [
        Limit(frozenset(models), np.array([1.3, 1.3])),
        Limit(frozenset(models), np.array([0.0, 9.0]), "gpu"),
    ]
    assert set(most_accurate(models, {A: 1.0}, limits, CLOCK, 6)[A]) == {BIG}
    assert set(most_accurate(models, {A: 1.0}, tight, CLOCK, 6)[A]) == {SMALL}


def test_the_solver_says_nothing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    models = {A: known(*[100.0] * 6)}
    most_accurate(models, {A: 1.0}, [Limit(frozenset(models), np.array([9.0]))], CLOCK, 6)
    assert capfd.readouterr().out == ""


def test_in_a_shortage_the_largest_gives_first_and_keeps_one() -> None:
    timelines = {A: {SMALL: np.array([2, 6, 6])}, B: {SMALL: np.array([2, 3, 6])}}
    classes = {"cpu": AcceleratorClass("cpu", (), Decimal("0.1"), max_replicas=5)}
    shared = share_classes(timelines, classes)
    assert shared[A][SMALL].tolist() == [2, 2, 1]
    assert shared[B][SMALL].tolist() == [2, 3, 4]
    assert timelines[A][SMALL].tolist() == [2, 6, 6]

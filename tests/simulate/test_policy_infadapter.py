"""InfAdapter's choice of variants."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.policies.infadapter import Forecast, Setting, choose
from trimtab.simulate.policies.load_test import Carried
from trimtab.simulate.policies.pin import Pinned

BIG, SMALL = WorkloadKey("big", "gpu"), WorkloadKey("small", "gpu")


def way(key: WorkloadKey, accuracy: str, rate: float) -> Pinned:
    return Pinned(key, Decimal(accuracy), Decimal("1.00"), Carried(1, rate, 0.01, rate, 0.01))


WAYS = (way(BIG, "0.80", 125.0), way(SMALL, "0.70", 500.0))


def test_a_small_gain_in_accuracy_is_not_worth_much_money() -> None:
    near = (way(BIG, "0.702", 125.0), WAYS[1])
    assert choose(1000.0, Setting(near, 20, 20.0, mix=False), {}) == {SMALL: 3}


def test_the_more_accurate_is_taken_where_the_fleet_may_be_as_large() -> None:
    assert choose(1000.0, Setting(WAYS, 20, 20.0, mix=False), {}) == {BIG: 10}


def test_variants_share_the_load_where_the_accurate_one_alone_does_not_fit() -> None:
    assert choose(1000.0, Setting(WAYS, 6, 20.0, mix=False), {}) == {SMALL: 3}
    # Three of the big one carry 300, and two of the small one the rest.
    assert choose(1000.0, Setting(WAYS, 6, 20.0, mix=True), {}) == {BIG: 4, SMALL: 2}


def test_beyond_every_fleet_the_strongest_runs_as_large_as_it_may() -> None:
    assert choose(9000.0, Setting(WAYS, 6, 20.0, mix=True), {}) == {SMALL: 6}


def test_the_forecast_is_a_tenth_above_the_last_minutes_maximum_when_load_grows() -> None:
    forecast = Forecast()
    for t in range(0, 600, 10):
        forecast.note(100.0, float(t))
    assert forecast.rate() == pytest.approx(110.0)
    forecast.note(300.0, 601.0)
    assert forecast.rate() == pytest.approx(330.0)
    for t in range(660, 720, 10):
        forecast.note(50.0, float(t))
    # The mean of the maxima falls slowly: the peak is still in it.
    assert 110.0 < forecast.rate() < 150.0

"""A slope goes on while help is on its way; a step does not, and noise is neither."""

from __future__ import annotations

import math

import pytest

from tests.core.builders import Load, steady, steps
from tests.core.forecast.rates import (
    ACQUAINTED_S,
    NO_ROOM_FOR_BURSTS,
    TICK_S,
    ahead,
    poisson,
    watch,
)
from trimtab.core.forecast import History


def ramp(t_s: float) -> float:
    return 100.0 + 0.5 * max(0.0, t_s - 600.0)


def test_a_ramp_is_met_at_the_time_help_comes() -> None:
    told = ahead(watch(poisson(ramp, 1), 0, 900), NO_ROOM_FOR_BURSTS)
    assert told.reason == "Trend"
    assert told.rate == pytest.approx(ramp(960), rel=0.08)


def test_a_longer_way_to_ready_looks_further() -> None:
    history = watch(ramp, 0, 900)
    near, far = (ahead(history, NO_ROOM_FOR_BURSTS, lead_s=s).rate for s in (30.0, 90.0))
    assert far - near == pytest.approx(0.5 * 60)


def test_a_falling_rate_lowers_nothing() -> None:
    history = watch(lambda t: 1000.0 - t, 0, 600)
    assert ahead(history, NO_ROOM_FOR_BURSTS, level=430.0).rate == 430.0


@pytest.mark.parametrize("to", [1.2, 1.4, 3.0])
def test_a_step_is_no_slope(to: float) -> None:
    """A line through a step to 300 ends at 400, for two minutes."""
    load = poisson(steps((0, 500), (600, 500 * to)), 3)
    history = watch(load, 0, 610)
    for t in range(615, 760, 5):
        history = watch(load, t, t, history)
        assert ahead(history, NO_ROOM_FOR_BURSTS).reason != "Trend"


def wave(rate: float, swing: float, period_s: float) -> Load:
    return lambda t: rate * (1.0 + swing * math.sin(2.0 * math.pi * t / period_s))


@pytest.mark.parametrize(
    ("load", "lots", "share"),
    [
        # What is bought beyond the level, of noise alone and of a sine.
        (steady(20), 1.0, 0.01),
        (steady(500), 1.0, 0.01),
        (wave(20, 0.8, 1800), 1.0, 0.15),
        (wave(100, 0.8, 1800), 1.0, 0.15),
        (wave(500, 0.8, 3600), 1.0, 0.15),
        (wave(100, 0.8, 3600), 5.0, 0.15),
    ],
)
def test_two_hours_of_a_smooth_load_buy_little_beyond_it(
    load: Load, lots: float, share: float
) -> None:
    """It once took the slope of every wave for a burst, and ordered three times what came."""
    noisy = poisson(load, 8, lots)
    acquainted = History(watched_s=ACQUAINTED_S)
    history, levels, rates, worst = watch(noisy, 0, 60, acquainted), 0.0, 0.0, 0.0
    for t in range(65, 7200, int(TICK_S)):
        history = watch(noisy, t, t, history)
        level = sum(noisy(t - TICK_S * i) for i in range(12)) / 12
        told = ahead(history, level=level)
        levels, rates = levels + level, rates + told.rate
        worst = max(worst, told.rate / max(level, 1.0))
    assert rates <= (1.0 + share) * levels
    assert worst <= 2.0


@pytest.mark.parametrize("rate", [5.0, 200.0])
def test_noise_hardly_ever_is_a_slope(rate: float) -> None:
    load = poisson(steady(rate), 6)
    history, slopes = watch(load, 0, 600), 0
    for t in range(605, 6600, 5):
        history = watch(load, t, t, history)
        slopes += ahead(history, NO_ROOM_FOR_BURSTS).reason == "Trend"
    assert slopes <= 12

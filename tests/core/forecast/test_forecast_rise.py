"""A jump that its window has half seen is taken for what it is, once."""

from __future__ import annotations

import pytest

from tests.core.builders import steady, steps
from tests.core.forecast.rates import NO_ROOM_FOR_BURSTS, ahead, bursts, poisson, watch


def test_the_half_of_a_jump_that_the_window_has_not_seen_is_added() -> None:
    history = watch(bursts(100, 400, 1000), 0, 1000)
    assert history.recent[-1][1] == 250
    assert ahead(history).rate == pytest.approx(400)
    assert ahead(history).reason == "Rise"


def test_the_second_half_is_not_counted_again() -> None:
    """From 100 to 400 the window says 250, then 400: that is no way to 550."""
    history = watch(steady(100), 0, 995)
    for t in range(1000, 1060, 5):
        history = watch(steps((0, 100), (1000, 400)), t, t, history)
        assert ahead(history, NO_ROOM_FOR_BURSTS).rate <= 400


@pytest.mark.parametrize("lots", [1.0, 10.0])
def test_noise_is_no_rise(lots: float) -> None:
    load = poisson(steady(200), 4, lots)
    history = watch(load, 0, 600)
    for t in range(605, 2400, 5):
        history = watch(load, t, t, history)
        assert ahead(history).reason != "Rise"


def test_up_from_a_dip_is_back_and_not_a_rise() -> None:
    load = steps((0, 200), (1000, 100), (1010, 200))
    for t in (1010, 1015, 1020):
        assert ahead(watch(load, 0, t)).rate <= 200


def test_in_the_minute_after_a_jump_it_is_expected_to_come_to_what_earlier_ones_did() -> None:
    earlier = (1000.0, 2000.0, 3000.0)
    history = watch(bursts(100, 400, *earlier), 0, 4000)
    rising = watch(steps((0, 100), (4005, 250)), 4005, 4020, history)
    assert ahead(rising, NO_ROOM_FOR_BURSTS).rate == 400
    # No more than twice what is seen.
    small = watch(steps((0, 100), (4005, 160)), 4005, 4020, history)
    assert ahead(small, NO_ROOM_FOR_BURSTS).rate == 320
    later = watch(steps((0, 100), (4005, 250)), 4025, 4080, rising)
    assert ahead(later, NO_ROOM_FOR_BURSTS).rate == 250

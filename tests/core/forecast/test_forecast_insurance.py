"""Room for what nothing foretells: bought after surprises, and let go in the calm after them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import steady
from tests.core.forecast.rates import NO_ROOM_FOR_BURSTS, ahead, bursts, watch
from trimtab.core.forecast.history import History
from trimtab.core.forecast.insurance import expected_height, worth
from trimtab.core.settings import DEFAULT_POLICY

# At odd times: nothing of the clock is in them.
SURPRISES = (1000.0, 2450.0, 3860.0)


def surprised() -> History:
    return watch(bursts(100, 400, *SURPRISES), 0, 4640)


def test_after_surprises_there_is_room_for_another() -> None:
    history = surprised()
    assert history.surprises == 3
    told = ahead(history, lead_s=90.0)
    assert told.reason == "Insurance"
    assert 300 < told.rate < 500


def test_calm_hours_let_it_go() -> None:
    history = surprised()
    calm = replace(history, watched_s=history.watched_s + 12 * 3600)
    assert ahead(calm, lead_s=90.0).reason == "Level"


def test_who_gives_nothing_for_late_requests_buys_nothing() -> None:
    assert ahead(surprised(), NO_ROOM_FOR_BURSTS, lead_s=90.0).reason == "Level"


def test_what_was_never_seen_is_not_expected_however_slow_the_start() -> None:
    assert ahead(watch(steady(100), 0, 300), lead_s=600.0).reason == "Level"


def test_the_height_is_that_of_the_larger_bursts_seen() -> None:
    nothing_seen = watch(steady(100), 0, 300)
    assert expected_height(nothing_seen, DEFAULT_POLICY) == DEFAULT_POLICY.burst_ratio
    history = surprised()
    assert history.calm_rate is not None
    assert expected_height(history, DEFAULT_POLICY) == pytest.approx(400 / history.calm_rate)


def test_room_is_worth_it_where_what_it_saves_is_its_price() -> None:
    # A burst to twice the rate, one time in ten, 30 s of it late: 6 requests; 20 s of room.
    assert worth(0.1, 2.0, 20.0, 30.0, 20 / 6)
    assert not worth(0.1, 2.0, 20.0, 30.0, 3.3)
    assert not worth(1.0, 1.0, 20.0, 30.0, 1e9)

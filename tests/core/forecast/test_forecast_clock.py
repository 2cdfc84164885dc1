"""Before the first burst was ever seen: what jumps often does so on the half hour of the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import steady
from tests.core.forecast.rates import ahead, bursts, watch
from trimtab.core.forecast.recurrence import clock_chance, is_on_the_clock

HALF_HOUR_S = 1800.0


def test_room_for_the_half_hour_is_ready_when_it_strikes_and_three_minutes_later_let_go() -> None:
    kept = [
        t
        for t in range(1500, 2200, 5)
        if ahead(watch(steady(100), t - 900, t), lead_s=60.0).reason == "Clock"
    ]
    assert (kept[0], kept[-1]) == (1740, 1975)


def test_four_times_the_usual_is_believed_of_it() -> None:
    told = ahead(watch(steady(100), 900, 1790))
    assert told.rate == pytest.approx(400, rel=0.05)


def test_in_the_first_ten_minutes_nothing_is_believed() -> None:
    """Whoever installs it at a minute to three is not met by four times the replicas; unless his
    pods take so long that waiting to know is dearer."""
    history = watch(steady(100), 1500, 1790)
    assert ahead(history, lead_s=20.0).reason == "Level"
    assert ahead(history, lead_s=60.0).reason == "Clock"


def test_where_pods_start_in_seconds_it_is_not_worth_it() -> None:
    assert ahead(watch(steady(100), 900, 1790), lead_s=12.0).reason == "Level"


def test_quiet_half_hours_end_the_belief() -> None:
    assert clock_chance(700.0, 20.0) == pytest.approx(0.25)
    hours = replace(watch(steady(100), 900, 1790), watched_s=8 * 3600.0)
    assert ahead(hours, lead_s=60.0).reason == "Level"
    # Where it is half as dear to be late, it is given up in a third of the time.
    early = replace(hours, watched_s=2 * 3600.0)
    assert ahead(early, lead_s=20.0).reason == "Level"
    assert ahead(early, lead_s=60.0).reason == "Clock"


def test_the_first_burst_tells_a_time_of_its_own() -> None:
    seen = watch(bursts(100, 400, 1000.0), 0, 3590)
    assert is_on_the_clock(3590, 60.0)
    assert ahead(seen).reason != "Clock"
